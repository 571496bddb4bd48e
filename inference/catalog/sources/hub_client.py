"""The child process that talks to a hub: `python -m inference.catalog.sources.hub_client`.

    list REPOSITORY REVISION PATTERN…        what the hub says about the files that match one of
                                             them, and none of those that begin with !
    names REPOSITORY REVISION                which files there are, without their hashes
    search QUERY SORT LIMIT                  models of the hub that OpenVINO can run
    fetch REPOSITORY REVISION FOLDER NAME    put that file under FOLDER

JSON lines on standard output: {"asking"} when the request leaves, {"answered"} when the hub has
spoken and more is to be done, then {"done", …} or {"error", "retry"} with exit code 1. Errors are
sentences for the user, without addresses.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tempfile
import traceback
from collections.abc import Collection, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final, Literal

from huggingface_hub import HfApi, constants, hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

_ASK_SECONDS = 30.0
_LARGEST_PLAIN_BYTES = 32 * 2**20
_SORTS: Final[dict[str, Literal["downloads", "last_modified", "likes"]]] = {
    "popular": "downloads",
    "downloads": "downloads",
    "newest": "last_modified",
    "likes": "likes",
}

# Progress is what lies on the disk, and the client writes whole chunks: its own 10 MiB make a small
# model or a slow line look stuck.
constants.DOWNLOAD_CHUNK_SIZE = 1024 * 1024


def say(message: dict[str, Any]) -> None:
    """Write one line of the protocol at once."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def chosen_names(offered: Collection[str], patterns: Sequence[str]) -> list[str]:
    """The files that match, in the order of the patterns; a plain name is taken as it is, whether
    offered or not."""
    wanted = [pattern for pattern in patterns if not pattern.startswith("!")]
    unwanted = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    names: dict[str, None] = {}
    for pattern in wanted:
        if not re.search(r"[*?\[]", pattern):
            names[pattern] = None
            continue
        for name in sorted(offered):
            if fnmatch(name, pattern) and not any(fnmatch(name, other) for other in unwanted):
                names[name] = None
    return list(names)


def list_files(repository: str, revision: str, patterns: Sequence[str]) -> dict[str, Any]:
    """Sizes and sha256 of the files that match, as the hub states them."""
    info = HfApi().model_info(
        repository, revision=revision, files_metadata=True, timeout=_ASK_SECONDS
    )
    say({"answered": repository})
    offered = {item.rfilename: item for item in info.siblings or ()}
    files = []
    names = chosen_names(offered, patterns)
    if not names:
        return {"error": "the hub's repository has no such files", "retry": False}
    for name in names:
        item = offered.get(name)
        if item is None:
            return {"error": f"the hub's repository has no file {name}", "retry": False}
        if item.lfs is not None:
            files.append({"name": name, "size_bytes": item.lfs.size, "sha256": item.lfs.sha256})
            continue
        size, sha256 = _hash_plain(repository, info.sha or revision, name, item)
        if not sha256:
            return {"error": f"the hub states no hash for {name}", "retry": False}
        files.append({"name": name, "size_bytes": size, "sha256": sha256})
    return {"done": True, "files": files}


def _hash_plain(repository: str, revision: str, name: str, item: Any) -> tuple[int, str]:
    """Size and sha256 of a small file. The hub knows its git hash only, so it is fetched, held to
    that hash, and hashed anew; "" when there is no such hash, or the file does not have it."""
    if not item.blob_id or (item.size or 0) > _LARGEST_PLAIN_BYTES:
        return 0, ""
    with tempfile.TemporaryDirectory() as folder:
        path = hf_hub_download(repository, name, revision=revision, local_dir=folder)
        content = Path(path).read_bytes()
    git_hash = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
    if git_hash.hexdigest() != item.blob_id:
        return 0, ""
    return len(content), hashlib.sha256(content).hexdigest()


def list_names(repository: str, revision: str) -> dict[str, Any]:
    """Names and sizes of all files."""
    info = HfApi().model_info(
        repository, revision=revision, files_metadata=True, timeout=_ASK_SECONDS
    )
    offered = {item.rfilename: int(item.size or 0) for item in info.siblings or ()}
    return {"done": True, "names": offered}


def search(query: str, sort: str, limit: int) -> dict[str, Any]:
    """Models with OpenVINO's tag whose name has `query` in it, the first `limit` of that order."""
    found = HfApi().list_models(
        filter="openvino",
        search=query or None,
        sort=_SORTS[sort],
        limit=limit,
        expand=["author", "downloads", "likes", "lastModified", "pipeline_tag", "tags"],
    )
    models = [
        {
            "repository": item.id,
            "author": item.author or item.id.partition("/")[0],
            "downloads": item.downloads or 0,
            "likes": item.likes or 0,
            "last_modified": item.last_modified.isoformat() if item.last_modified else "",
            "task": item.pipeline_tag or "",
        }
        for item in found
    ]
    return {"done": True, "models": models}


def fetch(repository: str, revision: str, folder: str, name: str) -> dict[str, Any]:
    """Download one file; broken connections are taken up again by the client itself."""
    hf_hub_download(repository, name, revision=revision, local_dir=folder)
    return {"done": True}


def explain(error: BaseException) -> dict[str, Any]:
    """What went wrong, for the person who waits for the model."""
    if isinstance(error, LocalEntryNotFoundError) and error.__cause__ is not None:
        return explain(error.__cause__)  # the client looked into its cache because of this
    if isinstance(error, OfflineModeIsEnabled):
        return {"error": "the hub is switched off here (HF_HUB_OFFLINE)", "retry": False}
    if isinstance(error, GatedRepoError):
        text = "the hub wants a token for this model: accept its terms there and set HF_TOKEN"
        return {"error": text, "retry": False}
    if isinstance(error, (RepositoryNotFoundError, RevisionNotFoundError, EntryNotFoundError)):
        text = "the hub does not have this model or revision"
        is_unknown = isinstance(error, RepositoryNotFoundError)
        return {"error": text, "retry": False, "is_unknown": is_unknown}
    if isinstance(error, HfHubHTTPError):
        status = getattr(error.response, "status_code", "an error")
        return {"error": f"the hub answered with {status}", "retry": True}
    return {"error": f"the hub cannot be reached ({type(error).__name__})", "retry": True}


def answer(command: str, *rest: str) -> dict[str, Any]:
    """The last line of the protocol for that command. Raises whatever the hub's client does."""
    if command == "list":
        return list_files(rest[0], rest[1], rest[2:])
    if command == "names":
        return list_names(*rest)
    if command == "search":
        return search(rest[0], rest[1], int(rest[2]))
    return fetch(*rest)


def main(arguments: Sequence[str]) -> int:
    """Run one command; the exit code."""
    say({"asking": arguments[1]})
    try:
        last = answer(*arguments)
    except Exception as error:  # every way to fail is one line of the protocol
        traceback.print_exc()
        last = explain(error)
    say(last)
    return 1 if "error" in last else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
