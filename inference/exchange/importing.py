"""Applying a plan: all of it or nothing, with an account of every change."""

from __future__ import annotations

from django.db import transaction

from inference import changes
from inference.changes import Checked, Unacceptable
from inference.exchange.plans import ALIASES, PINS, PRESETS_OF, Plan
from inference.models import Device, Model, ModelAlias, PinnedPair


@transaction.atomic
def apply_plan(who: str, plan: Plan) -> int:
    """Write what the plan says; returns how many fields differ now. Raises Unacceptable if it has
    any error."""
    if plan.errors:
        raise Unacceptable(plan.errors)
    changes.apply(who, plan.edits)
    for difference in plan.own(PRESETS_OF):
        _write_presets(difference)
    for difference in plan.own(ALIASES):
        _write_aliases(difference)
    for difference in plan.own(PINS):
        _write_pins(difference)
    for difference in plan.differences:
        if difference.subject not in plan.edits:
            changes.record(who, difference.subject[:80], difference.before, difference.after)
    return plan.count


def _write_presets(difference: Checked) -> None:
    model = Model.objects.get(name=difference.subject.removeprefix(PRESETS_OF))
    for name, value in difference.after.items():
        setattr(model, name, value)
    model.save(update_fields=[*difference.after, "modified_at"])


def _write_aliases(difference: Checked) -> None:
    for name, target in difference.after.items():
        if target is None:
            ModelAlias.objects.filter(name=name).delete()
        else:
            ModelAlias.objects.update_or_create(name=name, defaults={"target": target})


def _write_pins(difference: Checked) -> None:
    for pair, is_wanted in difference.after.items():
        model, _, device = pair.rpartition(" on ")
        if is_wanted:
            PinnedPair.objects.get_or_create(
                model=Model.objects.get(name=model), device=Device.objects.get(name=device)
            )
        else:
            PinnedPair.objects.filter(model__name=model, device__name=device).delete()
