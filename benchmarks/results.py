"""The figures of a run: one value per round, figure and target."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.traces import median_ratio


class Results:
    """Values by figure (such as `decode.8.tokens_per_second`) and target, oldest round first."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))

    def add(self, figure: str, target: str, value: float) -> None:
        """One more round's value."""
        self._values[figure][target].append(value)

    def has(self, figure: str) -> bool:
        """Whether anybody has that figure."""
        return figure in self._values

    def values(self, figure: str, target: str) -> list[float]:
        """All rounds' values, oldest first."""
        return list(self._values.get(figure, {}).get(target, []))

    def middle(self, figure: str, target: str) -> float | None:
        """The median over the rounds, or None."""
        values = self.values(figure, target)
        return median(values) if values else None

    def ratio(self, figure: str, target: str, other: str) -> float | None:
        """The median of `target` ÷ `other`, round by round, or None."""
        ours, theirs = self.values(figure, target), self.values(figure, other)
        return median_ratio(ours, theirs) if ours and theirs else None

    def difference(self, figure: str, target: str, other: str) -> float | None:
        """The median of `target` minus `other`, round by round, or None."""
        pairs = list(zip(self.values(figure, target), self.values(figure, other), strict=False))
        return median(ours - theirs for ours, theirs in pairs) if pairs else None

    def figures(self, prefix: str) -> list[str]:
        """The figures that begin so, in the order in which they came."""
        return [figure for figure in self._values if figure.startswith(prefix)]

    def as_json(self) -> dict[str, Any]:
        """Medians and all values."""
        return {
            figure: {
                target: {"median": median(values), "values": values}
                for target, values in targets.items()
            }
            for figure, targets in self._values.items()
        }


@dataclass(frozen=True, slots=True)
class Goal:
    """What the project's design wants of a figure of this run."""

    words: str
    measure: Callable[[Results], float | None]
    limit: float
    at_least: bool

    def verdict(self, results: Results) -> str:
        """One line, or "" when this run did not measure it."""
        value = self.measure(results)
        if value is None:
            return ""
        is_met = value >= self.limit if self.at_least else value <= self.limit
        sign = "≥" if self.at_least else "≤"
        verdict = "met   " if is_met else "MISSED"
        return f"{verdict}  {self.words}: {value:.2f} ({sign} {self.limit:g})"


GOALS = (
    Goal("1 stream ÷ raw", lambda r: _of_raw(r, 1), 0.95, at_least=True),
    Goal("8 streams ÷ raw", lambda r: _of_raw(r, 8), 0.95, at_least=True),
    Goal("32 streams ÷ raw", lambda r: _of_raw(r, 32), 0.90, at_least=True),
    Goal("8 streams ÷ llama-server", lambda r: _of_llama(r, _decode(8)), 2.5, at_least=True),
    Goal(
        "prefill ÷ llama-server",
        lambda r: _of_llama(r, "prefill.tokens_per_second"),
        3.0,
        at_least=True,
    ),
    Goal(
        "added time to first token, ms",
        lambda r: r.difference("ttft.ms", "appliance", "raw engine"),
        10.0,
        at_least=False,
    ),
    Goal(
        "/health p99 with 8 streams, ms",
        lambda r: r.middle("health.8.p99_ms", "appliance"),
        20.0,
        at_least=False,
    ),
    Goal(
        "start to /health, s",
        lambda r: r.middle("cold.health_seconds", "appliance"),
        3.0,
        at_least=False,
    ),
    Goal(
        "start to first answer, s",
        lambda r: r.middle("cold.first_token_seconds", "appliance"),
        8.0,
        at_least=False,
    ),
    Goal(
        "server's memory, MiB",
        lambda r: r.middle("memory.server_mib", "appliance"),
        200.0,
        at_least=False,
    ),
)


def _decode(streams: int) -> str:
    return f"decode.{streams}.tokens_per_second"


def _of_raw(results: Results, streams: int) -> float | None:
    return results.ratio(_decode(streams), "appliance", "raw engine")


def _of_llama(results: Results, figure: str) -> float | None:
    return results.ratio(figure, "appliance", "llama-server")
