"""The console's pages."""

from __future__ import annotations

from django.urls import path

from npuconsole.console.views.chat import chat
from npuconsole.console.views.connect import connect
from npuconsole.console.views.models import models
from npuconsole.console.views.overview import overview
from npuconsole.console.views.requests import requests
from npuconsole.console.views.routing import routing
from npuconsole.console.views.settings import settings, settings_apply, settings_undo
from npuconsole.console.views.settings_doctor import (
    doctor_bundle,
    doctor_look,
    doctor_mend,
    settings_doctor,
)
from npuconsole.console.views.settings_file import (
    settings_export,
    settings_file,
    settings_import,
    settings_preview,
)

app_name = "console"

urlpatterns = [
    path("", overview, name="overview"),
    path("chat/", chat, name="chat"),
    path("models/", models, name="models"),
    path("routing/", routing, name="routing"),
    path("requests/", requests, name="requests"),
    path("connect/", connect, name="connect"),
    path("settings/", settings, name="settings"),
    path("settings/apply/<slug:key>/", settings_apply, name="settings-apply"),
    path("settings/undo/<slug:key>/", settings_undo, name="settings-undo"),
    path("settings/file/", settings_file, name="settings-file"),
    path("settings/file/export/", settings_export, name="settings-export"),
    path("settings/file/preview/", settings_preview, name="settings-preview"),
    path("settings/file/import/", settings_import, name="settings-import"),
    path("settings/doctor/", settings_doctor, name="settings-doctor"),
    path("settings/doctor/look/", doctor_look, name="doctor-look"),
    path("settings/doctor/mend/", doctor_mend, name="doctor-mend"),
    path("settings/doctor/support.zip", doctor_bundle, name="doctor-bundle"),
]
