"""What a recompression costs in quality, and whether that is too much. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

QUALITY = "perplexity "
"""How the line begins that tells it."""


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
        """The result's perplexity as a multiple of the source's; infinite if one is no number."""
        loss = self.result / self.source
        return loss if math.isfinite(loss) else math.inf

    def words(self, weight_format: str) -> str:
        """For a person."""
        return (
            f"{QUALITY}{self.source:.2f} of the source, {self.result:.2f} as {weight_format} "
            f"({self.loss:.2f} times; the likeliest token is the same at {self.agreement:.0%} "
            f"of {self.tokens} places)"
        )

    def as_dict(self) -> dict[str, Any]:
        """For facts.json."""
        return {**asdict(self), "loss": self.loss}


def read_quality(facts: Mapping[str, Any]) -> str:
    """What a model's facts say about it, in words; "" of a model that was not recompressed."""
    told = facts.get("quality")
    names = {field.name for field in fields(Quality)}
    if not isinstance(told, dict) or not names <= set(told):
        return ""
    quality = Quality(**{name: told[name] for name in names})
    return quality.words(str(facts.get("weight_format")))


def why_refused(quality: Quality, most_loss: float, *, is_forced: bool) -> str:
    """Why the result is not to be published, "" if it is. What answers with something that is no
    number is refused even if forced, and so is what cannot be compared with its source."""
    if not math.isfinite(quality.source):
        return "the weights that are there give no usable numbers; nothing was published"
    if not math.isfinite(quality.result):
        return "the compressed weights give no usable numbers; nothing was published"
    if quality.loss <= most_loss or is_forced:
        return ""
    return (
        f"the perplexity would be {quality.loss:.2f} times the source's, and the limit is "
        f"{most_loss:.2f}; nothing was published (force publishes it all the same)"
    )
