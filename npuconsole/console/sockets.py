"""Where the console's websockets live; the site's ASGI application mounts these behind its origin
check and session."""

from __future__ import annotations

from django.urls import path

from npuconsole.console.consumers import ChatConsumer, LiveConsumer

websocket_urlpatterns = [
    path("console/live", LiveConsumer.as_asgi()),
    path("console/chat", ChatConsumer.as_asgi()),
]
