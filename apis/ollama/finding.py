"""What can be installed, as the original answers it: /api/search and /api/models/known."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import Field

from inference.catalog import search as searching
from inference.catalog.known.catalogue import catalogue
from inference.catalog.known.entries import KnownModel
from inference.catalog.search import Found, Wanted, size_words

LONGEST_QUERY = 200
MOST_RESULTS = 100
MOST_SKIPPED = 100_000


class SearchQuery(Schema):
    """What is searched."""

    q: Annotated[str, Field(max_length=LONGEST_QUERY)] = ""
    sort: Literal["popular", "newest", "downloads", "likes"] = "popular"
    limit: Annotated[int, Field(ge=1, le=MOST_RESULTS)] = 20
    offset: Annotated[int, Field(ge=0, le=MOST_SKIPPED)] = 0
    type: Literal["all", "llm", "embedding", "vision"] = "all"
    quantization: Annotated[str, Field(max_length=40)] = ""
    min_downloads: Annotated[int, Field(ge=0, le=10**12)] = 0


class SearchResult(Schema):
    """A model that can be installed. `npu` and `note` are of known models."""

    id: str
    name: str
    author: str
    downloads: int
    likes: int
    last_modified: str
    quantization: str
    parameters: str
    architecture: str
    pull_command: str
    known: bool
    npu: str
    note: str


class SearchAnswer(Schema):
    """A page of results. `hub_error` says why the hub's part is missing ("" = it is there)."""

    models: list[SearchResult]
    total: int
    offset: int
    limit: int
    has_more: bool
    hub_error: str


class KnownExport(Schema):
    """One form of a known model; `devices` empty: for all."""

    repository: str
    format: str
    devices: list[str]


class KnownEntry(Schema):
    """A model with a name of its own. `refused` says why it cannot be installed ("" = it can)."""

    ollama_name: str
    huggingface_repo: str
    quantization: str
    type: str
    family: str
    parameter_size: str
    backend: str
    format: str
    task: str
    names: list[str]
    title: str
    license: str
    context_length: int
    npu: str
    note: str
    refused: str
    exports: list[KnownExport]


class KnownModels(Schema):
    """All of them. `problem` says what is wrong with the owner's own file ("" = nothing)."""

    models: list[KnownEntry]
    problem: str


async def search(wanted: SearchQuery) -> dict[str, Any]:
    """One page of what was found."""
    results = await searching.search(
        Wanted(
            text=wanted.q.strip(),
            sort=wanted.sort,
            kind=wanted.type,
            quantization=wanted.quantization.strip(),
            least_downloads=wanted.min_downloads,
        )
    )
    total = len(results.models)
    page = results.models[wanted.offset : wanted.offset + wanted.limit]
    return SearchAnswer(
        models=[_result(found) for found in page],
        total=total,
        offset=wanted.offset,
        limit=wanted.limit,
        has_more=wanted.offset + wanted.limit < total,
        hub_error=results.hub_problem,
    ).model_dump()


async def known_models() -> dict[str, Any]:
    """The known models, in the order of the file."""
    known = await asyncio.to_thread(catalogue)
    entries = [_entry(model) for model in known.models]
    return KnownModels(models=entries, problem=known.problem).model_dump()


def _result(found: Found) -> SearchResult:
    return SearchResult(
        id=found.repository or found.name,
        name=found.name if found.known else found.repository.rpartition("/")[2],
        author=found.author,
        downloads=found.downloads,
        likes=found.likes,
        last_modified=found.last_modified,
        quantization=found.quantization,
        parameters=found.parameters,
        architecture=found.architecture,
        pull_command=f"ollama pull {found.name}",
        known=found.known is not None,
        npu=found.known.npu if found.known else "untested",
        note=_note(found.known) if found.known else "",
    )


def _note(model: KnownModel) -> str:
    return f"Cannot be installed: {model.refused}." if model.refused else model.note


def _entry(model: KnownModel) -> KnownEntry:
    main = next(export for export in model.exports if export.devices != ("NPU",))
    embeds = "embedding" in model.capabilities
    return KnownEntry(
        ollama_name=model.names[0],
        huggingface_repo=next(iter(model.repositories), ""),
        quantization=main.format,
        type="embedding" if embeds else "llm",
        family=model.family,
        parameter_size=size_words(model.parameter_count),
        backend="openvino",
        format="gguf" if main.format.upper().startswith("Q") else "openvino-ir",
        task="feature-extraction" if embeds else "text-generation",
        names=list(model.names),
        title=model.title,
        license=model.license,
        context_length=model.context_length,
        npu=model.npu,
        note=model.note,
        refused=model.refused,
        exports=[
            KnownExport(repository=e.repository, format=e.format, devices=list(e.devices))
            for e in model.exports
        ],
    )
