"""Prompt lengths by device, drawn: the rule's ranges as bars, real requests as marks below. Pure.

Places are percentages of the width: the drawing stretches, its words keep their size.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from inference.ranges import Range
from inference.snapshot import Snapshot
from npuconsole.console.routing.token_axis import TokenAxis

_MARK_ROWS = 5
_GOOD = ("stop", "length", "cancelled")


@dataclass(frozen=True, slots=True)
class Bar:
    """One range. `device` "" is a refusal; `extent` says which lengths, in words."""

    device: str
    hue: str
    is_emulated: bool
    place: float
    width: float
    extent: str
    words: str
    others: str

    @property
    def middle(self) -> float:
        """Where its name stands."""
        return round(self.place + self.width / 2, 3)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of the log, as far as it is drawn."""

    id: str
    prompt_tokens: int
    device: str
    outcome: str
    fell_back: bool
    words: str


@dataclass(frozen=True, slots=True)
class Mark:
    """One request: `shape` is "served", "moved" (not where the rule wanted it) or "failed"."""

    place: float
    height: int
    shape: str
    words: str


@dataclass(frozen=True, slots=True)
class Lane:
    """The requests of one device; `device` "" are those that none took."""

    device: str
    hue: str
    is_emulated: bool
    marks: tuple[Mark, ...]
    shortest: int
    longest: int
    moved: int
    failed: int

    @property
    def extent(self) -> str:
        """From the shortest prompt to the longest."""
        if self.shortest == self.longest:
            return f"{self.longest:,}"
        return f"{self.shortest:,} to {self.longest:,}"

    @property
    def summary(self) -> str:
        """All of it in a sentence."""
        count = len(self.marks)
        told = f"{count:,} request{'' if count == 1 else 's'}"
        told += f" ran on {self.device}" if self.device else " that no device took"
        return f"{told}, prompts of {self.extent} tokens" if count else told


def draw_bars(found: Sequence[Range], axis: TokenAxis, picture: Snapshot) -> list[Bar]:
    """A bar for each range, one for neighbours that differ only in what would be tried next."""
    bars = []
    for item in _joined(found):
        start = axis.place(item.first - 1)
        end = 100.0 if item.last is None else axis.place(item.last)
        bars.append(
            Bar(
                item.device,
                hue_of(item.device),
                is_emulated(item.device, picture),
                start,
                round(end - start, 3),
                _extent(item.first, item.last),
                item.words,
                ", ".join(item.others),
            )
        )
    return bars


def draw_lanes(asked: Iterable[Asked], axis: TokenAxis, picture: Snapshot) -> list[Lane]:
    """A lane for each device that is there or has served, and one for what none took."""
    by_device: dict[str, list[Asked]] = {
        device.name: [] for device in picture.devices if device.present and device.enabled
    }
    for item in asked:
        by_device.setdefault(item.device, []).append(item)
    order = {"NPU": 0, "GPU": 1, "CPU": 2, "": 4}
    names = sorted(by_device, key=lambda name: (order.get(name.partition(".")[0], 3), name))
    return [
        Lane(
            name,
            hue_of(name),
            is_emulated(name, picture),
            tuple(_mark(item, axis) for item in by_device[name]),
            min((item.prompt_tokens for item in by_device[name]), default=0),
            max((item.prompt_tokens for item in by_device[name]), default=0),
            sum(_shape(item) == "moved" for item in by_device[name]),
            sum(_shape(item) == "failed" for item in by_device[name]),
        )
        for name in names
    ]


def device_at(found: Sequence[Range], tokens: int) -> str:
    """The device that a prompt of that length goes to, "" if it is refused."""
    return next((r.device for r in found if r.first <= tokens <= (r.last or tokens)), "")


def moves_between(
    before: Sequence[Range], after: Sequence[Range], asked: Iterable[Asked]
) -> Mapping[tuple[str, str], int]:
    """How many of these requests the two rules send to different devices, by (from, to)."""
    moves: dict[tuple[str, str], int] = {}
    for item in asked:
        pair = device_at(before, item.prompt_tokens), device_at(after, item.prompt_tokens)
        if pair[0] != pair[1]:
            moves[pair] = moves.get(pair, 0) + 1
    return moves


def hue_of(device: str) -> str:
    """The class whose colour a device has, "" for none."""
    return device.partition(".")[0].lower()


def is_emulated(device: str, picture: Snapshot) -> bool:
    """Whether that device is emulated."""
    found = picture.device(device)
    return found is not None and found.emulated


def _joined(found: Sequence[Range]) -> list[Range]:
    joined: list[Range] = []
    for item in found:
        before = joined[-1] if joined else None
        if before is not None and (before.device, before.words) == (item.device, item.words):
            others = tuple(name for name in before.others if name in item.others)
            joined[-1] = replace(before, last=item.last, others=others)
        else:
            joined.append(item)
    return joined


def _extent(first: int, last: int | None) -> str:
    if last is None:
        return f"{first:,} tokens and more"
    if last > first:
        return f"{first:,} to {last:,} tokens"
    return f"{first:,} token{'' if first == 1 else 's'}"


def _mark(item: Asked, axis: TokenAxis) -> Mark:
    row = zlib.crc32(item.id.encode()) % _MARK_ROWS  # so that equal lengths do not hide each other
    return Mark(axis.place(item.prompt_tokens), 6 + 4 * row, _shape(item), item.words)


def _shape(item: Asked) -> str:
    if item.outcome not in _GOOD:
        return "failed"
    return "moved" if item.fell_back else "served"
