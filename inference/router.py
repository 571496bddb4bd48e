"""Where a prompt should run, and why: a pure function over facts.

The rule of the original system: prompts up to the token limit (1,800) go to the NPU, longer ones to
the next device that can hold them, prompts above every device's limit are refused with the numbers.
The owner's other modes, a client's wishes and what passports change are told in docs/routing.md.
Nothing here loads, waits or fails over; `dispatch` tries the candidates in the order given.
"""

from __future__ import annotations

import re

from inference.errors import (
    CapabilityMissing,
    InferenceError,
    InvalidRequest,
    NoDevice,
    PromptTooLong,
)
from inference.prediction import PairLoad, can_predict
from inference.requests import DeviceWish
from inference.routing.explaining import explain
from inference.routing.facts import (
    Assessment,
    Candidate,
    DeviceFacts,
    RequestFacts,
    Route,
    Rule,
    Verdict,
)
from inference.routing.judging import is_trusted, is_wished, judge, rule_admits
from inference.routing.reasons import NEED_WORDS, WORDS, Reason

__all__ = [
    "NEED_WORDS",
    "WORDS",
    "Assessment",
    "Candidate",
    "DeviceFacts",
    "PairLoad",
    "Reason",
    "RequestFacts",
    "Route",
    "Rule",
    "Verdict",
    "assess",
    "candidates_of",
    "choose_route",
    "explain",
    "refusal_of",
    "route_of",
]

_DEVICE_NAME = re.compile(r"(?:NPU|GPU|CPU)(?:\.[0-9]{1,3})?")
_FOR_EVERY_REQUEST = frozenset(
    {
        Reason.DEVICE_ABSENT,
        Reason.DEVICE_DISABLED,
        Reason.VARIANT_MISSING,
        Reason.CALIBRATION_FAILED,
    }
)
"""Reasons why a pair is not to be used, whatever the request is."""


def choose_route(request: RequestFacts, devices: tuple[DeviceFacts, ...], rule: Rule) -> Route:
    """The route of a request.

    A request for more output than any device holds still runs, on the roomiest one, and is cut
    there; only a strict wish refuses it. Raises InvalidRequest for a wish that is no device's name,
    NoDevice if no device is usable, CapabilityMissing if none can do what the request needs,
    PromptTooLong if none takes the prompt.
    """
    assessment = assess(request, devices, rule)
    route = route_of(assessment)
    if route is None:
        raise refusal_of(assessment)
    return route


def assess(request: RequestFacts, devices: tuple[DeviceFacts, ...], rule: Rule) -> Assessment:
    """The verdict on every device, and what the rule picks. Raises InvalidRequest for a wish that
    is no device's name, nothing else."""
    request = _settled(request)
    chain = _in_rule_order(_without_aliases(devices), rule)
    mode = _mode_in_force(chain, rule)
    verdicts = [judge(device, request, rule, mode) for device in chain]
    routed, reason, verdicts = _placed(verdicts, request, rule, mode)
    missing = ""
    if request.wish is not None:
        reason = Reason.REQUESTED_DEVICE
        wished = [verdict for verdict in verdicts if is_wished(verdict.device, request)]
        if wished:
            routed = next((v for v in wished if v.is_candidate), wished[0]).device.name
            verdicts.sort(key=lambda verdict: not is_wished(verdict.device, request))
        else:
            routed = missing = request.wish.device
    return Assessment(request, mode, routed, reason, tuple(verdicts), missing)


def candidates_of(assessment: Assessment) -> list[Verdict]:
    """The devices to try, best first: in the order of rule and wish those that hold prompt and
    requested answer, then the others by the room they have; those in quarantine after all."""

    def place(verdict: Verdict) -> tuple[bool, bool, int]:
        is_cramped = verdict.reason == Reason.BUDGET_OVER_CAPACITY
        room = verdict.capacity if is_cramped else 0
        return bool(verdict.device.load.quarantine), is_cramped, -room

    return sorted((v for v in assessment.verdicts if v.is_candidate), key=place)


def route_of(assessment: Assessment) -> Route | None:
    """The route that follows, or None if the request must be refused (`refusal_of` says why)."""
    chosen = candidates_of(assessment)
    if not chosen:
        return None
    passed_over = [(v.device.name, v.reason, v.words) for v in assessment.verdicts if v.reason]
    if assessment.missing:
        words = WORDS[Reason.DEVICE_ABSENT]
        passed_over.insert(0, (assessment.missing, Reason.DEVICE_ABSENT, words))
    return Route(
        routed_device=assessment.routed_device,
        reason=assessment.reason,
        candidates=tuple(Candidate(v.device.name, v.capacity, v.predicted_seconds) for v in chosen),
        passed_over=tuple((name, reason) for name, reason, _ in passed_over),
        notes=tuple((name, words) for name, _, words in passed_over),
        order=tuple(verdict.device.name for verdict in assessment.verdicts),
    )


