"""The doctor: what is wrong with machine and catalogue, what to do, and a bundle for who helps."""

from __future__ import annotations

from datetime import UTC, datetime

from asgiref.sync import async_to_sync, sync_to_async
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from inference import configuration, devices, upkeep
from inference.probing import ProbeFailed
from inference.upkeep import Treatment
from npuconsole.console.pages import Context, console_action, console_page
from npuconsole.console.settings.doctor_rounds import all_remarks, rounds, verdict
from npuconsole.support import bundle

BODY = "console/doctor_body.html"


@console_page("settings", "console/doctor.html")
def settings_doctor(request: HttpRequest) -> Context:
    """The page: a look costs milliseconds, so it is taken anew every time."""
    return {"tab": "doctor", "contents": bundle.CONTENTS.items(), **_findings(_examined())}


@console_action
async def doctor_look(request: HttpRequest) -> HttpResponse:
    """Ask OpenVINO for the devices anew, a second or two, and look again."""
    said = "Looked again."
    try:
        await devices.discover()
        await configuration.refresh()
    except ProbeFailed as problem:
        said = f"The devices could not be asked: {problem}"
    return await _body(request, [Treatment(found) for found in await upkeep.examine()], said)


@console_action
async def doctor_mend(request: HttpRequest) -> HttpResponse:
    """Mend in the catalogue what can be without asking; what was done stands in its place."""
    treatments = await upkeep.treat()
    done = sum(bool(treatment.done) for treatment in treatments)
    said = f"Mended: {done}." if done else "Nothing could be mended without you."
    return await _body(request, list(treatments), said)


@console_page("settings")
def doctor_bundle(request: HttpRequest) -> HttpResponse:
    """The support bundle."""
    content = bundle.build(list(all_remarks(_examined())))
    response = HttpResponse(content, content_type="application/zip")
    name = f"npuconsole-support-{datetime.now(UTC):%Y-%m-%d-%H%M}.zip"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


async def _body(request: HttpRequest, treatments: list[Treatment], said: str) -> HttpResponse:
    context = await sync_to_async(_findings)(treatments)
    return await sync_to_async(render)(request, BODY, {**context, "said": said})


def _findings(treatments: list[Treatment]) -> Context:
    found = rounds(treatments)
    return {
        "rounds": found,
        "verdict": verdict(found),
        "can_mend": any(remark.can_be_fixed for each in found for remark in each.remarks),
    }


def _examined() -> list[Treatment]:
    return [Treatment(finding) for finding in async_to_sync(upkeep.examine)()]
