"""What a model is, asked of a hub without its weights: its files with sizes, its small texts, the
end of its graph. In the child process of `hub_client`; {"done", "is_unknown": true} says that the
hub has no such model.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from huggingface_hub import HfApi, hf_hub_url
from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.utils import build_hf_headers, get_session  # type: ignore[attr-defined]

from inference.catalog.fit.description import GRAPH, TAIL_BYTES, TEXTS
from inference.catalog.sources.hub_refusals import explain

_ASK_SECONDS = 30.0
_LARGEST_BYTES = 32 * 2**20
"""Of what a server sends that does not know ranges; a graph has a few megabytes."""


def describe(
    repository: str, revision: str, *, say: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Everything at once. The texts are read at the commit of the listing."""
    try:
        info = HfApi().model_info(
            repository, revision=revision, files_metadata=True, timeout=_ASK_SECONDS
        )
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        return _unknown(error)
    say({"answered": repository})
    files = {item.rfilename: item.size or 0 for item in info.siblings or ()}
    commit = info.sha or revision
    texts = {}
    for name in TEXTS:
        if name in files:
            texts[name] = _as_object(_read_from(repository, commit, name, 0))
    tail = b""
    if GRAPH in files:
        tail = _read_from(repository, commit, GRAPH, max(0, files[GRAPH] - TAIL_BYTES))
    header = getattr(info, "gguf", None)
    return {
        "done": True,
        "files": [{"name": name, "size_bytes": size} for name, size in files.items()],
        "texts": texts,
        "graph_tail": tail.decode("utf-8", "replace"),
        "header": dict(header) if isinstance(header, dict) else {},
    }


def exists(repository: str) -> dict[str, Any]:
    """Whether the hub has it; raises what the hub's client raises otherwise."""
    try:
        HfApi().model_info(repository, timeout=_ASK_SECONDS)
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        return _unknown(error)
    return {"done": True}


def _unknown(error: Exception) -> dict[str, Any]:
    # Repositories that want a token are not among these unless the hub hides them.
    gated = explain(error)
    return gated if "token" in gated["error"][:30] else {"done": True, "is_unknown": True}


def _read_from(repository: str, revision: str, name: str, start: int) -> bytes:
    """The file from byte `start` on, by range. Of a server that sends all of it, only the end that
    is wanted is kept."""
    headers = build_hf_headers()
    if start:
        headers["Range"] = f"bytes={start}-"
    url = hf_hub_url(repository, name, revision=revision)
    content = b""
    with get_session().stream(
        "GET", url, headers=headers, follow_redirects=True, timeout=_ASK_SECONDS
    ) as response:
        response.raise_for_status()
        for piece in response.iter_bytes():
            content += piece
            if len(content) > _LARGEST_BYTES:
                raise ValueError(f"{name} is too large")
    return content if response.status_code == 206 else content[start:]


def _as_object(content: bytes) -> dict[str, Any]:
    try:
        read = json.loads(content)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
