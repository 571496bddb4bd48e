"""The list of requests, and receipts."""

from __future__ import annotations

from django.urls import path

from npuconsole.console.requests.views import (
    ask_again,
    forget_prompt,
    receipt,
    requests,
    requests_list,
)

urlpatterns = [
    path("requests/", requests, name="requests"),
    path("requests/list/", requests_list, name="requests_list"),
    path("requests/<slug:request_id>/", receipt, name="receipt"),
    path("requests/<slug:request_id>/forget/", forget_prompt, name="forget_prompt"),
    path("requests/<slug:request_id>/replay/", ask_again, name="ask_again"),
]
