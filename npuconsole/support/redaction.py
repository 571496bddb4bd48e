"""Taking out of a text what must not leave the machine: keys, names, addresses, home folders.

What people wrote to a model is not here to be found by patterns: it is never put in.
"""

from __future__ import annotations

import getpass
import os
import re
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path

from inference import environment

_ASSIGNED = (
    r"(?i)((?:api[-_ ]?key|token|secret|password|passwd|authorization)[\"']?\s*[:=]\s*[\"']?)"
    r"(?![\"'<]|bearer |basic )[^\s\"',}]+"
)
_BYTE = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_GROUP = "[0-9a-f]{1,4}"
_PATTERNS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"(?i)\b([a-z][a-z0-9+.-]*://)[^/\s@\"']+@", r"\1<hidden>@"),
        (r"\b(?:hf|sk|pk|ghp|gho|ghs|github_pat|glpat|xox[abp])[-_][\w-]{8,}", "<key>"),
        (r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}", r"\1 <key>"),
        (r"\beyJ[\w-]{8,}(?:\.[\w-]+)*", "<key>"),
        (_ASSIGNED, r"\1<hidden>"),
        (r"(?i)(?<![\w.])(?:[a-z]:)?[/\\]+(?:home|users)[/\\]+[^/\\\s:\"',)]+", "<home>"),
        (r"(?<![\w.])/root(?![\w])", "<home>"),
        (r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", "<mail>"),
        (rf"(?<![\w.])(?!127\.|0\.0\.0\.0)(?:{_BYTE}\.){{3}}{_BYTE}(?![\w.])", "<address>"),
        (rf"(?i)(?<![\w:])(?:{_GROUP}:){{7}}{_GROUP}(?![\w:])", "<address>"),
        (rf"(?i)(?<![\w:])(?:{_GROUP}:){{1,6}}(?::{_GROUP}){{1,6}}(?![\w:])", "<address>"),
    )
)
_TOO_COMMON = frozenset({"root", "user", "admin", "localhost", "npuconsole", "intel", "ubuntu"})
_SHORTEST_NAME = 3


class Redactor:
    """Replaces what is known of this machine, what looks like a secret, and names."""

    def __init__(
        self, known: Iterable[tuple[str, str]] = (), names: Iterable[tuple[str, str]] = ()
    ) -> None:
        """`known` are texts and what stands for them, those first that contain others; `names` are
        looked for last, because they are part of other things."""
        self._patterns = (*_exactly(known), *_PATTERNS, *_exactly(names))

    def __call__(self, text: str) -> str:
        """The text without them."""
        for pattern, words in self._patterns:
            text = pattern.sub(words, text)
        return text


def _exactly(texts: Iterable[tuple[str, str]]) -> Iterator[tuple[re.Pattern[str], str]]:
    for text, words in texts:
        if len(text) >= _SHORTEST_NAME:
            yield re.compile(rf"(?<!\w){re.escape(text)}(?!\w)", re.IGNORECASE), words


def of_this_machine() -> Redactor:
    """A redactor that knows this machine's folders and names, and the values of its secrets."""
    names = [(_user(), "<user>"), (socket.gethostname(), "<host>")]
    return Redactor(_known(), [name for name in names if name[0].lower() not in _TOO_COMMON])


def _known() -> Iterator[tuple[str, str]]:
    folders = [
        (environment.models_folder(), "<models folder>"),
        (environment.extras_folder(), "<extras folder>"),
        (environment.home(), "<data folder>"),
        (Path.home(), "<home>"),
    ]
    for path, words in sorted(folders, key=lambda item: -len(str(item[0]))):
        for form in {str(path), str(path.resolve())}:
            yield form, words
    # Any variable that is named like a secret is one, whoever it belongs to.
    for name, value in os.environ.items():
        if re.search(r"(?i)token|secret|passw|api_?key|credential|database_url", name):
            yield value, "<hidden>"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
