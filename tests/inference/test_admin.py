"""The admin over real rows: every list and form opens, facts are read-only, locks are shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from inference import configuration, snapshot
from inference.devices import store
from inference.models import (
    Device,
    DevicePolicy,
    Model,
    ModelVariant,
    Passport,
    PinnedPair,
    PullJob,
    RequestRecord,
    RoutingPolicy,
    Setting,
)
from inference.probing import Finding

SetVariable = Callable[[str, str], None]
ROWS = {
    row._meta.model_name: row
    for row in (
        Device,
        DevicePolicy,
        RoutingPolicy,
        Setting,
        Model,
        ModelVariant,
        PullJob,
        RequestRecord,
        Passport,
        PinnedPair,
    )
}

BUCKET = {
    "prompt_tokens": 2048,
    "agreed_tokens": 30,
    "compared_tokens": 32,
    "is_verified": True,
    "ttft_seconds": 1.5,
    "decode_tokens_per_second": 12.5,
}


@pytest.fixture
def owner(rows: None, tmp_path: Path) -> Client:
    """A logged-in owner, and a row in every table."""
    model = Model.objects.create(name="tiny:1m", family="llama", status="ready", digest="a" * 64)
    ModelVariant.objects.create(
        model=model, folder="tiny", weight_format="int8", size_bytes=5_000_000
    )
    PullJob.objects.create(model_name="tiny:1m", status="failed", error="no network", fraction=0.5)
    RequestRecord.objects.create(
        request_id="req_1",
        received_at=datetime.now(UTC),
        family="ollama",
        endpoint="/api/chat",
        model_name="tiny:1m",
        routed_device="NPU",
        execution_device="CPU",
        outcome="stop",
    )
    store([Finding("CPU", "A processor", "", {})])
    cpu = Device.objects.get(name="CPU")
    PinnedPair.objects.create(model=model, device=cpu)
    Passport.objects.create(
        model=model,
        device=cpu,
        status="verified",
        verified_prompt_tokens=2048,
        buckets=[BUCKET],
        calibrated_at=datetime.now(UTC),
    )
    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.create_superuser("owner"))
    return client


def text_of(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, path
    return response.content.decode()


@pytest.mark.parametrize("table", ROWS)
def test_every_row_can_be_found_and_opened(owner: Client, table: str) -> None:
    row = ROWS[table].objects.first()

    assert str(row.pk) in text_of(owner, f"/admin/inference/{table}/")
    text_of(owner, f"/admin/inference/{table}/?q=a")
    text_of(owner, f"/admin/inference/{table}/{row.pk}/change/")


@pytest.mark.parametrize("table", ROWS)
def test_every_row_leads_to_its_page_in_the_console(owner: Client, table: str) -> None:
    row = ROWS[table].objects.first()
    page = text_of(owner, f"/admin/inference/{table}/{row.pk}/change/")
    snapshot.replace_with(configuration.load())
    link = re.search(r'<a href="([^"]*)"[^<]*(?:<span[^<]*</span>)\s*View on site', page)

    assert link
    assert not link[1].startswith("/admin/")
    text_of(owner, link[1])


def test_an_absent_device_says_why_in_the_list(owner: Client) -> None:
    page = text_of(owner, "/admin/inference/device/")

    assert "Not found by OpenVINO" in page
    assert "Look for devices now" in page


def test_facts_cannot_be_edited(owner: Client) -> None:
    device = Device.objects.get(name="CPU")

    owner.post(f"/admin/inference/device/{device.pk}/change/", {"name": "GPU.7", "present": ""})

    device.refresh_from_db()
    assert (device.name, device.present) == ("CPU", True)
    assert owner.get("/admin/inference/requestrecord/add/").status_code == 403


def test_a_passport_shows_what_was_measured_and_can_be_thrown_away(owner: Client) -> None:
    path = f"/admin/inference/passport/{Passport.objects.get().pk}"

    page = text_of(owner, f"{path}/change/")
    assert "2,048 tokens: 1.50\N{NO-BREAK SPACE}s to the first token, then 12.5 tokens/s" in page
    assert "30 of 32 tokens as the CPU&#x27;s" in page

    owner.post(f"{path}/delete/", {"post": "yes"})
    assert not Passport.objects.exists()


def test_devices_can_be_looked_for_from_the_list(owner: Client) -> None:
    Device.objects.filter(name="CPU").update(full_name="")

    response = owner.get("/admin/inference/device/discover", follow=True)

    assert "OpenVINO found CPU" in response.content.decode()
    assert Device.objects.get(name="CPU").full_name


@pytest.mark.parametrize(("action", "enabled"), [("disable", False), ("enable", True)])
def test_devices_can_be_switched_on_and_off(owner: Client, action: str, enabled: bool) -> None:
    DevicePolicy.objects.filter(device__name="CPU").update(enabled=not enabled)

    owner.post(
        "/admin/inference/device/",
        {"action": action, "_selected_action": [Device.objects.get(name="CPU").pk]},
    )

    assert DevicePolicy.objects.get(device__name="CPU").enabled is enabled


def test_a_locked_field_shows_value_and_variable_and_cannot_be_edited(
    owner: Client, environment_variable: SetVariable
) -> None:
    environment_variable("NPU_PROXY_TOKEN_LIMIT", "900")
    path = "/admin/inference/routingpolicy/1/change/"

    page = text_of(owner, path)
    assert "NPU_PROXY_TOKEN_LIMIT" in page
    assert "900" in page
    assert 'name="token_limit"' not in page
    assert 'name="preferred_device"' in page

    fields = {"mode": "thresholds", "preferred_device": "gpu", "fallback_device": "auto"}
    owner.post(path, {"token_limit": 5, **fields})
    policy = RoutingPolicy.objects.get(id=1)
    assert (policy.token_limit, policy.preferred_device) == (1800, "GPU")


def test_the_prompt_limit_of_the_npu_alone_is_locked(
    owner: Client, environment_variable: SetVariable
) -> None:
    environment_variable("NPU_PROXY_MAX_PROMPT_LEN", "2048")

    npu = DevicePolicy.objects.get(device__name="NPU")
    cpu = DevicePolicy.objects.get(device__name="CPU")
    assert "NPU_PROXY_MAX_PROMPT_LEN" in text_of(
        owner, f"/admin/inference/devicepolicy/{npu.pk}/change/"
    )
    assert "NPU_PROXY_MAX_PROMPT_LEN" not in text_of(
        owner, f"/admin/inference/devicepolicy/{cpu.pk}/change/"
    )


def test_a_setting_takes_only_what_its_key_allows(owner: Client) -> None:
    setting = Setting.objects.get(key="inference_timeout_seconds")
    path = f"/admin/inference/setting/{setting.pk}/change/"

    assert "Allowed: seconds" in owner.post(path, {"value": '"soon"'}).content.decode()
    owner.post(path, {"value": "30"})

    assert configuration.load().settings.inference_timeout_seconds == 30


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"emulate": "on"}, "Only NPU and GPU"), ({"engine_properties": "[1]"}, "A JSON object")],
)
def test_a_policy_that_makes_no_sense_is_refused(
    owner: Client, fields: dict[str, str], words: str
) -> None:
    policy = DevicePolicy.objects.get(device__name="CPU")
    usual = {
        "enabled": "on",
        "priority": "30",
        "min_response_len": "512",
        "max_engines": "3",
        "max_concurrent_requests": "32",
        "max_queued_requests": "512",
        "overflow": "next",
        "engine_properties": "{}",
    }
    path = f"/admin/inference/devicepolicy/{policy.pk}/change/"

    assert words in owner.post(path, {**usual, **fields}).content.decode()
    assert owner.post(path, usual).status_code == 302
