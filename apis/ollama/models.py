"""What clients do to models: copy, delete, create, push, blobs. Checks go in Ollama's order."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import PureWindowsPath

from django.http import HttpResponse
from django.http.response import HttpResponseBase

from apis.answers import FrameStream, JsonAnswer, PlainAnswer
from apis.calls import ApiRequest
from apis.limits import LONGEST_TEMPLATE_CHARACTERS
from apis.ollama import frames
from apis.ollama.errors import JSON, NotFoundToCopy, NothingToPush
from apis.ollama.messages import read_messages
from apis.ollama.options import APPLIED, NUM_CTX, read_options
from apis.ollama.schemas import CopyBody, CreateBody, DeleteBody, PushBody
from apis.uploads import ClientGone
from apis.wishes import asked_of, is_strict
from inference import conversions, library, planning, snapshot
from inference.catalog.blobs import parse_digest
from inference.catalog.copies import Presets
from inference.catalog.known.catalogue import catalogue
from inference.catalog.names import ModelName, parse_name
from inference.catalog.progress import PullFrame
from inference.errors import InvalidRequest, ModelNotFound
from inference.presets import PRESET_ROLES
from inference.prompts.go_templates import as_jinja
from inference.prompts.templates import check_template
from inference.snapshot import Snapshot

CLIENT_GONE = 499
PRESETTABLE = frozenset(APPLIED) | {NUM_CTX}
_QUANTISATIONS = {
    "q8_0": "int8",
    "q4_k_m": "int4",
    "q4_k_s": "int4",
    "q4_0": "int4",
    "q4_1": "int4",
    **{target.value: target.value for target in conversions.TARGETS},
}
"""Ollama's names, and our own. The packing differs: what counts is how many bits a weight has."""

WITHOUT_EFFECT = ("renderer", "parser", "requires", "info")


async def copy(request: ApiRequest, body: CopyBody) -> HttpResponse:
    """A second name for a model, with presets of its own."""
    source = _named(body.source, "source")
    destination = _named(body.destination, "destination")
    try:
        await library.copy(source, destination)
    except ModelNotFound:
        raise NotFoundToCopy(body.source) from None
    return PlainAnswer("")


async def delete(request: ApiRequest, body: DeleteBody) -> HttpResponse:
    """The model goes, and its files unless a copy has them."""
    name = _named(body.wanted, "name")
    try:
        await library.delete(name)
    except ModelNotFound:
        raise ModelNotFound(body.wanted) from None
    return PlainAnswer("")


async def create(request: ApiRequest, body: CreateBody) -> HttpResponseBase:
    """A model from another one, or from uploaded files, with presets."""
    order = read_order(request, body)
    ignored = ignored_of(body)
    planning.refuse_ignored(ignored, snapshot.current(), is_strict=is_strict(request))
    lines = await library.create(order)
    headers = {"X-NPU-Proxy-Ignored": ", ".join(ignored)} if ignored else {}
    if body.stream is False:
        async for _ in lines:
            pass
        return JsonAnswer({"status": "success"}, content_type=JSON, headers=headers)
    return FrameStream(
        frames.progress_lines(request.call, lines), content_type=frames.NDJSON, headers=headers
    )


async def push(request: ApiRequest, body: PushBody) -> HttpResponseBase:
    """Models are published nowhere from here; clients are told so in the way they know."""
    if not body.wanted:
        raise InvalidRequest("model is required", field="model")
    lines = _no_push(parse_name(body.wanted))
    if body.stream is False:
        async for _ in lines:
            pass
    return FrameStream(frames.progress_lines(request.call, lines), content_type=frames.NDJSON)


def meant_by(name: str, picture: Snapshot) -> str:
    """The model to pull for a client that wants `name`: an alias stands for its model, unless a
    model of that very name can be had. Clients pull whatever name they are set to use."""
    wanted = parse_name(name)
    if catalogue().find(wanted) is not None or wanted.key not in picture.aliases:
        return name
    return picture.aliases[wanted.key]


async def has_blob(request: ApiRequest, digest: str) -> HttpResponse:
    """Whether that file is here: 200 or 404."""
    is_here = await library.blobs().has(parse_digest(digest))
    return PlainAnswer("", status=200 if is_here else 404)


