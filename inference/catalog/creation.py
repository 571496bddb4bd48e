"""The lines that a client sees while a model is made. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from inference.catalog.copies import Presets
from inference.catalog.progress import PullFrame
from inference.catalog.recompression.quality import QUALITY
from inference.snapshot import ModelInfo


def beginning_of(digest: str) -> PullFrame:
    """The first line of a model that is made from another one."""
    return PullFrame(f"using existing layer sha256:{digest}")


def as_creation(frame: PullFrame, *, has_gguf: bool) -> PullFrame | None:
    """A line of an installation in the words of a creation, None for what comes later."""
    status = frame.status
    if status == "pulling manifest":
        return PullFrame("parsing GGUF" if has_gguf else "converting model")
    if frame.digest:
        return replace(frame, status=f"creating new layer {frame.digest}")
    if status.startswith("importing model"):
        return PullFrame("converting model" + status.removeprefix("importing model"))
    return None if status in ("success", "writing manifest") else frame


def as_quantization(frame: PullFrame, model: ModelInfo, weights: str) -> PullFrame | None:
    """A line of a recompression of `model` in the words of a creation: how far it is as one line,
    of which clients make a bar, and its quality; None for the others."""
    if frame.total:
        words = f"quantizing {model.quantization} model to {weights}"
        done = model.size_bytes * frame.completed // frame.total
        return PullFrame(words, f"sha256:{model.digest}", model.size_bytes, done)
    return frame if frame.status.startswith(QUALITY) else None


def ending_of(presets: Presets) -> Iterator[PullFrame]:
    """The last lines, with one for each part of the model that is new."""
    messages = [[message.role, message.content] for message in presets.messages or ()]
    for part in (
        presets.template,
        presets.system,
        dict(presets.parameters),
        messages,
        presets.license,
    ):
        if part:
            yield PullFrame(f"creating new layer sha256:{_digest_of(part)}")
    yield PullFrame("writing manifest")
    yield PullFrame("success")


def _digest_of(part: Any) -> str:
    text = part if isinstance(part, str) else json.dumps(part, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
