"""The configuration as a file: what goes out comes in again, and a plan says all before anything is
written."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Any

import pytest

from inference import configuration
from inference.changes import CannotUndo, Unacceptable, undo
from inference.exchange.exporting import export
from inference.exchange.importing import apply_plan
from inference.exchange.plans import NotAConfiguration, decode, read_plan
from inference.exchange.toml_text import Section, write
from inference.models import (
    ConfigurationChange,
    Device,
    DevicePolicy,
    Model,
    ModelAlias,
    PinnedPair,
    RoutingPolicy,
    Setting,
)

SetVariable = Callable[[str, str], None]


@pytest.mark.parametrize(
    "value",
    [
        True,
        -3,
        0.1,
        1e300,
        "",
        'quotes " and \\ and\nlines\tand \x7f \x01 é 🚀',
        [1, "two", [3.0]],
        {"a b": {"c": [True]}, "": "empty key"},
        [{"role": "system", "content": "x"}],
    ],
)
def test_what_is_written_reads_as_the_same(value: Any) -> None:
    text = write([Section(("a", 'b."c'), {"key": value}, note="one\ntwo", notes={"key": "three"})])
    assert tomllib.loads(text) == {"a": {'b."c': {"key": value}}}


def model(name: str = "tiny:1b") -> Model:
    row: Model = Model.objects.create(name=name, status="ready", family="llama", digest="0" * 64)
    return row


def in_file(text: str) -> str:
    return f"format = 1\n{text}"


def test_an_export_imported_at_once_changes_nothing(rows: None) -> None:
    tiny = model()
    tiny.system, tiny.parameters = 'Say "yes".\nAlways.', {"temperature": 0.2, "stop": ["x"]}
    tiny.save()
    ModelAlias.objects.create(name="gpt-4o", target="tiny:1b")
    PinnedPair.objects.create(model=tiny, device=Device.objects.get(name="CPU"))
    plan = read_plan(export())
    assert (plan.count, plan.errors, plan.passed_over) == (0, {}, [])


def test_an_import_brings_everything_back_with_an_account_of_it(rows: None) -> None:
    tiny = model()
    tiny.system = "Be brief."
    tiny.token_limit = 700
    tiny.save()
    ModelAlias.objects.create(name="gpt-4o", target="tiny:1b")
    kept = export()

    Setting.objects.filter(key="keep_alive_seconds").update(value=1.0)
    RoutingPolicy.objects.update(token_limit=5)
    DevicePolicy.objects.filter(device__name="NPU").update(max_prompt_len=None)
    Model.objects.update(system="Something else", token_limit=None)
    ModelAlias.objects.all().delete()
    ModelAlias.objects.create(name="other", target="tiny:1b")
    PinnedPair.objects.create(model=tiny, device=Device.objects.get(name="CPU"))

    plan = read_plan(kept)
    assert plan.count == 8
    assert apply_plan("me", plan) == 8
    assert export().splitlines()[4:] == kept.splitlines()[4:]
    assert ConfigurationChange.objects.filter(who="me").count() == 7
    alias = ConfigurationChange.objects.get(subject="Aliases")
    assert alias.after == {"gpt-4o": "tiny:1b", "other": None}
    with pytest.raises(CannotUndo, match="import the configuration as it was"):
        undo(alias, "me")
    undo(ConfigurationChange.objects.get(subject="Setting.keep_alive_seconds"), "me")
    assert configuration.load_settings()["keep_alive_seconds"] == 1


def test_an_import_with_any_error_changes_nothing(rows: None) -> None:
    text = in_file('[settings]\nkeep_alive_seconds = 9\nrecords_kept = "many"\n')
    plan = read_plan(text)
    assert plan.errors == {
        "Setting.records_kept.value": "Allowed: a whole number from 100 to 10000000."
    }
    with pytest.raises(Unacceptable):
        apply_plan("me", plan)
    assert configuration.load_settings()["keep_alive_seconds"] == 300


def test_what_a_variable_sets_stays_and_the_plan_says_so(
    rows: None, environment_variable: SetVariable
) -> None:
    environment_variable("NPU_PROXY_TOKEN_LIMIT", "900")
    plan = read_plan(in_file("[routing]\ntoken_limit = 5\nmode = 'frugal'\n"))
    assert plan.edits == {"RoutingPolicy": {"mode": "frugal"}}
    assert plan.passed_over == [
        "The rule, token limit: NPU_PROXY_TOKEN_LIMIT sets it here, so it stays."
    ]


def test_what_is_not_known_here_is_named_and_left_out(rows: None) -> None:
    plan = read_plan(
        in_file(
            "later = 1\n[[pins]]\nmodel = 'x:1'\ndevice = 'CPU'\n[settings]\nfoo = 1\n"
            "[devices.'GPU.7']\nenabled = false\n[models.'x:1']\nsystem = 'a'\n"
        )
    )
    assert plan.count == 0
    assert plan.passed_over == [
        "The part later is not known here.",
        "The setting foo is not known here.",
        "GPU.7 is not on this machine.",
        "The model x:1 is not installed here.",
        "The pin x:1 on CPU: not here.",
    ]


@pytest.mark.parametrize(
    ("presets", "field"),
    [
        ("system = 1", "system"),
        ("template = '{{ broken'", "template"),
        ("parameters = []", "parameters"),
        ("messages = [{ role = 'boss', content = 'x' }]", "messages"),
        ("keep_alive_seconds = nan", "keep_alive_seconds"),
    ],
)
def test_presets_are_checked_like_everywhere(rows: None, presets: str, field: str) -> None:
    model()
    plan = read_plan(in_file(f"[models.'tiny:1b']\n{presets}\n"))
    assert list(plan.errors) == [f"Presets.tiny:1b.{field}"]


def test_an_address_that_is_not_this_machines_is_an_error(rows: None) -> None:
    text = in_file("[settings]\nhost = '203.0.113.9'\n")
    plan = read_plan(text, lambda host: f"{host} is not ours.")
    assert plan.errors == {"Setting.host.value": "203.0.113.9 is not ours."}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_that_windows_wrote_is_read(rows: None, encoding: str) -> None:
    text = in_file("[models.'für:1']\r\nsystem = 'ä'\r\n")
    plan = read_plan(decode(text.encode(encoding)))
    assert plan.passed_over == ["The model für:1 is not installed here."]


def test_a_file_that_is_no_text_is_refused_in_words() -> None:
    with pytest.raises(NotAConfiguration, match="no text"):
        decode(b"\x89PNG\xff")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x =", "not TOML"),
        ("", "no configuration"),
        ("format = 2", "a newer one"),
        ("format = 1\nsettings = 3", "settings must be a table"),
        ("format = 1\npins = 3", "pins must be a list"),
        ("format = 1\n[devices]\nNPU = 3", "devices.NPU must be a table"),
        ("a" * 2_000_000, "larger than 1 MB"),
    ],
)
def test_other_files_are_refused_in_words(rows: None, text: str, words: str) -> None:
    with pytest.raises(NotAConfiguration, match=words):
        read_plan(text)
