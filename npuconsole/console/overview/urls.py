"""The overview, and the first steps."""

from __future__ import annotations

from django.urls import path

from npuconsole.console.overview.views import cancel_request, history, overview
from npuconsole.console.overview.welcome import (
    create_owner,
    first_model,
    get_model,
    offers,
    pull_failure,
    skip,
    welcome,
)

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
]
