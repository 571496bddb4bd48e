"""The page of routing and what it asks for."""

from __future__ import annotations

from django.urls import path

from npuconsole.console.routing.views import (
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

urlpatterns = [
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
]
