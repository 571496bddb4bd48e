"""Which prompt length goes to which device: the router itself, asked at every length that matters.

For diagrams and for the measured threshold. Pure; about 30 µs for each of some hundred lengths.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

from inference.planning import device_facts, rule_for
from inference.prediction import PairLoad, can_predict
from inference.router import (
    Candidate,
    DeviceFacts,
    Reason,
    RequestFacts,
    Rule,
    assess,
    candidates_of,
    explain,
    refusal_of,
    route_of,
)
from inference.snapshot import ModelInfo, Snapshot

STEPS_PER_DOUBLING = 12
"""How densely lengths between the known breaks are asked; where two answers differ, the length at
which they change is searched for."""


@dataclass(frozen=True, slots=True)
class Range:
    """Prompt lengths, in tokens and both inclusive, that have one decision; `last` None is without
    end. `device` "" is a refusal. `others` are the devices to try after it, `words` the reasons,
    `against` what the router holds against each device that is passed over (with its reason)."""

    first: int
    last: int | None
    device: str
    others: tuple[str, ...]
    reason: str
    words: str
    against: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class MeasuredThreshold:
    """Up to which prompt length the preferred NPU is predicted to finish first (0 = never).
    `other` finishes first beyond it; `is_by_speed` False: not its speed ends it there but what it
    takes or was verified for."""

    device: str
    tokens: int
    other: str
    is_by_speed: bool


def loaded_and_idle(model: str, device: str) -> PairLoad:
    """A `LoadOf` for questions about the rule alone: every engine is loaded, none is in use."""
    return PairLoad("ready")


def ranges(
    model: ModelInfo, picture: Snapshot, *, requested_tokens: int | None = None
) -> tuple[Range, ...]:
    """All prompt lengths from 1 on, in order, with the decision on each, every engine being loaded
    and idle. `requested_tokens` is the answer's limit, None for as many as the model wants."""
    asked = _Question(
        device_facts(model, picture, loaded_and_idle),
        rule_for(model, picture),
        requested_tokens,
        model.num_ctx,
    )
    starts = [1]
    lengths = asked.lengths()
    for below, above in pairwise(lengths):
        starts += asked.changes_between(below, above)
    found = []
    for first, after in zip(starts, [*starts[1:], None], strict=True):
        last = None if after is None else after - 1
        found.append(asked.range_at(first, last))
    return tuple(found)


def longest_served(found: tuple[Range, ...]) -> int:
    """The longest prompt that any device takes, 0 if none takes any."""
    return max((item.last or item.first for item in found if item.device), default=0)


def mode_in_force(model: ModelInfo, picture: Snapshot) -> str:
    """The owner's mode, or "thresholds" where measuring has nothing to compare."""
    devices = device_facts(model, picture, loaded_and_idle)
    return assess(RequestFacts(1, None), devices, rule_for(model, picture)).mode


def measured_threshold(model: ModelInfo, picture: Snapshot) -> MeasuredThreshold | None:
    """What the passports say the NPU's limit should be; None until an NPU and another usable device
    have one each."""
    routing = replace(picture.routing, mode="measured", preferred_device="NPU")
    measured = replace(picture, routing=routing)
    facts = device_facts(model, measured, loaded_and_idle)
    known = [device for device in facts if device.unusable is None and can_predict(device.passport)]
    npus = [device for device in known if device.device_class == "NPU"]
    if not npus or len(npus) == len(known):
        return None
    found = ranges(model, measured)
    tokens, names = 0, {device.name for device in npus}
    for item in found:
        if item.device not in names:
            against = dict(item.against)
            is_by_speed = not any(name in against for name in names)
            return MeasuredThreshold(npus[0].name, tokens, item.device, is_by_speed)
        tokens = item.last or item.first
    return MeasuredThreshold(npus[0].name, tokens, "", is_by_speed=False)


@dataclass(frozen=True, slots=True)
class _Question:
    devices: tuple[DeviceFacts, ...]
    rule: Rule
    requested_tokens: int | None
    num_ctx: int | None

    def lengths(self) -> list[int]:
        """Where to ask: beside every number that a decision depends on, and between them."""
        breaks = {1, self.rule.token_limit, self.num_ctx or 1}
        output = self.requested_tokens or 0
        for device in self.devices:
            breaks |= {device.longest_prompt, device.capacity - 1, device.capacity - output}
            if self.num_ctx:
                breaks.add(self.num_ctx - output)
            if device.passport is not None:
                breaks.add(device.passport.verified_prompt_tokens)
                breaks |= {bucket.prompt_tokens for bucket in device.passport.buckets}
        top = max(breaks) + 2
        steps = range(STEPS_PER_DOUBLING * top.bit_length())
        between = {int(2 ** (step / STEPS_PER_DOUBLING)) for step in steps}
        near = {length + by for length in breaks for by in (-1, 0, 1)}
        return sorted(length for length in (near | between | {top}) if 1 <= length <= top)

    def decide(self, length: int) -> tuple[str, tuple[str, ...], str, tuple[tuple[str, str], ...]]:
        """What makes two decisions different: device, those after it, why, and what is held against
        the others."""
        request = RequestFacts(length, self.requested_tokens, self.num_ctx)
        assessment = assess(request, self.devices, self.rule)
        tried = tuple(verdict.device.name for verdict in candidates_of(assessment))
        against = tuple(
            (verdict.device.name, str(verdict.reason))
            for verdict in assessment.verdicts
            if verdict.reason is not None
        )
        reason = str(assessment.reason) if tried else refusal_of(assessment).code
        return tried[0] if tried else "", tried[1:], reason, against

    def changes_between(self, below: int, above: int) -> list[int]:
        """The first length with the decision of `above`, if that is not the one of `below`."""
        before = self.decide(below)
        if self.decide(above) == before:
            return []
        while above - below > 1:
            middle = (below + above) // 2
            below, above = (middle, above) if self.decide(middle) == before else (below, middle)
        return [above]

    def range_at(self, first: int, last: int | None) -> Range:
        device, others, reason, against = self.decide(first)
        return Range(first, last, device, others, reason, self._words(last or first), against)

    def _words(self, length: int) -> str:
        request = RequestFacts(length, self.requested_tokens, self.num_ctx)
        assessment = assess(request, self.devices, self.rule)
        route = route_of(assessment)
        if route is None:
            told = [v for v in assessment.verdicts if v.reason != Reason.OVER_TOKEN_LIMIT]
            return "; ".join(f"{verdict.device.name} {verdict.words}" for verdict in told)
        # Predicted times are those of one length, not of a range.
        timeless = tuple(Candidate(item.device, item.capacity) for item in route.candidates)
        device = timeless[0].device
        told_words = explain(replace(route, candidates=timeless), length, self.rule, device)
        return told_words.partition(": ")[2]
