"""What the console calls things: device states, missing devices and their fix, outcomes.

Plain, short, exact; the words live here so that every page uses the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class DeviceState(StrEnum):
    """A device's state is one of these words; the page adds a shape and a colour to each."""

    READY = "ready"
    BUSY = "busy"
    LOADING = "loading"
    DEGRADED = "degraded"
    QUARANTINED = "quarantined"
    ABSENT = "absent"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Fix:
    """The one thing to do next: a sentence and, where there is one, a command to copy."""

    words: str
    command: str = ""


_EMULATE = "NPUCONSOLE_EMULATE_NPU=1 npuconsole serve"
_EMULATE_WINDOWS = "$env:NPUCONSOLE_EMULATE_NPU=1; npuconsole serve"
_JOIN_GROUP = "sudo usermod -aG render $USER"
_INSTALL_GPU = "sudo apt install intel-opencl-icd libze-intel-gpu1"


def describe_absence(device_class: str, reason: str, platform: str) -> tuple[str, Fix | None]:
    """Why a device is absent, and the one fix for it.

    `reason` is the device row's: its first sentence says why, the rest (if any) what helps.
    `platform` is a `sys.platform`; it decides which command there is to copy.
    """
    why, _, remedy = reason.partition(". ")
    why = f"{why.rstrip('.')}." if why else f"No {device_class} found by OpenVINO."
    if not remedy:
        return why, None
    if _JOIN_GROUP in remedy:
        return why, Fix(remedy.replace(f" ({_JOIN_GROUP})", ""), _JOIN_GROUP)
    if device_class == "NPU":
        command = _EMULATE_WINDOWS if platform == "win32" else _EMULATE
        return why, Fix(f"{remedy} To see its path without one, emulate it on the CPU:", command)
    if device_class == "GPU" and platform == "linux":
        return why, Fix(remedy, _INSTALL_GPU)
    return why, Fix(remedy)


def describe_step(step: str) -> str:
    """What a pull does, with its source in a person's words instead of a source label."""
    step = re.sub(r"package-index:([^\s=]+)==(\S+)", r"the package index (\1 \2)", step)
    step = re.sub(r"hub:([^\s@]+)(@\S+)?", r"the hub (\1)", step)
    return step[:1].upper() + step[1:]


def describe_starter_help(retry_in_seconds: int) -> str:
    """What a person can do when the starter could not be installed."""
    when = f"Next try in {retry_in_seconds} s. " if retry_in_seconds else ""
    return (
        f"{when}What helps: network access, HF_ENDPOINT or pip's index-url pointing to a mirror, "
        "or a .gguf file in the import folder, pulled by its name."
    )


_ERRORS = {
    "engine_failed": "The engine stopped while it worked on this answer. "
    "The next request starts it anew.",
    "server_busy": "Every queue that could take this is full. Try again in a moment.",
}


def describe_error(code: str, message: str) -> str:
    """An error for a person: our own words where the message keeps to other clients' wording."""
    words = _ERRORS.get(code, message)
    return words[:1].upper() + words[1:]


_OUTCOMES = {
    "stop": "",
    "length": "cut at its token limit",
    "cancelled": "stopped by the client",
    "engine_failed": "the engine failed",
    "timeout": "took too long",
    "prompt_too_long": "refused: too long",
    "server_busy": "refused: queue full",
    "no_device": "no device could run it",
    "model_not_ready": "model not ready",
    "model_not_found": "model not found",
}


def describe_outcome(outcome: str, error: str = "") -> str:
    """How a request ended, in words; "" when it simply finished. Only a request that was cancelled
    from here has an error besides."""
    if outcome == "cancelled" and error:
        return "cancelled by this server's owner"
    return _OUTCOMES.get(outcome, outcome.replace("_", " "))


def sentence(words: str) -> str:
    """The words with a capital and a full stop."""
    words = words.strip()
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "?")) or not words else ".")
