"""What a recompression costs in quality, and whether that is too much. Pure."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Quality:
    """Perplexities of the source and of the result on the same text of `tokens` tokens, and the
    share of places at which both find the same next token the likeliest (0 to 1)."""

    source: float
    result: float
    agreement: float
    tokens: int

    @property
    def loss(self) -> float:
        """The result's perplexity as a multiple of the source's; infinite if it is no number."""
        if not math.isfinite(self.result) or self.source <= 0:
            return math.inf
        return self.result / self.source

    def words(self, weight_format: str) -> str:
        """For a person."""
        return (
            f"perplexity {self.source:.2f} of the source, {self.result:.2f} as {weight_format} "
            f"({self.loss:.2f} times; the likeliest token is the same at {self.agreement:.0%} "
            f"of {self.tokens} places)"
        )

    def as_dict(self) -> dict[str, Any]:
        """For facts.json."""
        return {**asdict(self), "loss": self.loss}


def why_refused(quality: Quality, most_loss: float, *, is_forced: bool) -> str:
    """Why the result is not to be published, "" if it is. What answers with something that is no
    number is refused even if forced."""
    if not math.isfinite(quality.result):
        return "the compressed weights give no usable numbers; nothing was published"
    if quality.loss <= most_loss or is_forced:
        return ""
    return (
        f"the perplexity would be {quality.loss:.2f} times the source's, and the limit is "
        f"{most_loss:.2f}; nothing was published (force publishes it all the same)"
    )
