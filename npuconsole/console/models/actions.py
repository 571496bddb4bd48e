"""What the pages of the models change: each verb does what the API families' call of the same
meaning does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse

from inference import configuration, conversions, dispatch, library, snapshot
from inference.catalog import jobs
from inference.catalog.names import parse_name
from inference.database import in_database_thread
from inference.errors import InferenceError, InvalidRequest, ModelNotFound
from inference.models import Device, Model, PinnedPair, PullJob
from inference.snapshot import ModelInfo
from npuconsole.console.access import is_loopback
from npuconsole.console.figures import size
from npuconsole.console.models import model_chores
from npuconsole.console.models.chores import TooManyChores
from npuconsole.console.models.preset_forms import read_presets
from npuconsole.console.models.work import board, chores
from npuconsole.console.pages import Refusal, console_action
from npuconsole.console.words import sentence

MOST_NAME = 400

Body = Mapping[str, Any]
Answer = dict[str, Any]


@console_action
async def act(request: HttpRequest, verb: str) -> HttpResponse:
    """POST models/do/<verb>/ with a JSON object."""
    do = VERBS.get(verb)
    if do is None:
        raise Refusal("There is no such action.", status=404)
    body = _read_body(request)
    try:
        answer = await do(body | {"_address": request.META.get("REMOTE_ADDR", "")})
    except TooManyChores:
        raise Refusal("Too much is under way; wait until something ends.", status=429) from None
    except ModelNotFound as error:
        raise Refusal(sentence(error.message), field="model", status=404) from error
    except InferenceError as error:
        field = (error.field or "") if isinstance(error, InvalidRequest) else ""
        raise Refusal(sentence(error.message), field=field) from error
    return JsonResponse(answer)


async def _load(body: Body) -> Answer:
    model, device = _installed(body), _text(body, "device")
    chores.start("load", model.name, model_chores.loading(model.name, device), device=device)
    return {}


async def _unload(body: Body) -> Answer:
    model = _installed(body)
    pinned = sorted(device for name, device in snapshot.current().pins if name == model.name)
    if pinned:
        raise Refusal(f"It is pinned to {' and '.join(pinned)}. Unpin it first.", status=409)
    chores.start("unload", model.name, model_chores.unloading(model.name))
    return {}


async def _pin(body: Body) -> Answer:
    model, device = _installed(body), _text(body, "device")
    await in_database_thread(_set_pin, model.name, device, body.get("pinned") is True)
    await configuration.refresh()
    return {}


def _set_pin(model: str, device: str, is_pinned: bool) -> None:
    rows = PinnedPair.objects.filter(model__name=model, device__name=device)
    if not is_pinned:
        rows.delete()
    elif not rows.exists():
        found = Device.objects.filter(name=device).first()
        if found is None:
            raise InvalidRequest(f"there is no device {device}", field="device")
        PinnedPair.objects.create(model=Model.objects.get(name=model), device=found)


async def _verify(body: Body) -> Answer:
    model = _known(body)
    chores.start("verify", model, model_chores.verifying(model))
    return {}


async def _mend(body: Body) -> Answer:
    model = _known(body)
    chores.start("mend", model, model_chores.verifying(model, repull=True))
    return {}


async def _measure(body: Body) -> Answer:
    model, device = _installed(body), _text(body, "device")
    chores.start("measure", model.name, model_chores.measuring(model.name, device), device=device)
    return {}


async def _stop(body: Body) -> Answer:
    await chores.stop(_number(body))
    return {}


async def _dismiss(body: Body) -> Answer:
    chores.dismiss(_number(body))
    return {}


async def _delete(body: Body) -> Answer:
    name = parse_name(_text(body, "model"))
    freed = await library.delete(name)
    return {"words": f"{name} was deleted; {size(freed)} are free again."}


async def _rename(body: Body) -> Answer:
    new = parse_name(_text(body, "new_name"))
    await library.rename(parse_name(_text(body, "model")), new)
    return {"goto": reverse("console:model", args=[new.display])}


async def _presets(body: Body) -> Answer:
    """On this model, or with `new_name` on a new one that is made from it."""
    model = _installed(body)
    presets = read_presets(body, model.parameters)
    name = parse_name(model.name)
    if _text(body, "new_name"):
        name = parse_name(_text(body, "new_name"))
        if snapshot.current().model(name.key) is not None:
            raise Refusal(f"There is a model {name} already.", field="new_name")
        order = library.Order(name, presets, source=parse_name(model.name))
        async for _ in await library.create(order):
            pass
    await library.edit(name, presets)
    return {"goto": reverse("console:model", args=[name.display])}


async def _pull(body: Body) -> Answer:
    anywhere = is_loopback(str(body["_address"]))  # as with the API's pulls
    watch = await jobs.pull(_text(body, "model"), anywhere=anywhere)
    board.follow(watch)
    return {"model": watch.model_name}


async def _pause(body: Body) -> Answer:
    await jobs.pause(_number(body))
    return await _renewed()


async def _resume(body: Body) -> Answer:
    await jobs.resume(_number(body))
    return await _renewed()


async def _cancel(body: Body) -> Answer:
    await jobs.cancel(_number(body))
    return await _renewed()


async def _forget(body: Body) -> Answer:
    """A failure that somebody has read goes from the list of jobs."""
    board.forget(_text(body, "model"))
    if number := _number(body):
        await in_database_thread(_forget_job, number)
    return await _renewed()


def _forget_job(number: int) -> None:
    PullJob.objects.filter(pk=number, status=PullJob.Status.FAILED).delete()


async def _compress(body: Body) -> Answer:
    watch = await conversions.compress(
        _installed(body).name, _text(body, "to"), _text(body, "new_name")
    )
    board.follow(watch)
    return {"model": watch.model_name}


async def _convert(body: Body) -> Answer:
    watch = await conversions.convert(
        _text(body, "model"),
        _text(body, "to"),
        _text(body, "new_name"),
        anywhere=is_loopback(str(body["_address"])),
    )
    board.follow(watch)
    return {"model": watch.model_name}


async def _renewed() -> Answer:
    await board.renew()
    return {}


VERBS: dict[str, Callable[[Body], Awaitable[Answer]]] = {
    "load": _load,
    "unload": _unload,
    "pin": _pin,
    "verify": _verify,
    "mend": _mend,
    "measure": _measure,
    "stop": _stop,
    "dismiss": _dismiss,
    "delete": _delete,
    "rename": _rename,
    "presets": _presets,
    "pull": _pull,
    "pause": _pause,
    "resume": _resume,
    "cancel": _cancel,
    "forget": _forget,
    "compress": _compress,
    "convert": _convert,
}


def _read_body(request: HttpRequest) -> dict[str, Any]:
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        raise Refusal("A JSON object was expected.") from None
    if not isinstance(body, dict):
        raise Refusal("A JSON object was expected.")
    return body


def _installed(body: Body) -> ModelInfo:
    """The model that is meant. Raises ModelNotFound, ModelNotReady."""
    return dispatch.resolve_model(_text(body, "model"))


def _known(body: Body) -> str:
    """The name of the model that is meant, whatever state it is in. Raises ModelNotFound."""
    text = _text(body, "model")
    found = snapshot.current().model(parse_name(text).key)
    if found is None:
        raise ModelNotFound(text)
    return found.name


def _text(body: Body, name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str) or len(value) > MOST_NAME:
        raise Refusal(f"{name} must be a short text.", field=name)
    return value.strip()


def _number(body: Body) -> int:
    value = body.get("id", 0)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise Refusal("id must be a number.", field="id")
    return value
