"""Settings, the configuration as a file, the doctor."""

from __future__ import annotations

from django.urls import path

from npuconsole.console.settings.doctor import (
    doctor_bundle,
    doctor_look,
    doctor_mend,
    settings_doctor,
)
from npuconsole.console.settings.file import (
    settings_export,
    settings_file,
    settings_import,
    settings_preview,
)
from npuconsole.console.settings.views import settings, settings_apply, settings_undo

urlpatterns = [
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
