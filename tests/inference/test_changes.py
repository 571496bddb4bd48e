"""What people change is checked, kept with who and when, and can be undone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from inference import changes
from inference.changes import CannotUndo, Unacceptable, UnknownSubject
from inference.drafts import with_changes
from inference.models import (
    ConfigurationChange,
    Device,
    DevicePolicy,
    Model,
    RoutingPolicy,
    Setting,
)
from tests.inference.small_picture import MODEL, picture

pytestmark = pytest.mark.usefixtures("rows")


def limit() -> int:
    return RoutingPolicy.objects.get().token_limit


def test_a_change_is_written_and_says_who_from_and_to() -> None:
    (change,) = changes.apply(
        "ada", {"RoutingPolicy": {"token_limit": "900", "mode": "thresholds"}}
    )

    assert limit() == 900
    assert (change.who, change.subject) == ("ada", "RoutingPolicy")
    assert (change.before, change.after) == ({"token_limit": 1800}, {"token_limit": 900})


def test_what_changes_nothing_leaves_no_trace() -> None:
    assert changes.apply("ada", {"RoutingPolicy": {"token_limit": 1800}}) == []
    assert not ConfigurationChange.objects.exists()


@pytest.mark.parametrize(
    ("subject", "values", "words"),
    [
        ("RoutingPolicy", {"token_limit": "0"}, "greater than or equal to 1"),
        ("RoutingPolicy", {"token_limit": "many"}, "whole number"),
        ("RoutingPolicy", {"token_limit": ""}, "required"),
        ("RoutingPolicy", {"mode": "guess"}, "not one of the available choices"),
        ("RoutingPolicy", {"preferred_device": "TPU"}, "NPU, GPU, CPU"),
        ("DevicePolicy.NPU", {"max_prompt_len": "3"}, "greater than or equal to 16"),
        ("DevicePolicy.CPU", {"emulate": True}, "Only NPU and GPU"),
        ("Setting.records_kept", {"value": "7"}, "100 to 10000000"),
    ],
)
def test_what_cannot_be_is_refused_with_the_fields_name_and_nothing_is_written(
    subject: str, values: dict[str, Any], words: str
) -> None:
    fine = "DevicePolicy.GPU"
    with pytest.raises(Unacceptable) as refusal:
        changes.apply("ada", {fine: {"priority": 3}, subject: values})

    assert list(refusal.value.errors) == [f"{subject}.{next(iter(values))}"]
    assert words in next(iter(refusal.value.errors.values()))
    assert DevicePolicy.objects.get(device__name="GPU").priority != 3
    assert not ConfigurationChange.objects.exists()


def test_a_field_that_a_variable_sets_is_locked(
    environment_variable: Callable[[str, str], None],
) -> None:
    environment_variable("NPU_PROXY_TOKEN_LIMIT", "700")

    checked = changes.check("RoutingPolicy", {"token_limit": "900", "mode": "frugal"})

    assert checked.errors == {"token_limit": "Set by NPU_PROXY_TOKEN_LIMIT."}
    assert checked.after == {"mode": "frugal"}


def test_a_change_can_be_undone_and_the_undoing_too() -> None:
    (change,) = changes.apply("ada", {"Setting.log_level": {"value": "debug"}})
    undone = changes.undo(change, "bob")

    assert Setting.objects.get(key="log_level").value == "INFO"
    assert (undone.who, undone.undoes) == ("bob", change)
    assert undone.after == {"value": "INFO"}

    changes.undo(undone, "ada")
    assert Setting.objects.get(key="log_level").value == "DEBUG"


def test_what_changed_again_since_is_not_undone() -> None:
    (first,) = changes.apply("ada", {"RoutingPolicy": {"token_limit": 900}})
    (second,) = changes.apply("ada", {"RoutingPolicy": {"token_limit": 500}})

    with pytest.raises(CannotUndo, match="token limit"):
        changes.undo(first, "ada")
    changes.undo(second, "ada")
    changes.undo(first, "ada")
    assert limit() == 1800


def test_the_limit_of_a_model_that_is_gone_cannot_be_undone() -> None:
    model = Model.objects.create(name="tiny:1m", status="ready", digest="a" * 64)
    (change,) = changes.apply("ada", {"Model.tiny:1m": {"token_limit": "300"}})
    model.refresh_from_db()
    assert model.token_limit == 300
    model.delete()

    with pytest.raises(CannotUndo, match="not there any more"):
        changes.undo(change, "ada")


@pytest.mark.parametrize("subject", ["Nothing", "DevicePolicy.TPU", "Setting.colour", "Model.none"])
def test_an_unknown_row_is_said_to_be_unknown(subject: str) -> None:
    with pytest.raises(UnknownSubject):
        changes.check(subject, {})


def test_a_draft_is_the_picture_with_the_changes_and_no_row_is_written() -> None:
    before = picture(Path("models"))
    after = with_changes(
        before,
        [
            changes.check("RoutingPolicy", {"token_limit": "900"}),
            changes.check("DevicePolicy.CPU", {"priority": "1", "enabled": ""}),
            changes.Checked(f"Model.{MODEL}", {}, {"token_limit": 50}),
        ],
    )

    assert after.routing.token_limit == 900
    assert [device.name for device in after.devices] == ["CPU", "NPU", "GPU"]
    assert after.devices[0].enabled is False
    assert after.models[MODEL].token_limit == 50
    assert limit() == 1800


def test_the_admin_keeps_account_and_undoes() -> None:
    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.create_superuser("owner"))
    row = {"mode": "frugal", "preferred_device": "NPU", "fallback_device": "auto"}
    client.post("/admin/inference/routingpolicy/1/change/", {**row, "token_limit": "900"})
    cpu = Device.objects.get(name="CPU")
    client.post(
        "/admin/inference/device/", {"action": "disable", "_selected_action": [str(cpu.pk)]}
    )

    off, rule = ConfigurationChange.objects.all()
    assert (rule.who, rule.after) == ("owner", {"mode": "frugal", "token_limit": 900})
    assert (off.subject, off.after) == ("DevicePolicy.CPU", {"enabled": False})

    page = client.post(
        "/admin/inference/configurationchange/",
        {"action": "undo", "_selected_action": [str(rule.pk), str(off.pk)]},
        follow=True,
    )
    assert "Undone" in page.content.decode()
    assert limit() == 1800
    assert DevicePolicy.objects.get(device=cpu).enabled
