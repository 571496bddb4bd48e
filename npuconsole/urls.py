"""The pages. API paths never get here, see `npuconsole.asgi`."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("npuconsole.console.urls")),
]
