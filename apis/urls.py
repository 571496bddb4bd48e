"""Every API path. Resolved by `apis.handler`, never by the site's own URLs."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path
from ninja import NinjaAPI

from apis.anthropic.routes import api as anthropic
from apis.npu.routes import api as npu
from apis.ollama.routes import api as ollama
from apis.openai.routes import api as openai
from apis.system.routes import api as system


def _routes(api: NinjaAPI) -> tuple[list[URLPattern | URLResolver], str, str]:
    """The API's routes without ninja's redirect from its root to its documentation."""
    patterns, app_name, namespace = api.urls
    kept = [item for item in patterns if getattr(item, "name", "") != "api-root"]
    return kept, app_name, namespace


def _mounted(prefix: str, api: NinjaAPI) -> URLResolver:
    patterns, app_name, namespace = _routes(api)
    return path(prefix, include((patterns, app_name), namespace=namespace))


urlpatterns = [
    _mounted("api/npu/", npu),
    _mounted("api/", ollama),
    _mounted("v1/", openai),
    _mounted("v1/", anthropic),
    _mounted("", system),
]
