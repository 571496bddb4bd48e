"""The settings as the page shows them: in groups, with words, what is typed and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inference import environment, snapshot
from inference.configuration import SETTINGS, SettingSpec
from inference.environment import LOG_LEVELS
from inference.models import Setting
from npuconsole.listening import Place, place


@dataclass(frozen=True, slots=True)
class Group:
    """Settings that are saved together."""

    key: str
    title: str
    words: str
    settings: tuple[str, ...]


GROUPS = (
    Group(
        "network",
        "Network",
        "Who can reach this server.",
        ("host", "port", "allowed_hosts", "allowed_origins"),
    ),
    Group(
        "privacy",
        "Access and privacy",
        "Who sees the console, and what is kept of requests.",
        ("console_login_required", "prompts_are_kept", "records_kept", "records_kept_days"),
    ),
    Group(
        "answers",
        "Answers",
        "How requests are treated, and how long anything may take.",
        (
            "keep_alive_seconds",
            "inference_timeout_seconds",
            "load_timeout_seconds",
            "first_token_timeout_seconds",
            "inter_token_timeout_seconds",
            "heartbeat_timeout_seconds",
            "strict_parameters",
            "real_inference",
        ),
    ),
    Group(
        "embeddings",
        "Embeddings",
        "For requests that name no model.",
        ("embedding_model", "embedding_device", "embedding_cache_size"),
    ),
    Group(
        "machine",
        "This machine",
        "Disk, measuring, and the log.",
        ("compile_cache_gigabytes", "calibrate_when_idle_seconds", "log_level"),
    ),
)
_NOT_SHOWN = frozenset({"welcome_is_over"})
_LABELS = {
    "host": ("Address", ""),
    "port": ("Port", ""),
    "allowed_hosts": ("More host names", ""),
    "allowed_origins": ("Browser pages that may call", ""),
    "console_login_required": ("Login for the console", ""),
    "prompts_are_kept": ("Keep prompts and answers", ""),
    "records_kept": ("Requests kept", "requests"),
    "records_kept_days": ("Requests kept for", "days"),
    "keep_alive_seconds": ("Idle models stay loaded", "s"),
    "inference_timeout_seconds": ("Longest request", "s"),
    "load_timeout_seconds": ("Longest load", "s"),
    "first_token_timeout_seconds": ("Longest wait for the first token", "s"),
    "inter_token_timeout_seconds": ("Longest pause between tokens", "s"),
    "heartbeat_timeout_seconds": ("Longest silence of an engine", "s"),
    "strict_parameters": ("Refuse parameters without effect", ""),
    "real_inference": ("Real inference", ""),
    "embedding_model": ("Model", ""),
    "embedding_device": ("Device", ""),
    "embedding_cache_size": ("Vectors in memory", "entries"),
    "compile_cache_gigabytes": ("Compiled models", "GB"),
    "calibrate_when_idle_seconds": ("Measure new models after", "s idle"),
    "log_level": ("Log", ""),
}
_MORE_HELP = {
    "host": "127.0.0.1: this machine only. 0.0.0.0: every network it is in, and whoever reaches it "
    "uses the models without a password.",
    "records_kept_days": "0: for ever.",
    "keep_alive_seconds": "Negative: for ever.",
    "calibrate_when_idle_seconds": "0: only by command.",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One setting. `kind` is flag, choice, number or text; `value` is as it is typed; `locked_by`
    the variable that overrides it, "" if none does; `waits` what is in force until the next start,
    "" if it is in force."""

    key: str
    label: str
    unit: str
    help: str
    allowed: str
    kind: str
    value: str
    default: str
    choices: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
    locked_by: str = ""
    error: str = ""
    waits: str = ""
    at_next_start: bool = False

    @property
    def is_on(self) -> bool:
        """For a flag."""
        return self.value == "1"


@dataclass(frozen=True, slots=True)
class FilledGroup:
    """A group with its fields."""

    group: Group
    fields: tuple[Field, ...]

    @property
    def has_free(self) -> bool:
        """Whether anything in it can be changed."""
        return any(not field.locked_by for field in self.fields)


