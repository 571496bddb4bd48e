"""The console's pages."""

from __future__ import annotations

from django.urls import path

from npuconsole.console import model_urls
from npuconsole.console.views.chat import chat
from npuconsole.console.views.connect import connect
from npuconsole.console.views.overview import overview
from npuconsole.console.views.requests import requests
from npuconsole.console.views.routing import routing
from npuconsole.console.views.settings import settings

app_name = "console"

urlpatterns = [
    path("", overview, name="overview"),
    path("chat/", chat, name="chat"),
    *model_urls.urlpatterns,
    path("routing/", routing, name="routing"),
    path("requests/", requests, name="requests"),
    path("connect/", connect, name="connect"),
    path("settings/", settings, name="settings"),
]
