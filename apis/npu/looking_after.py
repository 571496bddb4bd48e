"""/api/npu/models and /api/npu/doctor: verify, mend, rename and delete models, and what they take
of the disk."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from ninja import Router

from apis.answers import FrameStream, JsonAnswer
from apis.calls import ApiRequest
from apis.describing import streams_as
from apis.npu.errors import JSON, error_object
from apis.npu.frames import NDJSON
from apis.npu.looking_after_schemas import (
    Deleted,
    DiskReport,
    DoctorBody,
    DoctorReport,
    FoundThing,
    ImportablePlace,
    Importables,
    ModelDisk,
    NamedModel,
    Reloaded,
    RenameBody,
    Renamed,
    UpdateFound,
    Updates,
    VerifiedFile,
    VerifiedForm,
    VerifiedModels,
    VerifyBody,
)
from apis.progress import progress_object, step_lines
from inference import configuration, library, upkeep
from inference.catalog.names import parse_name
from inference.catalog.progress import PullFrame
from inference.upkeep import Treatment, Verified

router = Router()


@router.post("/models/verify", response=VerifiedModels, openapi_extra=streams_as(NDJSON))
async def verify(request: ApiRequest, body: VerifyBody | None = None) -> HttpResponseBase:
    """Read every byte of a model, or of all: lines as of a pull, the last one with what was found,
    or just that with "stream": false. What is damaged is not used any more; "repull" fetches it
    again."""
    wanted = body or VerifyBody()
    name = parse_name(wanted.model) if wanted.model else None
    if wanted.stream is False:
        end = await upkeep.verify_at_once(name, repull=bool(wanted.repull))
        return JsonAnswer(verified_object(end), content_type=JSON)
    steps = upkeep.verify(name, repull=bool(wanted.repull))
    first = await anext(steps)  # a model that is not there is refused before any line is out
    return FrameStream(
        step_lines(request.call, steps, _step_object, error_object, first),
        content_type=NDJSON,
        release=steps.aclose,
    )


@router.get("/models/disk", response=DiskReport)
async def disk(request: ApiRequest) -> HttpResponse:
    """What the models take of the disk, and what deleting one would free."""
    use, free_bytes = await upkeep.disk_use()
    report = DiskReport(
        models=[ModelDisk.model_validate(asdict(model)) for model in use.models],
        installed_bytes=use.installed_bytes,
        quarantined_bytes=use.quarantined_bytes,
        unfinished_bytes=use.unfinished_bytes,
        uploaded_bytes=use.uploaded_bytes,
        dropped_bytes=use.dropped_bytes,
        free_bytes=free_bytes,
    )
    return JsonAnswer(report.model_dump(), content_type=JSON)


@router.post("/models/delete", response=Deleted)
async def delete(request: ApiRequest, body: NamedModel) -> HttpResponse:
    """Delete a model; says what that freed."""
    freed = await library.delete(parse_name(body.model))
    return JsonAnswer(Deleted(status="success", freed_bytes=freed).model_dump(), content_type=JSON)


@router.post("/models/rename", response=Renamed)
async def rename(request: ApiRequest, body: RenameBody) -> HttpResponse:
    """Give a model another name, in one step."""
    new = parse_name(body.new_name)
    await library.rename(parse_name(body.model), new)
    return JsonAnswer(Renamed(status="success", model=new.display).model_dump(), content_type=JSON)


@router.get("/models/updates", response=Updates)
async def updates(request: ApiRequest, model: str = "") -> HttpResponse:
    """Whether the hub has other files of a model now, or of any that came from one."""
    found = await upkeep.check_updates(parse_name(model) if model else None)
    listed = [
        UpdateFound(
            model=report.model,
            source=report.source,
            state=report.state,
            words=report.words,
            changed=list(report.changed),
        )
        for report in found
    ]
    return JsonAnswer(Updates(models=listed).model_dump(), content_type=JSON)


@router.get("/models/importable", response=Importables)
async def importable(request: ApiRequest) -> HttpResponse:
    """What lies in the import folder; pull an entry's "request" to import it."""
    found = [ImportablePlace.model_validate(asdict(item)) for item in await upkeep.importable()]
    return JsonAnswer(Importables(places=found).model_dump(), content_type=JSON)


@router.post("/configuration/reload", response=Reloaded)
async def reload(request: ApiRequest) -> HttpResponse:
    """Read the configuration's rows anew, after another process of this machine changed them."""
    await configuration.refresh()
    return JsonAnswer(Reloaded(status="success").model_dump(), content_type=JSON)


@router.get("/doctor", response=DoctorReport)
async def doctor(request: ApiRequest) -> HttpResponse:
    """Where catalogue and disk disagree, each with what to do."""
    found = [Treatment(finding) for finding in await upkeep.examine()]
    return JsonAnswer(report_of(found).model_dump(), content_type=JSON)


@router.post("/doctor", response=DoctorReport)
async def treat(request: ApiRequest, body: DoctorBody | None = None) -> HttpResponse:
    """The same, with "fix" after what can be mended without asking was mended."""
    if body is None or not body.fix:
        return await doctor(request)
    return JsonAnswer(report_of(await upkeep.treat()).model_dump(), content_type=JSON)


def report_of(treatments: list[Treatment] | tuple[Treatment, ...]) -> DoctorReport:
    """What the doctor says. Well is what is not wrong, or was mended."""
    findings = [
        FoundThing(
            check=treatment.finding.check,
            subject=treatment.finding.subject,
            words=treatment.finding.words,
            advice=treatment.finding.advice,
            is_wrong=treatment.finding.is_wrong,
            can_be_fixed=treatment.finding.fix is not None,
            done=treatment.done,
        )
        for treatment in treatments
    ]
    is_well = all(found.done or not found.is_wrong for found in findings)
    return DoctorReport(ok=is_well, findings=findings)


def verified_object(end: Verified) -> dict[str, Any]:
    """The last line. Its status is "success" if everything is whole, or is again."""
    return VerifiedModels(
        status="success" if end.is_well else "damaged",
        pulled=list(end.pulled),
        variants=[
            VerifiedForm(
                models=list(check.models),
                folder=check.folder,
                weight_format=check.weight_format,
                ok=check.is_well,
                quarantined=check.is_quarantined,
                files=[VerifiedFile(name=file.name, state=file.state) for file in check.files],
            )
            for check in end.checks
        ],
    ).model_dump()


def _step_object(step: PullFrame | Verified) -> dict[str, Any]:
    return verified_object(step) if isinstance(step, Verified) else progress_object(step)
