"""The console's pages."""

from __future__ import annotations

from django.urls import path

from npuconsole.console.views.chat import chat
from npuconsole.console.views.connect import connect
from npuconsole.console.views.models import models
from npuconsole.console.views.overview import overview
from npuconsole.console.views.requests import (
    ask_again,
    forget_prompt,
    receipt,
    requests,
    requests_list,
)
from npuconsole.console.views.routing import routing
from npuconsole.console.views.settings import settings

app_name = "console"

urlpatterns = [
    path("", overview, name="overview"),
    path("chat/", chat, name="chat"),
    path("models/", models, name="models"),
    path("routing/", routing, name="routing"),
    path("requests/", requests, name="requests"),
    path("requests/list/", requests_list, name="requests_list"),
    path("requests/<slug:request_id>/", receipt, name="receipt"),
    path("requests/<slug:request_id>/forget/", forget_prompt, name="forget_prompt"),
    path("requests/<slug:request_id>/replay/", ask_again, name="ask_again"),
    path("connect/", connect, name="connect"),
    path("settings/", settings, name="settings"),
]
