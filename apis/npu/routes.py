"""Which path of /api/npu does what."""

from __future__ import annotations

import contextlib
import re
from typing import Annotated

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from ninja import NinjaAPI, Query

from apis import access
from apis.answers import FrameStream, JsonAnswer
from apis.bodies import JsonParser
from apis.calls import ApiRequest
from apis.describing import describe, streams_as
from apis.faults import answer_errors
from apis.npu import frames, looking_after, pulls, translation
from apis.npu.errors import ERROR, JSON, STATUS, UnknownRequest, answer_error
from apis.npu.schemas import (
    CalibrateBody,
    CompressBody,
    ConvertBody,
    FitAnswer,
    Passports,
    Receipt,
    Receipts,
    RouteBody,
    RoutePreview,
)
from apis.wishes import PREFER_DEVICE, read_asked
from inference import conversions, dispatch, previews, records, snapshot, status
from inference.calibration import passports, runs
from inference.calibration.runs import Done
from inference.catalog.fit import lookup
from inference.catalog.jobs import PullWatch
from inference.catalog.known.catalogue import npu_exports
from inference.errors import InvalidRequest, ModelNotFound

api = NinjaAPI(
    title="npuconsole: routing, receipts and calibration",
    urls_namespace="npu",
    parser=JsonParser(),
    docs_url=None,
    openapi_url=None,
)
answer_errors(api, answer_error)
api.add_router("/pulls", pulls.router)
api.add_router("", looking_after.router)

MOST_RECEIPTS = 200
_REQUEST_ID = re.compile(r"req_[0-9a-f]{24}(_\d{1,2})?")
"""Of several answers to one request, all but the first have a number at the end."""


@api.get("/openapi.json", include_in_schema=False)
async def openapi(request: ApiRequest) -> HttpResponse:
    """This API's description."""
    return describe(api, "api/npu/", statuses=set(STATUS.values()), error=ERROR)


@api.get("/requests", response=Receipts)
async def newest(
    request: ApiRequest, limit: Annotated[int, Query(ge=1, le=MOST_RECEIPTS)] = 20
) -> HttpResponse:
    """The receipts of the newest requests, those under way first."""
    picture, lines = snapshot.current(), status.waiting()
    running = [
        frames.receipt_so_far(entry, picture, lines) for entry in status.running_requests()[::-1]
    ]
    ended = list(status.recent_decisions())
    if len(running) + len(ended) < limit:
        ended = frames.merged(ended, await records.newest(limit))
    receipts = running + [frames.receipt_of(record, picture) for record in ended]
    answer = Receipts(requests=receipts[:limit])
    return JsonAnswer(answer.model_dump(), content_type=JSON)


@api.get("/requests/{request_id}", response=Receipt)
async def receipt(request: ApiRequest, request_id: str) -> HttpResponse:
    """Where one answer ran, and why; of a request under way, what is known so far."""
    if not _REQUEST_ID.fullmatch(request_id):
        raise UnknownRequest(request_id)
    if entry := status.find_running(request_id):
        found = frames.receipt_so_far(entry, snapshot.current(), status.waiting())
    elif record := status.find_record(request_id) or await records.find(request_id):
        found = frames.receipt_of(record, snapshot.current())
    else:
        raise UnknownRequest(request_id)
    return JsonAnswer(found.model_dump(), content_type=JSON)


@api.post("/route", response=RoutePreview)
async def route(request: ApiRequest, body: RouteBody) -> HttpResponse:
    """What would happen to a prompt, and why, for every device. Nothing is run or loaded."""
    asked = translation.asked_by(body, request.headers.get(PREFER_DEVICE, ""))
    try:
        model = dispatch.resolve_model(asked.model)
    except ModelNotFound:
        raise ModelNotFound(body.name) from None
    wanted = translation.route_request(request.call, body, asked, model)
    picture = snapshot.current()
    told = await previews.preview(wanted, picture, status.load_of)
    # Who asks for a device waits for it.
    may_move = wanted.wish is None
    meanwhile = previews.answers_meanwhile(told, picture, status.load_of) if may_move else None
    return JsonAnswer(frames.preview_of(told, meanwhile).model_dump(), content_type=JSON)


@api.get("/fit", response=FitAnswer)
async def fit(request: ApiRequest, model: Annotated[str, Query(max_length=400)]) -> HttpResponse:
    """Which devices can run a model, before a byte of its weights is fetched."""
    found = frames.fit_of(model, await lookup.fit_of(model, candidates=npu_exports()))
    return JsonAnswer(found.model_dump(), content_type=JSON)


@api.get("/passports", response=Passports)
async def stored_passports(request: ApiRequest) -> HttpResponse:
    """What calibration found, stale passports included."""
    found = [frames.passport_of(report) for report in await passports.reports()]
    return JsonAnswer(Passports(passports=found).model_dump(), content_type=JSON)


@api.post("/calibrate", response=Passports, openapi_extra=streams_as(frames.NDJSON))
async def calibrate(request: ApiRequest, body: CalibrateBody | None = None) -> HttpResponseBase:
    """Measure a model on a device, or all that can be: a line for every step, the last one with
    the passports, or just that with "stream": false. It ends when the client leaves."""
    wanted = body or CalibrateBody()
    updates = runs.run(wanted.model or None, wanted.device or None)
    if wanted.stream is False:
        async with contextlib.aclosing(updates):
            async for update in updates:
                if isinstance(update, Done):
                    return JsonAnswer(frames.update_object(update), content_type=JSON)
        raise RuntimeError("a calibration ended without its passports")
    first = await anext(updates)  # what cannot be measured is refused before any line is out
    return FrameStream(
        frames.calibration_lines(request.call, first, updates),
        content_type=frames.NDJSON,
        release=updates.aclose,
    )


@api.post("/models/compress", openapi_extra=streams_as(frames.NDJSON))
async def compress(request: ApiRequest, body: CompressBody) -> HttpResponseBase:
    """Make other weights of an installed model: the lines of a pull, with the quality before it is
    published, and "success" last. The job is the server's: it goes on when the client leaves."""
    if not body.model:
        raise InvalidRequest("model is required", field="model")
    watch = await conversions.compress(
        read_asked(body.model).model, body.to or "", body.name or "", is_forced=bool(body.force)
    )
    return await _progress(request, watch, body.stream)


@api.post("/models/convert", openapi_extra=streams_as(frames.NDJSON))
async def convert(request: ApiRequest, body: ConvertBody) -> HttpResponseBase:
    """Make an OpenVINO model of safetensors, from a hub or a folder; lines as those of compress."""
    if not body.source:
        raise InvalidRequest("source is required", field="source")
    watch = await conversions.convert(
        body.source,
        body.to or "",
        body.name or "",
        is_forced=bool(body.force),
        anywhere=access.is_loopback(request.call.client),  # as with pulls
    )
    return await _progress(request, watch, body.stream)


async def _progress(request: ApiRequest, watch: PullWatch, stream: bool | None) -> HttpResponseBase:
    lines = conversions.lines(watch)
    if stream is False:
        async for _ in lines:
            pass
        return JsonAnswer({"status": "success"}, content_type=JSON)
    return FrameStream(frames.job_lines(request.call, lines), content_type=frames.NDJSON)
