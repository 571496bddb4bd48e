"""A routing decision in words for people: the console's lists, receipts and the dry run."""

from __future__ import annotations

from collections.abc import Iterable

from inference.routing.facts import Route, Rule
from inference.routing.reasons import WORDS, Reason

_UNTOLD = (Reason.OVER_TOKEN_LIMIT, Reason.WISHED_ELSEWHERE)
"""The route's own reason tells these."""


def explain(
    route: Route, prompt_tokens: int, rule: Rule, device: str, failures: Iterable[str] = ()
) -> str:
    """The decision in one sentence, given the device where it ended up.

    `failures` are devices that were tried and failed, each with a colon and the reason in words. A
    `device` that the route does not know is the engine that echoes.
    """
    count, failures = f"{prompt_tokens:,} tokens", list(failures)
    if device not in route.order:
        return f"{count}: {WORDS[Reason.REAL_INFERENCE_OFF]}, so {device}"
    why = _why_chosen(route, rule)
    if device == route.routed_device:
        so = f", so {device}" if _needs_so(route.reason) else ""
        after = f" (after {', '.join(failures)})" if failures else ""
        return f"{count}: {', '.join(why)}{so}{after}"
    if route.reason in (Reason.WITHIN_TOKEN_LIMIT, Reason.PREFERRED_DEVICE):
        why = []
    against = [(name, f"{name} {words}") for name, words in _passed_over_before(route, device)]
    against += [(failure.partition(":")[0], failure) for failure in failures]
    against.sort(key=lambda pair: route.order.index(pair[0]) if pair[0] in route.order else -1)
    why += [words for _, words in against]
    return f"{count}: {', '.join(why) or f'not {route.routed_device}'}, so {device}"


def _why_chosen(route: Route, rule: Rule) -> list[str]:
    over = f"over the NPU's limit of {rule.token_limit:,}"
    device = route.routed_device
    match route.reason:
        case Reason.WITHIN_TOKEN_LIMIT:
            return [f"within the NPU's limit of {rule.token_limit:,}"]
        case Reason.OVER_TOKEN_LIMIT:
            return [over]
        case Reason.REQUESTED_DEVICE:
            return [f"{device} was asked for"]
        case Reason.PREDICTED_FASTEST:
            seconds = {c.device: c.predicted_seconds for c in route.candidates}.get(device)
            about = "" if seconds is None else f", in about {seconds:.1f} s"
            return [f"{device} is predicted to finish first{about}"]
        case Reason.FRUGAL:
            return [f"{device} is verified for it and saves power"]
        case Reason.GPU_KEPT_FREE:
            is_over = Reason.OVER_TOKEN_LIMIT in dict(route.passed_over).values()
            return [*([over] if is_over else []), "the GPU is kept free"]
    return [f"{device} is preferred"]


def _needs_so(reason: Reason) -> bool:
    return reason in (Reason.OVER_TOKEN_LIMIT, Reason.GPU_KEPT_FREE)


def _passed_over_before(route: Route, device: str) -> list[tuple[str, str]]:
    """Devices that rule and wish put before `device`, with what spoke against each."""
    later = route.order[route.order.index(device) :]
    reasons = dict(route.passed_over)
    return [
        (name, words)
        for name, words in route.notes
        if name not in later and reasons[name] not in _UNTOLD
    ]
