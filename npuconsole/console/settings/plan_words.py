"""What an import would change, in words. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from inference.exchange.plans import ALIASES, PINS, PRESETS_OF, Plan
from npuconsole.console.change_words import label_of, subject_words, value_words
from npuconsole.console.settings.fields import in_words, label_for

_LONGEST = 120


@dataclass(frozen=True, slots=True)
class Line:
    """One field that would differ: whose, which, from what, to what."""

    subject: str
    name: str
    before: str
    after: str


def lines_of(plan: Plan) -> tuple[Line, ...]:
    """Every field that would differ, in the file's order."""
    return tuple(
        _line(one.subject, name, one.before.get(name), after)
        for one in plan.differences
        for name, after in one.after.items()
    )


def error_lines(plan: Plan) -> tuple[str, ...]:
    """What cannot be, each with the reason."""
    return tuple(f"{_named(name)}: {words}" for name, words in plan.errors.items())


def _line(subject: str, name: str, before: Any, after: Any) -> Line:
    if subject == PINS:
        return Line("Pins", name, _yes(before), _yes(after))
    if subject == ALIASES:
        return Line("Aliases", name, before or "none", after or "none")
    if subject.startswith(PRESETS_OF):
        words = subject.removeprefix(PRESETS_OF)
        return Line(words, name.replace("_", " "), _short(before), _short(after))
    if subject.startswith("Setting."):
        label = label_for(subject.removeprefix("Setting."))
        return Line("Settings", label, _short(in_words(before)), _short(in_words(after)))
    return Line(
        subject_words(subject),
        label_of(subject, name),
        _short(value_words(subject, name, before)),
        _short(value_words(subject, name, after)),
    )


def _named(path: str) -> str:
    subject, _, name = path.rpartition(".")
    if subject.startswith("Setting."):
        return label_for(subject.removeprefix("Setting."))
    if subject == ALIASES or not subject:
        return path
    return f"{subject_words(subject)}, {label_of(subject, name)}"


def _yes(value: Any) -> str:
    return "pinned" if value else "not pinned"


def _short(value: Any) -> str:
    text = str(value) if value not in (None, "", [], {}) else "empty"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
