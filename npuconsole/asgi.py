"""The one ASGI application: which part answers which connection.

API paths go to `apis.door` and meet none of Django's middleware nor its thread per request
(three quarters of a request's cost); static files to `npuconsole.assets`; all other HTTP to Django.
Any ASGI server can run it, but only `serve` also starts the appliance.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "npuconsole.settings")

from django.core.asgi import get_asgi_application

pages = get_asgi_application()  # sets Django up, so it comes before what uses it

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.conf import settings

from apis import door
from npuconsole.assets import Assets
from npuconsole.console.sockets import websocket_urlpatterns

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

assets = Assets(settings.STATIC_URL)


async def http(scope: Message, receive: Receive, send: Send) -> None:
    """Hand an HTTP request to the part it belongs to."""
    if door.is_api_scope(scope):
        await door.application(scope, receive, send)
    elif scope["path"].startswith(assets.prefix):
        await assets(scope, receive, send)
    else:
        await pages(scope, receive, send)  # type: ignore[arg-type]


application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(URLRouter(websocket_urlpatterns))
        ),
    }
)