def refusal_of(assessment: Assessment) -> InferenceError:
    """The error of an assessment without a candidate, with the reason or the numbers of every
    device that counts: under a strict wish only those that it names."""
    request, counted = assessment.request, assessment.verdicts
    is_strict = request.wish is not None and request.wish.is_strict
    if is_strict:
        counted = tuple(v for v in counted if v.reason != Reason.WISHED_ELSEWHERE)
    usable = [verdict for verdict in counted if verdict.reason not in _FOR_EVERY_REQUEST]
    capable = [verdict for verdict in usable if verdict.reason != Reason.NEED_UNSUPPORTED]
    told = [f"{verdict.device.name} {verdict.words}" for verdict in counted]
    if not usable:
        if assessment.missing:
            told.insert(0, f"{assessment.missing} {WORDS[Reason.DEVICE_ABSENT]}")
        asked = "no device that the request allows" if is_strict else "no device"
        return NoDevice(
            f"{asked} can run this model: {'; '.join(told) or 'there is none'}",
            chain=tuple((v.device.name, str(v.reason)) for v in counted),
        )
    if not capable:
        missing = sorted(request.needs & usable[0].device.cannot)
        return CapabilityMissing(
            f"no device can do what the request needs: {'; '.join(told)}", capability=missing[0]
        )
    return PromptTooLong(
        prompt_tokens=request.prompt_tokens,
        requested_tokens=max(1, request.requested_tokens or 1),
        limits={v.device.name: _limit_in_question(v) for v in capable},
    )


def _limit_in_question(verdict: Verdict) -> int:
    """The numbers that people know: a device that only wants room for one more token is limited by
    its whole context."""
    is_budget = verdict.reason == Reason.BUDGET_OVER_CAPACITY
    is_context = verdict.prompt_limit == verdict.capacity - 1
    return verdict.capacity if is_budget or is_context else verdict.prompt_limit


def _settled(request: RequestFacts) -> RequestFacts:
    """With an output that fits its `num_ctx`, without one that the prompt fills already (clients
    send odd values), and with the wish in capitals."""
    bound, output, wish = request.num_ctx, request.requested_tokens, request.wish
    if bound is not None and bound <= request.prompt_tokens:
        bound = None
    if bound is not None and output is not None:
        output = min(output, bound - request.prompt_tokens)
    if wish is not None:
        name = wish.device.strip().upper()
        if not _DEVICE_NAME.fullmatch(name):
            raise InvalidRequest(
                f"{wish.device[:40]!r} is not a device: NPU, GPU, CPU, or one of several such as "
                "GPU.1",
                field="device",
            )
        wish = DeviceWish(name, wish.is_strict)
    return RequestFacts(request.prompt_tokens, output, bound, request.needs, wish)


def _without_aliases(devices: tuple[DeviceFacts, ...]) -> list[DeviceFacts]:
    """Where GPU was found as GPU.0 and GPU.1, its own row is absent and stands for nothing."""
    numbered = {
        device.device_class
        for device in devices
        if device.name != device.device_class and device.unusable != Reason.DEVICE_ABSENT
    }
    return [
        device
        for device in devices
        if device.unusable != Reason.DEVICE_ABSENT or device.name not in numbered
    ]


def _in_rule_order(devices: list[DeviceFacts], rule: Rule) -> list[DeviceFacts]:
    """Preferred first, then the named fallback, then the rest by priority. GPU matches GPU.1."""

    def place(device: DeviceFacts) -> tuple[int, int, str]:
        named = (device.name, device.device_class)
        rank = 0 if rule.preferred in named else 1 if rule.fallback in named else 2
        return rank, device.priority, device.name

    return sorted(devices, key=place)


def _mode_in_force(devices: list[DeviceFacts], rule: Rule) -> str:
    """The owner's mode; without two passports to compare, measuring decides nothing."""
    if rule.mode == "measured":
        measured = [d for d in devices if d.unusable is None and can_predict(d.passport)]
        return "measured" if len(measured) > 1 else "thresholds"
    return rule.mode


def _placed(
    verdicts: list[Verdict], request: RequestFacts, rule: Rule, mode: str
) -> tuple[str, Reason, list[Verdict]]:
    """(what the mode picks, why, the verdicts in the mode's order), from those in the rule's."""
    if not verdicts:
        return "", Reason.PREFERRED_DEVICE, []
    first = _first_admitted(verdicts, request, rule)
    reason = _rule_reason(verdicts, request, rule)
    if mode == "measured":
        verdicts = sorted(verdicts, key=_finish)
        if verdicts[0].predicted_seconds is not None:
            first, reason = verdicts[0], Reason.PREDICTED_FASTEST
    elif mode == "frugal":
        verdicts = sorted(verdicts, key=lambda v: not _saves_power(v))
        if _saves_power(verdicts[0]):
            first, reason = verdicts[0], Reason.FRUGAL
    elif mode == "keep-gpu-free":
        verdicts = sorted(verdicts, key=_is_gpu)
        spared, first = first, _first_admitted(verdicts, request, rule)
        is_spared = _is_gpu(spared) and spared.is_candidate and not _is_gpu(first)
        reason = Reason.GPU_KEPT_FREE if is_spared else _rule_reason(verdicts, request, rule)
    return first.device.name, reason, verdicts


def _first_admitted(verdicts: list[Verdict], request: RequestFacts, rule: Rule) -> Verdict:
    return next((v for v in verdicts if rule_admits(v.device, request, rule)), verdicts[0])


def _rule_reason(verdicts: list[Verdict], request: RequestFacts, rule: Rule) -> Reason:
    preferred = verdicts[0].device
    if preferred.device_class != "NPU":
        return Reason.PREFERRED_DEVICE
    within = rule_admits(preferred, request, rule)
    return Reason.WITHIN_TOKEN_LIMIT if within else Reason.OVER_TOKEN_LIMIT


def _finish(verdict: Verdict) -> tuple[bool, float]:
    return verdict.predicted_seconds is None, verdict.predicted_seconds or 0.0


def _saves_power(verdict: Verdict) -> bool:
    is_npu = verdict.device.device_class == "NPU"
    return is_npu and verdict.is_candidate and is_trusted(verdict.device, "frugal")


def _is_gpu(verdict: Verdict) -> bool:
    return verdict.device.device_class == "GPU"
