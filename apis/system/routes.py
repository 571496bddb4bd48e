"""`/`, `/health`, `/health/devices`, `/metrics`."""

from __future__ import annotations

import asyncio
from typing import Any

from django.http import HttpResponse
from ninja import NinjaAPI
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from apis.answers import JsonAnswer, PlainAnswer
from apis.calls import ApiRequest
from apis.faults import answer_errors
from apis.system import frames
from apis.system.errors import answer_error
from apis.system.schemas import Devices, Health
from inference import status

api = NinjaAPI(title="npuconsole: system", urls_namespace="system", docs_url=None, openapi_url=None)
answer_errors(api, answer_error)

JSON = "application/json; charset=utf-8"


@api.get("/", include_in_schema=False)
async def root(request: ApiRequest) -> HttpResponse:
    """Clients of Ollama look here for a server; browsers get the console instead."""
    return PlainAnswer(frames.RUNNING)


@api.get("/health", response=Health)
async def health(request: ApiRequest) -> HttpResponse:
    """200 while the server lives, with the state in words; 503 once it is stopping."""
    found = frames.read_health()
    code = 503 if found.status == "stopping" else 200
    return JsonAnswer(found.model_dump(), content_type=JSON, status=code)


@api.get("/health/devices", response=Devices)
async def devices(request: ApiRequest) -> HttpResponse:
    """Every device with its limits and engines."""
    return JsonAnswer(frames.read_devices().model_dump(), content_type=JSON)


@api.get("/metrics", include_in_schema=False)
async def metrics(request: ApiRequest) -> HttpResponse:
    """Everything there is to count, for Prometheus. Rendered in a thread: it takes milliseconds."""
    status.refresh_gauges()
    text: Any = await asyncio.to_thread(generate_latest)
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)
