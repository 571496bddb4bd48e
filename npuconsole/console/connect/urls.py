"""How clients reach this server."""

from __future__ import annotations

from django.urls import path

from npuconsole.console.connect.views import connect

urlpatterns = [
    path("connect/", connect, name="connect"),
]
