"""What the routing page shows of one model: rules, real requests, passports and changes.

Uses the ORM and the picture in force: call it in a view's thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from inference import changes, snapshot
from inference.changes import Checked
from inference.drafts import with_changes
from inference.models import RequestRecord
from inference.planning import device_facts
from inference.ranges import (
    MeasuredThreshold,
    Range,
    longest_served,
    measured_threshold,
    mode_in_force,
    ranges,
)
from inference.snapshot import ModelInfo, Snapshot
from npuconsole.console.change_words import change_words, subject_words
from npuconsole.console.routing.curves import draw_charts
from npuconsole.console.routing.diagram import (
    draw_bars,
    draw_lanes,
    moves_between,
)
from npuconsole.console.routing.form import (
    RULE,
    Edits,
    device_rows,
    model_field,
    rule_fields,
)
from npuconsole.console.routing.rows import asked_of, change_rows, passport_rows
from npuconsole.console.routing.token_axis import TokenAxis, axis_for

Context = dict[str, Any]


def choose_model(picture: Snapshot, wanted: str) -> ModelInfo | None:
    """The model of that name, else the one that was asked last, else the first that can be asked;
    None where there is none."""
    ready = {
        name: model
        for name, model in picture.models.items()
        if model.status == "ready" and model.generates and model.variants
    }
    if wanted in ready or not ready:
        return ready.get(wanted)
    newest = RequestRecord.objects.order_by("-received_at").values_list("model_name", flat=True)
    return next((ready[name] for name in newest[:20] if name in ready), next(iter(ready.values())))


def page_context(wanted: str) -> Context:
    """The whole page, about the model of that name (see `choose_model`)."""
    picture = snapshot.current()
    model = choose_model(picture, wanted)
    rule = rule_fields(picture)
    context: Context = {
        "model": model,
        "models": [
            name
            for name, info in picture.models.items()
            if info.status == "ready" and info.generates
        ],
        "rule": rule,
        "model_field": model_field(model.name) if model else None,
        "devices": device_rows(picture),
        "changes": change_rows(),
    }
    context |= preview_context(model, {}, picture)
    if model is None:
        return context
    axis: TokenAxis = context["axis"]
    threshold = measured_threshold(model, picture)
    has_own = model.token_limit is not None
    limit_field = context["model_field"] if has_own else rule["token_limit"]
    return context | {
        "limit": model.token_limit or picture.routing.token_limit,
        "limit_place": round(10 * axis.place(model.token_limit or picture.routing.token_limit)),
        "limit_locked": bool(limit_field and limit_field.locked_by),
        "charts": draw_charts(model.name, picture, axis),
        "passports": passport_rows(model, picture),
        "threshold": threshold,
        "threshold_place": axis.place(threshold.tokens) if threshold else 0,
        "threshold_tokens": f"{threshold.tokens:,}" if threshold else "",
        "threshold_words": _threshold_words(threshold),
        "threshold_is_in_force": bool(
            threshold and threshold.tokens == (model.token_limit or picture.routing.token_limit)
        ),
        "curve_ticks": axis.ticks(apart=24),
    }


def preview_context(model: ModelInfo | None, edits: Edits, picture: Snapshot) -> Context:
    """The part of the page that follows every edit: what the rule does now, and what it would.
    Without a model, only what waits to be applied."""
    checked = [changes.check(subject, values) for subject, values in edits.items()]
    problems = [
        {"field": f"{item.subject}.{name}", "words": words}
        for item in checked
        for name, words in item.errors.items()
    ]
    pending = [item for item in checked if item.after]
    waiting = {"model": model, "pending": _pending_words(pending), "problems": problems}
    if model is None:
        return waiting
    draft = with_changes(picture, pending)
    now, then = ranges(model, picture), ranges(draft.models[model.name], draft)
    axis = axis_for(max(longest_served(now), longest_served(then)))
    asked = asked_of(model)
    borders = [item.last for item in then if item.last] + [item.last for item in now if item.last]
    return waiting | {
        "axis": axis,
        "ticks": axis.ticks((0, *borders)),
        "bars": draw_bars(now, axis, picture),
        "edited_bars": draw_bars(then, axis, draft) if _differ(now, then) else [],
        "lanes": draw_lanes(asked, axis, picture),
        "asked_count": len(asked),
        "moves": _moves_words(moves_between(now, then, asked), len(asked)),
        "notes": _notes(draft.models[model.name], draft, model, picture),
    }


def _differ(now: Sequence[Range], then: Sequence[Range]) -> bool:
    """Whether anything that can be seen differs."""
    return [(r.first, r.device, r.words) for r in now] != [
        (r.first, r.device, r.words) for r in then
    ]


def _pending_words(pending: Iterable[Checked]) -> list[str]:
    return [
        line if item.subject == RULE else f"{subject_words(item.subject)}, {line}"
        for item in pending
        for line in change_words(item.subject, item.before, item.after)
    ]


def _moves_words(moves: Mapping[tuple[str, str], int], count: int) -> str:
    if not count:
        return ""
    told = [
        f"{number:,} from {before or 'refused'} to {after or 'refused'}"
        for (before, after), number in sorted(moves.items(), key=lambda item: -item[1])
    ]
    of = f"Of the last {count:,} requests" if count > 1 else "Of the one request so far"
    return f"{of}, {', '.join(told) if told else 'none'} would go elsewhere."


def _notes(
    draft_model: ModelInfo, draft: Snapshot, model: ModelInfo, picture: Snapshot
) -> list[str]:
    notes = []
    if draft.routing.mode == "measured" and mode_in_force(draft_model, draft) != "measured":
        notes.append(
            f"Until two devices have a passport for {model.name}, the limit decides: there is "
            "nothing to predict from."
        )
    if draft_model.token_limit and draft_model.token_limit != draft.routing.token_limit:
        notes.append(
            f"{model.name} has a limit of its own, {draft_model.token_limit:,} tokens; the one for "
            "all models does not count for it."
        )
    now = {device.name: device for device in device_facts(model, picture)}
    for device in device_facts(draft_model, draft):
        before = now.get(device.name)
        if device.device_class != "NPU" or device.unusable or before is None or before.unusable:
            continue
        if before.longest_prompt != device.longest_prompt:
            notes.append(
                f"{device.name} will be compiled for prompts up to {device.longest_prompt:,} "
                f"tokens instead of {before.longest_prompt:,}: it loads anew when it is next used."
            )
    return notes


def _threshold_words(found: MeasuredThreshold | None) -> str:
    if found is None:
        return (
            "Once the NPU and another device are measured with this model, the length at which the "
            "other one becomes faster is marked here."
        )
    if found.tokens == 0:
        return f"{found.other} is predicted to finish first at every length."
    if found.is_by_speed:
        return (
            f"{found.device} is predicted to finish first up to {found.tokens:,} tokens, "
            f"{found.other} beyond."
        )
    return (
        f"{found.device} is predicted to finish first for every prompt it takes: up to "
        f"{found.tokens:,} tokens."
    )
