"""The first page: devices, what runs, what was decided."""

from __future__ import annotations

from dataclasses import asdict

import orjson
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect

from inference import dispatch, vitals
from npuconsole.console.overview.welcome import is_welcome_due
from npuconsole.console.pages import Context, Refusal, console_action, console_page


@console_page("overview")
def overview(request: HttpRequest) -> Context | HttpResponse:
    """The page. What moves comes with the picture, the last quarter of an hour only once."""
    if is_welcome_due(request):
        return redirect("console:welcome")
    return {"history": _history()}


@console_page("overview")
def history(request: HttpRequest) -> HttpResponse:
    """The samples of the last quarter of an hour, for a page that missed some."""
    return HttpResponse(orjson.dumps(_history()), content_type="application/json")


@console_action
async def cancel_request(request: HttpRequest, request_id: str) -> HttpResponse:
    """End a request under way; its client is told so."""
    if not dispatch.cancel(request_id):
        raise Refusal("It had ended already.", status=404)
    return JsonResponse({})


def _history() -> dict[str, object]:
    samples = [asdict(sample) for sample in vitals.samples()]
    return {"step_seconds": vitals.STEP_SECONDS, "kept": vitals.KEPT, "samples": samples}
