"""Runs a child that imports, exports or packs a model, and hears it: the server's side of
`import_child`. Called from a job's thread."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from inference.catalog.children import TookTooLong, run_child
from inference.catalog.errors import PullFailed, Refused
from inference.catalog.stopping import Stop

logger = logging.getLogger(__name__)

Steps = Callable[[str, float], None]
"""Told the name of the step that goes on and the share of the child's work that is done."""


def run_importer(
    module: str,
    arguments: Sequence[str],
    *,
    about: str,
    stop: Stop,
    timeout_seconds: float,
    on_step: Steps,
    on_note: Callable[[str], None] = lambda words: None,
    environment: Mapping[str, str] | None = None,
    python_path: Sequence[Path] = (),
) -> None:
    """Run `python -m module arguments…` until it has done its work, which errors call `about` ("the
    importer of x.gguf"). Raises PullFailed with the child's own reason, or because it crashed or
    took too long; Stopped."""
    answer: dict[str, Any] = {}

    def hear(line: str) -> None:
        nonlocal answer
        message = _message(line)
        if "note" in message:
            on_note(str(message["note"]))
        elif "step" in message:
            on_step(str(message["step"]), float(message.get("fraction", 0.0)))
        elif message:
            answer = message

    try:
        ended = run_child(
            module,
            arguments,
            stop=stop,
            timeout_seconds=timeout_seconds,
            on_line=hear,
            environment=environment,
            python_path=python_path,
        )
    except TookTooLong as error:
        raise PullFailed(f"{about} was ended: {error.message}", retry=False) from None
    if "done" in answer and ended.code == 0:
        return
    logger.warning("%s: exit %d\n%s", about, ended.code, "\n".join(ended.last_words))
    if answer.get("error") and answer.get("retry"):
        raise PullFailed(str(answer["error"]))
    if "error" in answer:
        raise Refused(str(answer["error"]))
    how = "crashed" if ended.crashed else "ended without an answer"
    raise PullFailed(f"{about} {how}", retry=False)


def _message(line: str) -> dict[str, Any]:
    """A line of the protocol; nothing of what native code and libraries print as they like."""
    if not line.startswith("{"):
        return {}
    try:
        message = json.loads(line)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}
