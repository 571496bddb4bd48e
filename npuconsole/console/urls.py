"""The console's pages."""

from __future__ import annotations

from django.urls import path

from npuconsole.console import views

app_name = "console"

urlpatterns = [path("", views.overview, name="overview")]
