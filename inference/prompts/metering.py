"""What one rendering of a chat template may use up: steps, seconds, and the size of what it makes.

Templates come with models, that is from strangers. A loop that prints nothing never gives control
back, and one operation of a template can ask for gigabytes, so the sandbox asks here before.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

LONGEST_SECONDS = 5.0
BASE_STEPS = 50_000
STEPS_PER_ENTRY = 400
BASE_CHARACTERS = 200_000
GROWTH = 8
GREATEST_POWER = 64

_CHECK_CLOCK_EVERY = 256
_GREAT_WIDTH = re.compile(r"\d{4,}|\*|\{[^}]*\{")


class OverLimit(Exception):
    """A template ran too long or made too much; the text says which."""


class Meter:
    """The limits of one rendering. `entries` are the messages and tools that went in, `characters`
    their text."""

    def __init__(self, entries: int, characters: int) -> None:
        self.most_characters = BASE_CHARACTERS + GROWTH * characters
        self._steps_left = BASE_STEPS + STEPS_PER_ENTRY * entries + characters // 4
        self._ends_at = time.monotonic() + LONGEST_SECONDS
        self._weights: dict[int, tuple[Any, int]] = {}

    def step(self, cost: int = 1) -> None:
        """One turn of a loop, one call. Raises OverLimit."""
        self._steps_left -= cost
        if self._steps_left < 0:
            raise OverLimit("it does too much for messages of this size")
        if self._steps_left % _CHECK_CLOCK_EVERY == 0 and time.monotonic() > self._ends_at:
            raise OverLimit(f"it takes longer than {LONGEST_SECONDS:g} s")

    def hold(self, characters: int) -> None:
        """A text of that many characters is about to be made. Raises OverLimit."""
        if characters > self.most_characters:
            raise OverLimit("it makes a prompt much longer than the messages")

    def weigh(self, value: Any) -> Any:
        """`value`, if it would not be too long as text. Lists that hold lists many times over are
        counted as often as they would be printed. Raises OverLimit."""
        self.hold(self._weight(value))
        return value

    def _weight(self, value: Any) -> int:
        if isinstance(value, str):
            return len(value)
        if not isinstance(value, list | tuple | Mapping):
            return 8
        known = self._weights.get(id(value))
        if known is None:
            parts = value.values() if isinstance(value, Mapping) else value
            # The value is kept with its weight, or another could get its id.
            known = (value, 8 + sum(8 + self._weight(part) for part in parts))
            self._weights[id(value)] = known
        return known[1]


def check_operation(meter: Meter, operator: str, left: Any, right: Any) -> None:
    """Before `left operator right` is computed. Raises OverLimit."""
    if operator == "+":
        if isinstance(left, str) and isinstance(right, str):
            meter.hold(len(left) + len(right))
        elif isinstance(left, list | tuple) and isinstance(right, list | tuple):
            meter.step(1 + (len(left) + len(right)) // 8)
    elif operator == "*":
        for many, times in ((left, right), (right, left)):
            if isinstance(many, str | list | tuple) and isinstance(times, int):
                meter.hold(len(many) * max(0, times))
    elif operator == "**":
        if not (isinstance(right, int | float) and abs(right) <= GREATEST_POWER):
            raise OverLimit("it raises to a very great power")
        if isinstance(left, int):
            meter.hold(left.bit_length() * int(abs(right)))
    elif operator == "%" and isinstance(left, str):
        _check_format(left)


def check_call(meter: Meter, name: str, owner: Any, args: tuple[Any, ...]) -> None:
    """Before a filter, or a method of text, is applied to `owner`: some make a long text of a short
    one, by a width or by inserting one text many times. Raises OverLimit."""
    for value in args:
        if isinstance(value, int):
            lines = owner.count("\n") if name == "indent" and isinstance(owner, str) else 0
            meter.hold(value * (1 + lines))
    texts = [value for value in (owner, *args) if isinstance(value, str)]
    if name == "join" and args:
        for many, between in ((owner, args[0]), (args[0], owner)):
            if isinstance(between, str) and hasattr(many, "__len__"):
                meter.hold(len(many) * len(between))
    elif name == "replace" and len(texts) == 3:
        meter.hold(len(texts[0]) + (texts[0].count(texts[1]) + 1) * len(texts[2]))
    elif name in ("format", "format_map") and texts:
        _check_format(texts[0])


def _check_format(text: str) -> None:
    if _GREAT_WIDTH.search(text):
        raise OverLimit("it formats with a width that is not plain")