def group_of(key: str) -> Group | None:
    """The group of that key, with the settings no group names in the last one."""
    return next((group for group in all_groups() if group.key == key), None)


def all_groups() -> tuple[Group, ...]:
    """Every setting is in one of them."""
    named = {key for group in GROUPS for key in group.settings} | _NOT_SHOWN
    others = tuple(key for key in SETTINGS if key not in named)
    *first, last = GROUPS
    return (*first, Group(last.key, last.title, last.words, (*last.settings, *others)))


def filled_groups() -> tuple[FilledGroup, ...]:
    """All groups as they are now. Uses the ORM."""
    return tuple(fill(group) for group in all_groups())


def fill(
    group: Group, typed: Mapping[str, str] | None = None, errors: Mapping[str, str] | None = None
) -> FilledGroup:
    """The group with what its rows hold, or with what was typed and is wrong. Uses the ORM."""
    rows = dict(Setting.objects.filter(key__in=group.settings).values_list("key", "value"))
    fields = []
    for key in group.settings:
        spec = SETTINGS[key]
        stored = rows.get(key, spec.default)
        given = (typed or {}).get(key)
        fields.append(_field(spec, stored, given, (errors or {}).get(key, "")))
    return FilledGroup(group, tuple(fields))


def values_typed(group: Group, form: Mapping[str, str]) -> dict[str, str]:
    """What a sent form says of that group's settings; locked ones are not in it."""
    locked = environment.locked()
    return {
        key: form[key].strip()
        for key in group.settings
        if key in form and f"Setting.{key}" not in locked
    }


def label_for(key: str) -> str:
    """A setting's name as the page has it."""
    return _LABELS.get(key, (key.replace("_", " ").capitalize(), ""))[0]


def shown(value: Any) -> str:
    """A value as it is typed into the form."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def in_words(value: Any) -> str:
    """A value as a sentence has it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return shown(value) or "none"


def _field(spec: SettingSpec, stored: Any, given: str | None, error: str) -> Field:
    locked_by = environment.locked().get(f"Setting.{spec.key}", "")
    in_force = environment.overriding(f"Setting.{spec.key}", stored)
    kind, choices = _kind(spec)
    return Field(
        key=spec.key,
        label=label_for(spec.key),
        unit=_LABELS.get(spec.key, ("", ""))[1],
        help=f"{spec.help} {_MORE_HELP.get(spec.key, '')}".strip(),
        allowed=spec.allowed,
        kind=kind,
        value=shown(in_force) if locked_by or given is None else given,
        default=shown(spec.default),
        choices=choices,
        suggestions=_suggestions(spec.key),
        locked_by=locked_by,
        error=error,
        waits=_waits(spec.key, in_force, place()),
        at_next_start=spec.at_next_start,
    )


def _kind(spec: SettingSpec) -> tuple[str, tuple[str, ...]]:
    if isinstance(spec.default, bool):
        return "flag", ()
    if spec.key == "log_level":
        return "choice", LOG_LEVELS
    if isinstance(spec.default, int | float):
        return "number", ()
    return "text", ()


def _suggestions(key: str) -> tuple[str, ...]:
    picture = snapshot.current()
    if key == "host":
        return ("127.0.0.1", "0.0.0.0", "::")
    if key == "embedding_device":
        return tuple(device.name for device in picture.devices)
    if key == "embedding_model":
        return tuple(model.name for model in picture.answering() if not model.generates)
    return ()


def _waits(key: str, value: Any, running: Place | None) -> str:
    """What the server that runs has instead, as long as it was not started anew."""
    if running is None:
        return ""
    if key == "port" and int(value) not in (running.port, 0):
        return f"The server listens on {running.port} until it is started anew."
    if key == "host" and value not in (running.host, "localhost"):
        return f"The server listens on {running.host} until it is started anew."
    return ""
