"""What went wrong between us and a hub, for the person who waits for the model. In the child
process of `hub_client`."""

from __future__ import annotations

import errno
import os
from typing import Any

from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from inference.catalog.sources import ADVICE
from inference.catalog.sources.hub_download import WrongContents


def explain(error: BaseException) -> dict[str, Any]:
    """What went wrong, for the person who waits for the model."""
    if isinstance(error, LocalEntryNotFoundError) and error.__cause__ is not None:
        return explain(error.__cause__)  # the client looked into its cache because of this
    if isinstance(error, OfflineModeIsEnabled):
        text = "the hub is switched off here (HF_HUB_OFFLINE); put the model into the import folder"
        return {"error": text, "retry": False}
    if isinstance(error, WrongContents):
        return {"error": str(error), "retry": True, "is_not_as_stated": True}
    if isinstance(error, GatedRepoError):
        text = "the hub wants a token for this model: accept its terms there and set HF_TOKEN"
        return {"error": text, "retry": False}
    if isinstance(error, (RepositoryNotFoundError, RevisionNotFoundError, EntryNotFoundError)):
        text = "the hub does not have this model or revision"
        if os.environ.get("HF_TOKEN") is None:
            text += ", or shows it only to those with a token (HF_TOKEN)"
        is_unknown = isinstance(error, RepositoryNotFoundError)
        return {"error": text, "retry": False, "is_unknown": is_unknown}
    if isinstance(error, HfHubHTTPError):
        return _refusal(getattr(error.response, "status_code", 0))
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        text = "the disk of the models folder is full; what was fetched is removed again"
        return {"error": text, "retry": True, "is_disk_full": True}
    if isinstance(error, OSError) and error.errno is not None and error.filename is not None:
        return {"error": f"the models folder: {error.strerror}", "retry": True}
    text = f"the hub cannot be reached ({type(error).__name__}): {ADVICE}"
    return {"error": text, "retry": True}


def _refusal(status: int) -> dict[str, Any]:
    if status in (401, 403):
        text = f"the hub answered with {status}: HF_TOKEN is missing, wrong or may not read this"
        return {"error": text, "retry": False}
    if status == 429:
        text = "the hub answered with 429, too many requests: wait a while, or set HF_TOKEN"
        return {"error": text, "retry": True}
    text = f"the hub answered with {status or 'an error'}: try again later, or {ADVICE}"
    return {"error": text, "retry": True}