async def receive_blob(request: ApiRequest, digest: str) -> HttpResponse:
    """Keep the body if it has that digest: 201, or 200 for a file that is here already."""
    wanted, store = parse_digest(digest), library.blobs()
    if await store.has(wanted):
        return PlainAnswer("")
    upload = request.call.upload
    assert upload is not None, "the door makes one for every POST to this path"
    try:
        await store.receive(wanted, upload.pieces())
    except ClientGone:
        return PlainAnswer("", status=CLIENT_GONE)
    return PlainAnswer("", status=201)


def read_order(request: ApiRequest, body: CreateBody) -> library.Order:
    """What is to be made. Raises InvalidRequest."""
    name = parse_name(body.wanted)
    weights = weights_of(body.quantize or "")
    if body.adapters:
        raise InvalidRequest("adapters are not supported", field="adapters")
    presets = read_presets(body)
    if body.from_:
        source = parse_name(asked_of(request, body.from_).model)
        return library.Order(name, presets, source=source, weights=weights)
    if weights:
        raise InvalidRequest("quantize: only an installed model can be", field="quantize")
    if body.files is None:
        raise InvalidRequest("neither 'from' or 'files' was specified", field="from")
    if not body.files:
        raise InvalidRequest("no files provided to convert", field="files")
    files = {}
    for path, digest in body.files.items():
        if not is_relative(path):
            raise InvalidRequest("file path must be relative", field="files")
        files[path] = parse_digest(digest)
    return library.Order(name, presets, files=files)


def weights_of(quantize: str) -> str:
    """What our own weights are for one of Ollama's quantisations. Raises InvalidRequest."""
    if not quantize:
        return ""
    found = _QUANTISATIONS.get(quantize.lower())
    if found is None:
        allowed = ", ".join(_QUANTISATIONS)
        raise InvalidRequest(
            f"quantize: {quantize[:40]!r} is not one of {allowed}", field="quantize"
        )
    return found


def read_presets(body: CreateBody) -> Presets:
    """The presets of a new model, checked as they will be used. Raises InvalidRequest."""
    if body.template:
        if len(body.template) > LONGEST_TEMPLATE_CHARACTERS:
            raise InvalidRequest(
                f"template: at most {LONGEST_TEMPLATE_CHARACTERS} characters", field="template"
            )
        check_template(as_jinja(body.template))
    read_options(body.parameters)
    turns = None if body.messages is None else tuple(read_messages(body.messages))
    for turn in turns or ():
        if turn.role not in PRESET_ROLES:
            raise InvalidRequest(
                f"invalid role: {turn.role[:40]!r}, must be one of [{', '.join(PRESET_ROLES)}]",
                field="messages",
            )
    texts = body.license if isinstance(body.license, list) else [body.license]
    return Presets(
        system=body.system,
        template=body.template,
        messages=turns,
        license="\n".join(text for text in texts if text) or None,
        parameters={
            name: value
            for name, value in (body.parameters or {}).items()
            if value is not None and name in PRESETTABLE
        },
    )


def ignored_of(body: CreateBody) -> tuple[str, ...]:
    """What of the body has no effect here."""
    said = [name for name in WITHOUT_EFFECT if getattr(body, name)]
    return (*said, *read_options(body.parameters).ignored)


def is_relative(path: str) -> bool:
    """Whether a file's name stays below the folder it is put in, on every system."""
    plain = re.fullmatch(r"[^\\:\0]+", path) is not None
    parts = PureWindowsPath(path).parts
    return plain and not path.startswith("/") and bool(parts) and ".." not in parts


async def _no_push(name: ModelName) -> AsyncIterator[PullFrame]:
    yield PullFrame("retrieving manifest")
    picture = snapshot.current()
    if not any(parse_name(known).key == name.key for known in picture.models):
        raise NothingToPush(name.display)
    raise InvalidRequest("push is not supported: this server publishes models nowhere")


def _named(text: str, field: str) -> ModelName:
    try:
        return parse_name(text)
    except InvalidRequest:
        raise InvalidRequest(f'{field} "{text[:100]}" is invalid', field=field) from None
