"""Whether one device can serve one request: the checks, in their order of precedence."""

from __future__ import annotations

from inference.prediction import TYPICAL_OUTPUT_TOKENS, can_predict, predict_finish
from inference.routing.facts import DeviceFacts, RequestFacts, Rule, Verdict
from inference.routing.reasons import NEED_WORDS, WORDS, Reason


def judge(device: DeviceFacts, request: RequestFacts, rule: Rule, mode: str) -> Verdict:
    """The verdict on that device. `request` is settled and `mode` the one in force, both as in
    `Assessment`."""
    limit = min(device.longest_prompt, verified_tokens(device) or device.longest_prompt)
    capacity = min(device.capacity, request.num_ctx or device.capacity)
    obstacle = _obstacle(device, request, rule, mode)
    if obstacle is not None:
        reason, words = obstacle
        if reason == Reason.OVER_TOKEN_LIMIT:
            limit = min(limit, rule.token_limit)
        return Verdict(device, False, reason, words, limit, capacity, None)
    predicted = _predicted(device, request, capacity)
    budget = request.prompt_tokens + (request.requested_tokens or 0)
    if budget > capacity:
        reason = Reason.BUDGET_OVER_CAPACITY
        words = f"cannot hold {budget:,} tokens of prompt and requested answer, only {capacity:,}"
        is_refused = request.wish is not None and request.wish.is_strict
        return Verdict(device, not is_refused, reason, words, limit, capacity, predicted)
    if device.load.quarantine:
        words = f"rests after failures ({device.load.quarantine})"
        return Verdict(device, True, Reason.QUARANTINED, words, limit, capacity, predicted)
    return Verdict(device, True, None, "", limit, capacity, predicted)


def verified_tokens(device: DeviceFacts) -> int:
    """The longest prompt whose answer was verified; 0 where nothing bounds it. The CPU is what the
    others are compared with, so nothing verifies or bounds it."""
    if device.passport is None or device.device_class == "CPU":
        return 0
    return device.passport.verified_prompt_tokens


def rule_admits(device: DeviceFacts, request: RequestFacts, rule: Rule) -> bool:
    """The original rule: only the NPU has a token limit."""
    return device.device_class != "NPU" or request.prompt_tokens <= rule.token_limit


def is_wished(device: DeviceFacts, request: RequestFacts) -> bool:
    """GPU matches GPU.0 and GPU.1. OpenVINO's name for the only GPU is GPU, and GPU.0 means it."""
    wish = request.wish
    return wish is not None and wish.device in (
        device.name,
        device.device_class,
        f"{device.name}.0",
    )


def _obstacle(
    device: DeviceFacts, request: RequestFacts, rule: Rule, mode: str
) -> tuple[Reason, str] | None:
    """What keeps it from serving, in words with the numbers, or None."""
    wished = is_wished(device, request)
    if request.wish is not None and request.wish.is_strict and not wished:
        return Reason.WISHED_ELSEWHERE, WORDS[Reason.WISHED_ELSEWHERE]
    if device.unusable is not None:
        return device.unusable, WORDS[device.unusable]
    # The CPU is what the others are compared with, and the last one left: it is asked in any case.
    has_failed = device.passport is not None and not device.passport.is_verified
    if device.passport is not None and has_failed and device.device_class != "CPU":
        why = f" ({device.passport.reason})" if device.passport.reason else ""
        return Reason.CALIBRATION_FAILED, WORDS[Reason.CALIBRATION_FAILED] + why
    if missing := request.needs & device.cannot:
        verbs = " or ".join(NEED_WORDS[need] for need in sorted(missing))
        return Reason.NEED_UNSUPPORTED, f"cannot {verbs}"
    if not (wished or rule_admits(device, request, rule) or is_trusted(device, mode)):
        return Reason.OVER_TOKEN_LIMIT, f"over its limit of {rule.token_limit:,}"
    # An answer needs room for one token.
    longest = min(device.longest_prompt, device.capacity - 1)
    if request.prompt_tokens > longest:
        return Reason.PROMPT_OVER_CAPACITY, f"takes prompts up to {max(0, longest):,} tokens"
    verified = verified_tokens(device)
    if verified and request.prompt_tokens > verified:
        return Reason.OVER_VERIFIED_LENGTH, f"verified up to {verified:,} tokens"
    return None


def is_trusted(device: DeviceFacts, mode: str) -> bool:
    """Whether in that mode the pair's passport stands in for the token limit."""
    passport = device.passport
    if mode == "measured":
        return can_predict(passport)
    return mode == "frugal" and passport is not None and passport.is_verified


def _predicted(device: DeviceFacts, request: RequestFacts, capacity: int) -> float | None:
    passport = device.passport
    if passport is None or not can_predict(passport):
        return None
    wanted = request.requested_tokens or TYPICAL_OUTPUT_TOKENS
    output = min(wanted, capacity - request.prompt_tokens)
    return predict_finish(passport, device.load, request.prompt_tokens, output)
