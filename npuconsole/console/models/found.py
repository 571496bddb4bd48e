"""What can be installed, as the page Find shows it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inference.catalog.names import DEFAULT_NAMESPACE, parse_name
from inference.errors import InvalidRequest
from npuconsole.console.figures import count, counted, size
from npuconsole.console.models.shown import Mark
from npuconsole.console.words import sentence

if TYPE_CHECKING:
    from inference.catalog.fit.planner import Fit
    from inference.catalog.search import Found

NPU_WORDS = {
    "good": "Runs well on NPUs",
    "limited": "Runs on NPUs with limits",
    "too-large": "Too large for most NPUs",
    "fails": "Fails on NPUs",
    "untested": "",
}
NPU_MARKS = {
    "good": Mark.YES,
    "limited": Mark.YES,
    "too-large": Mark.NO,
    "fails": Mark.NO,
    "untested": Mark.UNKNOWN,
}
FIT_MARKS = {
    "fits": Mark.YES,
    "fits with limits": Mark.YES,
    "does not fit": Mark.NO,
    "cannot tell": Mark.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A row of what was found. `model` is the name it would have, `refused` why it cannot be
    installed, "" if it can."""

    name: str
    model: str
    title: str
    facts: tuple[str, ...]
    kind: str
    note: str
    refused: str
    npu: Mark
    npu_words: str
    is_known: bool
    is_installed: bool


@dataclass(frozen=True, slots=True)
class FitRow:
    """The verdict for one device."""

    device: str
    device_class: str
    emulated: bool
    is_present: bool
    mark: Mark
    words: str
    reason: str


@dataclass(frozen=True, slots=True)
class ShownFit:
    """What is known of a model before it is pulled. `disk` is a sentence, `has_disk` whether a pull
    has enough of it; `npu_export` the repository to pull instead for an NPU, "" for none;
    `repository` what a conversion would be made from, "" where none is needed."""

    name: str
    facts: tuple[str, ...]
    rows: tuple[FitRow, ...]
    disk: str
    has_disk: bool
    runs_somewhere: bool
    npu_export: str
    repository: str


def show_found(found: Sequence[Found], installed: Collection[str]) -> tuple[FoundModel, ...]:
    """The rows. `installed` are names of models in lower case."""
    return tuple(_show(one, installed) for one in found)


def _show(found: Found, installed: Collection[str]) -> FoundModel:
    known = found.known
    model = _display(found.name)
    names = {_display(name).lower() for name in known.names} if known else {model.lower()}
    likes = counted(found.downloads, "download") if found.downloads else ""
    told = (found.parameters, found.quantization, known.license if known else found.author, likes)
    return FoundModel(
        name=found.name,
        model=model,
        title=known.title if known else "",
        facts=tuple(fact for fact in told if fact),
        kind={"embedding": "embeddings", "llm": "text"}.get(found.kind, found.kind),
        note=known.note if known else "",
        refused=sentence(known.refused) if known else "",
        npu=NPU_MARKS[known.npu] if known else Mark.UNKNOWN,
        npu_words=NPU_WORDS[known.npu] if known else "",
        is_known=known is not None,
        is_installed=bool(names & set(installed)),
    )


def exact_name(text: str, found: Sequence[FoundModel]) -> str:
    """The text as a name to pull that was not found: a repository of the hub, or a file of the
    import folder. Names without an owner are those of known models, so they were found; else ""."""
    text = text.strip()
    if text.startswith("file:"):
        return text
    try:
        name = parse_name(text)
    except InvalidRequest:
        return ""
    is_found = any(one.model.lower() == name.key for one in found)
    return "" if is_found or name.namespace == DEFAULT_NAMESPACE else text


def show_fit(name: str, fit: Fit) -> ShownFit:
    """The verdicts, and what a pull would take."""
    shape, weights = fit.shape, fit.weights
    told = (
        str(fit.kind) if fit.kind != "unknown" else "",
        shape.architecture if shape else "",
        weights.recipe.words if weights.recipe.bits else "",
        f"context {count(shape.context)}" if shape and shape.context else "",
    )
    disk = ""
    if fit.disk_needed_bytes:
        disk = (
            f"Downloads {size(weights.download_bytes)}; while it is installed it needs up to "
            f"{size(fit.disk_needed_bytes)} of the {size(fit.disk_free_bytes)} that are free."
        )
    rows = tuple(
        FitRow(
            device=verdict.device,
            device_class=verdict.device.partition(".")[0].lower(),
            emulated=verdict.emulated,
            is_present=verdict.is_present,
            mark=FIT_MARKS[verdict.answer.value],
            words=verdict.answer.value,
            reason=sentence(verdict.reason),
        )
        for verdict in fit.verdicts
    )
    return ShownFit(
        name=name,
        facts=tuple(fact for fact in told if fact),
        rows=rows,
        disk=disk,
        has_disk=fit.has_disk,
        runs_somewhere=any(row.is_present and row.mark is not Mark.NO for row in rows),
        npu_export=fit.npu_export,
        repository=fit.name
        if weights.format == "safetensors" and fit.kind != "sentence encoder"
        else "",
    )


def _display(name: str) -> str:
    try:
        return parse_name(name).display
    except InvalidRequest:
        return name
