"""Where a prompt should run, and why: a pure function over facts.

The rule of the original system: prompts up to the token limit (1,800) go to the NPU, longer ones to
the next device that can hold them, prompts above every device's limit are refused with the numbers.
Nothing here loads, waits or fails over; `dispatch` tries the candidates in the order given.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from inference.errors import NoDevice, PromptTooLong


class Reason(StrEnum):
    """Why a device was chosen or passed over. The closed set of X-NPU-Proxy-Route-Reason and
    X-NPU-Proxy-Fallback-Reason."""

    WITHIN_TOKEN_LIMIT = "within_token_limit"
    OVER_TOKEN_LIMIT = "over_token_limit"
    PREFERRED_DEVICE = "preferred_device"
    BUDGET_OVER_CAPACITY = "budget_over_capacity"
    PROMPT_OVER_CAPACITY = "prompt_over_capacity"
    DEVICE_ABSENT = "device_absent"
    DEVICE_DISABLED = "device_disabled"
    VARIANT_MISSING = "variant_missing"
    LOAD_FAILED = "load_failed"
    ENGINE_FAILED = "engine_failed"
    QUEUE_FULL = "queue_full"
    REAL_INFERENCE_OFF = "real_inference_off"


WORDS = {
    Reason.WITHIN_TOKEN_LIMIT: "within its limit",
    Reason.OVER_TOKEN_LIMIT: "over the NPU's limit",
    Reason.PREFERRED_DEVICE: "the preferred device",
    Reason.BUDGET_OVER_CAPACITY: "prompt and requested answer together are over its capacity",
    Reason.PROMPT_OVER_CAPACITY: "the prompt is over its capacity",
    Reason.DEVICE_ABSENT: "not found by OpenVINO",
    Reason.DEVICE_DISABLED: "switched off",
    Reason.VARIANT_MISSING: "the model has no form for it",
    Reason.LOAD_FAILED: "the model could not be loaded",
    Reason.ENGINE_FAILED: "the engine failed",
    Reason.QUEUE_FULL: "its queue is full",
    Reason.REAL_INFERENCE_OFF: "real inference is switched off",
}


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What the rule needs to know of one device, for one model. Lengths are tokens.

    `unusable` is None or the reason why the device cannot be used at all. `longest_prompt` is the
    longest prompt it takes, `capacity` what prompt and answer may have together.
    """

    name: str
    priority: int
    longest_prompt: int
    capacity: int
    unusable: Reason | None = None

    @property
    def device_class(self) -> str:
        """NPU, GPU or CPU."""
        return self.name.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Rule:
    """The owner's rule: `token_limit` bounds prompts for the NPU; the others are device names or
    classes, and `fallback` may be "auto" (every other device by priority)."""

    preferred: str
    fallback: str
    token_limit: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A device to try."""

    device: str
    capacity: int


@dataclass(frozen=True, slots=True)
class Route:
    """`routed_device` is what the rule picks on a machine where everything works; `candidates` are
    the devices to really try, in order; `passed_over` says why those before them are not."""

    routed_device: str
    reason: Reason
    candidates: tuple[Candidate, ...]
    passed_over: tuple[tuple[str, Reason], ...]


def choose_route(
    prompt_tokens: int, requested_tokens: int | None, devices: tuple[DeviceFacts, ...], rule: Rule
) -> Route:
    """The route of a prompt. `requested_tokens` None means as many as the model wants.

    A request for more output than any device holds still runs, on the roomiest one, and is cut
    there. Raises PromptTooLong if no usable device takes the prompt, NoDevice if none is usable.
    """
    chain = _in_rule_order(devices, rule)
    admitted = [device for device in chain if _rule_admits(device, prompt_tokens, rule)]
    if all(device.unusable for device in devices):
        raise NoDevice(
            "no device can run this model: "
            + ("; ".join(f"{d.name} {WORDS[d.unusable]}" for d in devices if d.unusable) or "none")
        )
    first = (admitted or chain)[0]
    passed_over: list[tuple[str, Reason]] = []
    fitting: list[DeviceFacts] = []
    cramped: list[DeviceFacts] = []
    for device in chain:
        if device.unusable is not None:
            passed_over.append((device.name, device.unusable))
        elif device not in admitted:
            passed_over.append((device.name, Reason.OVER_TOKEN_LIMIT))
        elif prompt_tokens > device.longest_prompt or prompt_tokens >= device.capacity:
            passed_over.append((device.name, Reason.PROMPT_OVER_CAPACITY))
        elif requested_tokens and prompt_tokens + requested_tokens > device.capacity:
            passed_over.append((device.name, Reason.BUDGET_OVER_CAPACITY))
            cramped.append(device)
        else:
            fitting.append(device)
    cramped.sort(key=lambda device: -device.capacity)
    ordered = fitting + cramped
    if not ordered:
        usable = {d.name: d.longest_prompt for d in chain if d.unusable is None}
        raise PromptTooLong(
            prompt_tokens=prompt_tokens, requested_tokens=requested_tokens or 0, limits=usable
        )
    return Route(
        routed_device=first.name,
        reason=_rule_reason(chain[0], prompt_tokens, rule),
        candidates=tuple(Candidate(device.name, device.capacity) for device in ordered),
        passed_over=tuple(passed_over),
    )


def explain(
    route: Route, prompt_tokens: int, rule: Rule, device: str, failures: Iterable[str] = ()
) -> str:
    """The decision in words for a person, given where it ended up.

    `failures` are devices that were tried and failed, with the reason in words.
    """
    count = f"{prompt_tokens:,} tokens"
    if route.reason == Reason.WITHIN_TOKEN_LIMIT and device == route.routed_device:
        return f"{count}: within the NPU's limit of {rule.token_limit:,}"
    why = []
    if route.reason == Reason.OVER_TOKEN_LIMIT:
        why.append(f"over the NPU's limit of {rule.token_limit:,}")
    why += [
        f"{name} {WORDS[reason]}"
        for name, reason in route.passed_over
        if name != device and reason != Reason.OVER_TOKEN_LIMIT
    ]
    why += failures
    return f"{count}: {', '.join(why)}, so {device}" if why else f"{count}: {device} is preferred"


def _rule_admits(device: DeviceFacts, prompt_tokens: int, rule: Rule) -> bool:
    return device.device_class != "NPU" or prompt_tokens <= rule.token_limit


def _rule_reason(first: DeviceFacts, prompt_tokens: int, rule: Rule) -> Reason:
    if first.device_class != "NPU":
        return Reason.PREFERRED_DEVICE
    within = prompt_tokens <= rule.token_limit
    return Reason.WITHIN_TOKEN_LIMIT if within else Reason.OVER_TOKEN_LIMIT


def _in_rule_order(devices: tuple[DeviceFacts, ...], rule: Rule) -> list[DeviceFacts]:
    """Preferred first, then the named fallback, then the rest by priority. GPU matches GPU.1."""

    def place(device: DeviceFacts) -> tuple[int, int, str]:
        named = {device.name, device.device_class}
        rank = 0 if rule.preferred in named else 1 if rule.fallback in named else 2
        return rank, device.priority, device.name

    return sorted(devices, key=place)
