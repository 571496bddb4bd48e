"""The console's pages."""

from __future__ import annotations

from django.urls import path

from npuconsole.console import chat_urls, model_urls
from npuconsole.console.views.connect import connect
from npuconsole.console.views.overview import cancel_request, history, overview
from npuconsole.console.views.requests import (
    ask_again,
    forget_prompt,
    receipt,
    requests,
    requests_list,
)
from npuconsole.console.views.routing import (
    routing,
    routing_apply,
    routing_calibrate,
    routing_calibration_dismiss,
    routing_calibration_stop,
    routing_dry_run,
    routing_preview,
    routing_undo,
    routing_use_measured,
)
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
from npuconsole.console.views.welcome import (
    create_owner,
    first_model,
    get_model,
    offers,
    pull_failure,
    skip,
    welcome,
)

app_name = "console"

urlpatterns = [
    path("", overview, name="overview"),
    path("overview/history/", history, name="history"),
    path("overview/cancel/<slug:request_id>/", cancel_request, name="cancel-request"),
    path("welcome/", welcome, name="welcome"),
    path("welcome/owner/", create_owner, name="create-owner"),
    path("welcome/skip/", skip, name="skip-welcome"),
    path("welcome/model/", first_model, name="first-model"),
    path("welcome/offers/", offers, name="first-model-offers"),
    path("welcome/get/", get_model, name="get-first-model"),
    path("welcome/failure/", pull_failure, name="first-model-failure"),
    *chat_urls.urlpatterns,
    *model_urls.urlpatterns,
    path("routing/", routing, name="routing"),
    path("routing/preview/", routing_preview, name="routing-preview"),
    path("routing/apply/", routing_apply, name="routing-apply"),
    path("routing/measured/", routing_use_measured, name="routing-use-measured"),
    path("routing/undo/<int:change_id>/", routing_undo, name="routing-undo"),
    path("routing/dry-run/", routing_dry_run, name="routing-dry-run"),
    path("routing/calibration/", routing_calibrate, name="routing-calibrate"),
    path("routing/calibration/stop/", routing_calibration_stop, name="routing-calibration-stop"),
    path(
        "routing/calibration/dismiss/",
        routing_calibration_dismiss,
        name="routing-calibration-dismiss",
    ),
    path("requests/", requests, name="requests"),
    path("requests/list/", requests_list, name="requests_list"),
    path("requests/<slug:request_id>/", receipt, name="receipt"),
    path("requests/<slug:request_id>/forget/", forget_prompt, name="forget_prompt"),
    path("requests/<slug:request_id>/replay/", ask_again, name="ask_again"),
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
