"""What can be installed: the known models, and OpenVINO exports that the hub finds.

The hub is asked in a child process, one question at a time, and its answers are kept for a while;
when it does not answer, the known models are all there is, and the result says so.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from inference.catalog.errors import PullFailed, Stopped
from inference.catalog.known.catalogue import catalogue
from inference.catalog.known.entries import KnownModel
from inference.catalog.sources.hub_talk import ask
from inference.catalog.stopping import Stop

SORTS: Final = ("popular", "newest", "downloads", "likes")
KINDS: Final = ("all", "llm", "embedding", "vision")

_REACH_SECONDS = 5.0
_MOST_OF_HUB = 200
_KEPT_SECONDS = 300.0
_KEPT_FAILURE_SECONDS = 20.0
_MOST_KEPT = 64

_TASKS: Final = {
    "text-generation": "llm",
    "feature-extraction": "embedding",
    "sentence-similarity": "embedding",
    "image-text-to-text": "vision",
    "image-to-text": "vision",
    "visual-question-answering": "vision",
}
_FORMAT = re.compile(r"(?<![a-z0-9])(int4|int8|nf4|fp16|fp32|bf16)(?![a-z0-9])", re.IGNORECASE)
_SIZE = re.compile(r"(?<![a-z0-9.])(\d+(?:\.\d+)?)([bm])(?![a-z0-9])", re.IGNORECASE)
_FAMILIES: Final = (
    *("tinyllama", "llama", "mistral", "mixtral", "qwen", "phi", "gemma", "granite", "deepseek"),
    *("smollm", "bge", "minilm", "whisper", "internvl", "falcon", "starcoder", "gpt-oss"),
)


@dataclass(frozen=True, slots=True)
class Found:
    """A model that can be installed under `name`. The hub's numbers are 0 and "" where it was not
    asked or does not say; `known` is its entry here."""

    name: str
    repository: str
    kind: str
    author: str = ""
    downloads: int = 0
    likes: int = 0
    last_modified: str = ""
    quantization: str = ""
    parameters: str = ""
    architecture: str = ""
    known: KnownModel | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is searched: `kind` is one of KINDS, `sort` of SORTS, `quantization` "" = any."""

    text: str = ""
    sort: str = "popular"
    kind: str = "all"
    quantization: str = ""
    least_downloads: int = 0


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that was found. `hub_problem` says why the hub's part is missing ("" = it is
    there)."""

    models: tuple[Found, ...]
    hub_problem: str = ""


async def search(wanted: Wanted) -> Results:
    """Search the known models and the hub; takes up to some seconds while the hub is asked."""
    known = await asyncio.to_thread(catalogue)
    listed, problem = await _ask_hub(wanted.text, wanted.sort)
    return Results(merge(wanted, known.models, listed), problem)


def merge(
    wanted: Wanted, known: Sequence[KnownModel], listed: Sequence[dict[str, Any]]
) -> tuple[Found, ...]:
    """The known models that match, then what else the hub listed, each in its order. Pure."""
    by_repository = {str(item["repository"]).lower(): item for item in listed}
    words = wanted.text.lower().split()
    ours: list[Found] = []
    for model in known:
        text = " ".join((*model.names, model.title, model.family, *model.repositories)).lower()
        if all(word in text for word in words):
            repository = next(iter(model.repositories), "")
            ours.append(_of_known(model, by_repository.get(repository.lower(), {})))
    taken = {found.repository.lower() for found in ours}
    others = [_of_hub(item) for key, item in by_repository.items() if key not in taken]
    return tuple(found for found in (*_sorted(ours, wanted.sort), *others) if _fits(found, wanted))


def _sorted(found: list[Found], sort: str) -> list[Found]:
    keys = {
        "newest": lambda model: model.last_modified,
        "downloads": lambda model: model.downloads,
        "likes": lambda model: model.likes,
    }
    return sorted(found, key=keys[sort], reverse=True) if sort in keys else found


def _fits(found: Found, wanted: Wanted) -> bool:
    return (
        wanted.kind in ("all", found.kind)
        and wanted.quantization.lower() in found.quantization.lower()
        and found.downloads >= wanted.least_downloads
    )


def _of_known(model: KnownModel, listed: dict[str, Any]) -> Found:
    repository = next(iter(model.repositories), "")
    return Found(
        name=model.names[0],
        repository=repository,
        kind="embedding" if "embedding" in model.capabilities else "llm",
        author=repository.partition("/")[0],
        downloads=int(listed.get("downloads", 0)),
        likes=int(listed.get("likes", 0)),
        last_modified=str(listed.get("last_modified", "")),
        quantization=next(e.format for e in model.exports if e.devices != ("NPU",)),
        parameters=size_words(model.parameter_count),
        architecture=model.family,
        known=model,
    )


def _of_hub(item: dict[str, Any]) -> Found:
    repository = str(item["repository"])
    name = repository.rpartition("/")[2]
    size, form = _SIZE.search(name), _FORMAT.search(name)
    return Found(
        name=repository,
        repository=repository,
        kind=_TASKS.get(str(item["task"])) or _kind_by_name(name.lower()),
        author=str(item["author"]),
        downloads=int(item["downloads"]),
        likes=int(item["likes"]),
        last_modified=str(item["last_modified"]),
        quantization=form[1].lower() if form else "",
        parameters=f"{size[1]}{size[2].upper()}" if size else "",
        architecture=next((family for family in _FAMILIES if family in name.lower()), ""),
    )


def _kind_by_name(name: str) -> str:
    if re.search(r"embed|bge|minilm|gte|e5", name):
        return "embedding"
    if re.search(r"-vl|vision|internvl|llava", name):
        return "vision"
    return "other" if re.search(r"whisper|diffusion|flux|reranker", name) else "llm"


def size_words(count: int) -> str:
    """A number of parameters as people write it: `1.5B`; "" for 0."""
    if not count:
        return ""
    value, unit = (count / 1e9, "B") if count >= 1e9 else (count / 1e6, "M")
    return f"{value:.1f}".removesuffix(".0") + unit


@dataclass(frozen=True, slots=True)
class _Answer:
    models: tuple[dict[str, Any], ...]
    problem: str
    kept_until: float  # time.monotonic()


_answers: OrderedDict[tuple[str, str], _Answer] = OrderedDict()
_one_question = asyncio.Lock()


async def _ask_hub(text: str, sort: str) -> tuple[tuple[dict[str, Any], ...], str]:
    async with _one_question:
        kept = _answers.get((text, sort))
        if kept is None or kept.kept_until < time.monotonic():
            kept = await _fresh(text, sort)
            _answers[text, sort] = kept
            _answers.move_to_end((text, sort))
            while len(_answers) > _MOST_KEPT:
                _answers.popitem(last=False)
    return kept.models, kept.problem


async def _fresh(text: str, sort: str) -> _Answer:
    stop = Stop()
    question = ["search", text, sort, str(_MOST_OF_HUB)]
    try:
        answer = await asyncio.to_thread(ask, question, stop, reach_seconds=_REACH_SECONDS)
    except (PullFailed, Stopped) as failure:
        problem = failure.message if isinstance(failure, PullFailed) else "the search was ended"
        return _Answer((), problem, time.monotonic() + _KEPT_FAILURE_SECONDS)
    finally:
        stop.set()  # a client that left ends the question
    return _Answer(tuple(answer["models"]), "", time.monotonic() + _KEPT_SECONDS)
