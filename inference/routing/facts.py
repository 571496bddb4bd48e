"""The values of a routing decision: what goes in, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass

from inference.prediction import PairLoad
from inference.requests import DeviceWish, Need
from inference.routing.reasons import Reason
from inference.snapshot import PassportInfo


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What the rule needs to know of a request. `requested_tokens` None means as many as the model
    wants; `num_ctx` bounds prompt and answer together if the prompt leaves room in it, and is
    ignored if not."""

    prompt_tokens: int
    requested_tokens: int | None
    num_ctx: int | None = None
    needs: frozenset[Need] = frozenset()
    wish: DeviceWish | None = None


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What the rule needs to know of one device, for one model. Lengths are tokens.

    `unusable` is None or the reason why the device cannot be used at all. `longest_prompt` is the
    longest prompt it takes, `capacity` what prompt and answer may have together; `cannot` what its
    engine is unable to do. `passport` is None where this pair was not calibrated.
    """

    name: str
    priority: int
    longest_prompt: int
    capacity: int
    unusable: Reason | None = None
    cannot: frozenset[Need] = frozenset()
    passport: PassportInfo | None = None
    load: PairLoad = PairLoad()

    @property
    def device_class(self) -> str:
        """NPU, GPU or CPU."""
        return self.name.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Rule:
    """The owner's rule: `token_limit` bounds prompts for the NPU; the others are device names or
    classes, and `fallback` may be "auto" (every other device by priority). `mode` is one of
    "thresholds", "measured", "frugal", "keep-gpu-free"."""

    preferred: str
    fallback: str
    token_limit: int
    mode: str = "thresholds"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A device to try. `capacity` is what prompt and answer of this request may have together
    there; `predicted_seconds` from receipt to the last token, None without a passport."""

    device: str
    capacity: int
    predicted_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """`routed_device` is what the rule picks on a machine where everything works; `candidates` are
    the devices to really try, in order; `passed_over` says why those before them are not."""

    routed_device: str
    reason: Reason
    candidates: tuple[Candidate, ...]
    passed_over: tuple[tuple[str, Reason], ...]
    notes: tuple[tuple[str, str], ...] = ()
    """For each device of `passed_over` the reason in words, with its numbers."""
    order: tuple[str, ...] = ()
    """Every device in the order the rule and the wish put them, whatever became of it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one device in a decision.

    `reason` is None for a device that serves as it should, else why it cannot, or why it comes
    after the others although it can (`is_candidate`); `words` say the same with the numbers.
    `prompt_limit` is the longest prompt it takes, `capacity` what prompt and answer may have
    together, both for this request.
    """

    device: DeviceFacts
    is_candidate: bool
    reason: Reason | None
    words: str
    prompt_limit: int
    capacity: int
    predicted_seconds: float | None


@dataclass(frozen=True, slots=True)
class Assessment:
    """A decision with everything that led to it, also one that ends in a refusal.

    `request` is settled: its output fits its `num_ctx`, its wish is a device's name in capitals.
    `mode` is the one in force ("measured" is "thresholds" until two usable devices have passports).
    `verdicts` are in the order of the rule and the wish; `missing` is the wished name that no
    device of this machine has, or "".
    """

    request: RequestFacts
    mode: str
    routed_device: str
    reason: Reason
    verdicts: tuple[Verdict, ...]
    missing: str = ""
