"""The child process that talks to a hub. Its orders (`catalog.orders`) are:

    list REPOSITORY REVISION PATTERN…        what the hub says about the files that match one of
                                             them, and none of those that begin with !
    describe REPOSITORY REVISION             what the model is, without its weights
    exists REPOSITORY                        whether the hub has it
    search QUERY SORT LIMIT                  models of the hub that OpenVINO can run
    fetch WANTED                             download what that file says (`hub_download`)

JSON lines on standard output: {"asking"} when the request leaves, {"answered"} when the hub has
spoken and more is to be done, {"at": {NAME: BYTES}} as files arrive, then {"done", …} or
{"error", "retry"} and its end. Errors are sentences for the user, without addresses.
"""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from collections.abc import Collection, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final, Literal

from huggingface_hub import HfApi, constants

from inference.catalog.orders import next_order
from inference.catalog.sources import hub_description, hub_download
from inference.catalog.sources.hub_refusals import explain

_ASK_SECONDS = 30.0
_WAIT_SECONDS = 20.0
_SORTS: Final[dict[str, Literal["downloads", "last_modified", "likes"]]] = {
    "popular": "downloads",
    "downloads": "downloads",
    "newest": "last_modified",
    "likes": "likes",
}

# Progress is what lies on the disk, and the client writes whole chunks: its own 10 MiB make a small
# model or a slow line look stuck, and cost as much whenever a download is broken off.
constants.DOWNLOAD_CHUNK_SIZE = 256 * 1024


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
        known: dict[str, Any] = {"name": name, "commit": info.sha or revision}
        if item.lfs is not None:
            known |= {"size_bytes": item.lfs.size, "sha256": item.lfs.sha256}
        elif item.blob_id:
            known |= {"size_bytes": item.size or 0, "git_sha1": item.blob_id}
        else:
            return {"error": f"the hub states no hash for {name}", "retry": False}
        files.append(known)
    return {"done": True, "files": files}


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


def answer(command: str, *rest: str) -> dict[str, Any]:
    """The last line of the protocol for that order. Raises whatever the hub's client does."""
    if command == "list":
        return list_files(rest[0], rest[1], rest[2:])
    if command == "search":
        return search(rest[0], rest[1], int(rest[2]))
    if command == "describe":
        return hub_description.describe(*rest, say=say)
    if command == "exists":
        return hub_description.exists(*rest)
    hub_download.fetch(Path(rest[0]), say)
    return {"done": True}


def main() -> int:
    """Do one order after the other, until none comes; the exit code."""
    while (order := next_order(_WAIT_SECONDS)) is not None:
        say({"asking": order[1]})
        try:
            last = answer(*order)
        except Exception as error:  # every way to fail is one line of the protocol
            traceback.print_exc()
            last = explain(error)
        say(last)
        if "error" in last:
            os._exit(1)  # downloads of other files may be under way, and nothing waits for them
    return 0


if __name__ == "__main__":
    sys.exit(main())
