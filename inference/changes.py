"""Changes of the configuration by people: checked, written, kept with who and when, and undone.

A row is named by its subject, in the words that variables override it by: `RoutingPolicy`,
`DevicePolicy.NPU`, `Setting.log_level` (its one field is `value`), `Model.smollm2:135m`. Everything
here uses the ORM: call it in the database thread or in a view's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.db import transaction

from inference import environment
from inference.configuration import SETTINGS
from inference.forms import DevicePolicyForm, ModelLimitForm, RoutingPolicyForm
from inference.models import (
    ConfigurationChange,
    ConfigurationRow,
    DevicePolicy,
    Model,
    RoutingPolicy,
    Setting,
)

Values = Mapping[str, Any]
"""Fields of one row; texts as people type them are as good as values of the field's type."""

_FORMS: dict[str, type[forms.ModelForm[Any]]] = {
    "RoutingPolicy": RoutingPolicyForm,
    "DevicePolicy": DevicePolicyForm,
    "Model": ModelLimitForm,
}
_LONGEST_SUBJECT = 80


class UnknownSubject(Exception):
    """No row has that name, or none any more."""


class Unacceptable(Exception):
    """Values that cannot be; `errors` has the words for each, by "subject.field"."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {words}" for name, words in errors.items()))
        self.errors = dict(errors)


class CannotUndo(Exception):
    """Why a change cannot be undone now, in words for a person."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What values would do to one row. `before` and `after` hold the fields that would differ;
    `errors` the words about fields that cannot be so, which are in neither."""

    subject: str
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)


def subject_of(row: object) -> str:
    """The name of a row that is kept account of. Raises UnknownSubject for any other."""
    match row:
        case RoutingPolicy():
            return "RoutingPolicy"
        case DevicePolicy():
            return f"DevicePolicy.{row.device.name}"
        case Setting():
            return f"Setting.{row.key}"
        case Model():
            named = f"Model.{row.name}"
            return named if len(named) <= _LONGEST_SUBJECT else f"Model.{row.pk}"
    raise UnknownSubject(str(row))


def values_of(row: ConfigurationRow) -> dict[str, Any]:
    """The fields of that row which people change."""
    if isinstance(row, Setting):
        return {"value": row.value}
    form = _FORMS[subject_of(row).partition(".")[0]]
    return {name: getattr(row, name) for name in form.base_fields}


def locked_by(subject: str, name: str) -> str:
    """The variable that overrides that field, "" if none does."""
    key = subject if subject.startswith("Setting.") else f"{subject}.{name}"
    return environment.locked().get(key, "")


def check(subject: str, values: Values) -> Checked:
    """What these values would do, without doing it. Fields that are not named stay as they are.
    Raises UnknownSubject."""
    return _look(subject, values)[1]


@transaction.atomic
def apply(who: str, edits: Mapping[str, Values]) -> list[ConfigurationChange]:
    """Write the values of every subject, all or none, and what differs into the log. Raises
    UnknownSubject, and Unacceptable with every error."""
    looked = [_look(subject, values) for subject, values in edits.items()]
    errors = {
        f"{checked.subject}.{name}": words
        for _, checked in looked
        for name, words in checked.errors.items()
    }
    if errors:
        raise Unacceptable(errors)
    changes = [_write(who, row, checked) for row, checked in looked]
    return [change for change in changes if change is not None]


def record(
    who: str,
    subject: str,
    before: Values,
    after: Values,
    *,
    undoes: ConfigurationChange | None = None,
) -> ConfigurationChange | None:
    """Keep what differs between the two as a change that was made; None if nothing does. `who` is a
    user's name or the caller's address."""
    names = [name for name in after if before.get(name) != after[name]]
    if not names:
        return None
    return ConfigurationChange.objects.create(
        who=who[:150] or "unknown",
        subject=subject,
        before={name: before.get(name) for name in names},
        after={name: after[name] for name in names},
        undoes=undoes,
    )


@transaction.atomic
def undo(change: ConfigurationChange, who: str) -> ConfigurationChange:
    """Write what was there before, as a change of its own. Raises CannotUndo when the row is gone,
    a field was changed again since or is locked, or the old value is not allowed any more."""
    if change.subject.partition(".")[0] not in (*_FORMS, "Setting"):
        raise CannotUndo(
            "This part of an import cannot be undone by itself: import the configuration as it was."
        )
    try:
        now = values_of(_row_of(change.subject))
        row, checked = _look(change.subject, change.before)
    except UnknownSubject:
        raise CannotUndo("What was changed is not there any more.") from None
    since = [name for name, value in change.after.items() if now.get(name) != value]
    if since:
        names = ", ".join(name.replace("_", " ") for name in since)
        raise CannotUndo(f"It was changed again since ({names}): undo the later change first.")
    if checked.errors:
        raise CannotUndo(" ".join(checked.errors.values()))
    undone = _write(who, row, checked, undoes=change)
    if undone is None:
        raise CannotUndo("It changed nothing.")
    return undone


def _look(subject: str, values: Values) -> tuple[ConfigurationRow, Checked]:
    """The row with the acceptable values set, not saved, and what they would do."""
    row = _row_of(subject)
    before = values_of(row)
    known = {name: value for name, value in values.items() if name in before}
    errors = {
        name: f"Set by {variable}."
        for name, value in known.items()
        if (variable := locked_by(subject, name)) and str(value) != str(before[name])
    }
    if isinstance(row, Setting):
        errors |= _set_setting(row, known) if not errors else {}
    else:
        form = _FORMS[subject.partition(".")[0]](
            {**before, **{name: _typed(value) for name, value in known.items()}}, instance=row
        )
        # Fields that nobody touches may hold what an older version allowed.
        errors |= {
            name: str(found[0])
            for name, found in form.errors.items()
            if name in known and name not in errors
        }
    after = {name: value for name, value in values_of(row).items() if name in known}
    differing = [name for name in after if name not in errors and after[name] != before[name]]
    return row, Checked(
        subject,
        {name: before[name] for name in differing},
        {name: after[name] for name in differing},
        errors,
    )


def _set_setting(row: Setting, values: Values) -> dict[str, str]:
    spec = SETTINGS[row.key]
    try:
        if "value" in values:
            row.value = spec.parse(str(values["value"]).strip())
    except ValueError:
        return {"value": f"Allowed: {spec.allowed}."}
    return {}


def _typed(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _write(
    who: str, row: ConfigurationRow, checked: Checked, *, undoes: ConfigurationChange | None = None
) -> ConfigurationChange | None:
    if not checked.after:
        return None
    row.save()
    return record(who, checked.subject, checked.before, checked.after, undoes=undoes)


def _row_of(subject: str) -> ConfigurationRow:
    kind, _, name = subject.partition(".")
    row: ConfigurationRow | None = None
    if kind == "RoutingPolicy" and not name:
        row = RoutingPolicy.objects.filter(id=1).first()
    elif kind == "DevicePolicy":
        row = DevicePolicy.objects.select_related("device").filter(device__name=name).first()
    elif kind == "Setting" and name in SETTINGS:
        row = Setting.objects.filter(key=name).first()
    elif kind == "Model":
        row = Model.objects.filter(name=name).first()
        if row is None and name.isdigit():
            row = Model.objects.filter(pk=int(name)).first()
    if row is None:
        raise UnknownSubject(subject)
    return row
