"""From rows to the picture in memory, and its renewal when a row changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from inference import configuration, environment, snapshot
from inference.database import in_database_thread
from inference.models import Device, DevicePolicy, Model, ModelVariant, RoutingPolicy, Setting

SetVariable = Callable[[str, str], None]
pytestmark = pytest.mark.usefixtures("rows")

OVERRIDES: list[tuple[str, str, Callable[[snapshot.Snapshot], Any], Any, Any]] = [
    ("NPU_PROXY_DEVICE", "GPU", lambda s: s.routing.preferred_device, "NPU", "GPU"),
    ("NPU_PROXY_FALLBACK_DEVICE", "CPU", lambda s: s.routing.fallback_device, "auto", "CPU"),
    ("NPU_PROXY_TOKEN_LIMIT", "77", lambda s: s.routing.token_limit, 1800, 77),
    ("NPU_PROXY_MAX_PROMPT_LEN", "99", lambda s: s.device("NPU").max_prompt_len, 4096, 99),
    ("NPU_PROXY_REAL_INFERENCE", "0", lambda s: s.settings.real_inference, True, False),
    ("NPU_PROXY_INFERENCE_TIMEOUT", "9", lambda s: s.settings.inference_timeout_seconds, 180, 9),
    ("NPU_PROXY_LOG_LEVEL", "ERROR", lambda s: s.settings.log_level, "INFO", "ERROR"),
    ("NPU_PROXY_EMBEDDING_MODEL", "x", lambda s: s.settings.embedding_model[:4], "BAAI", "x"),
    ("NPU_PROXY_EMBEDDING_DEVICE", "NPU", lambda s: s.settings.embedding_device, "CPU", "NPU"),
    ("NPU_PROXY_EMBEDDING_CACHE_SIZE", "5", lambda s: s.settings.embedding_cache_size, 1000, 5),
    ("NPUCONSOLE_EMULATE_NPU", "1", lambda s: s.device("NPU").emulated, False, True),
]


@pytest.mark.parametrize(("name", "text", "read", "by_row", "by_variable"), OVERRIDES)
def test_a_variable_overrides_its_row(
    environment_variable: SetVariable,
    name: str,
    text: str,
    read: Callable[[snapshot.Snapshot], Any],
    by_row: Any,
    by_variable: Any,
) -> None:
    assert read(configuration.load()) == by_row

    environment_variable(name, text)

    picture = configuration.load()
    assert read(picture) == by_variable
    assert name in picture.locked.values()


@pytest.mark.parametrize(("name", "key"), [("HOST", "host"), ("PORT", "port")])
def test_address_and_port_are_settings_too(
    environment_variable: SetVariable, name: str, key: str
) -> None:
    Setting.objects.filter(key="host").update(value="::1")
    Setting.objects.filter(key="port").update(value=8080)
    assert configuration.load_settings()[key] in ("::1", 8080)

    environment_variable(f"NPU_PROXY_{name}", {"host": "127.0.0.2", "port": "9"}[key])

    assert configuration.load_settings()[key] in ("127.0.0.2", 9)


def test_default_rows_are_made_once_and_then_left_as_the_owner_wants_them() -> None:
    RoutingPolicy.objects.filter(id=1).update(token_limit=5)
    Setting.objects.filter(key="log_level").update(value="ERROR")
    DevicePolicy.objects.filter(device__name="NPU").update(enabled=False)

    configuration.ensure_default_rows()

    picture = configuration.load()
    npu = picture.device("NPU")
    assert (picture.routing.token_limit, picture.settings.log_level) == (5, "ERROR")
    assert npu is not None
    assert not npu.enabled
    assert [device.name for device in picture.devices] == ["NPU", "GPU", "CPU"]


def test_the_npu_is_there_when_emulated_and_says_so(environment_variable: SetVariable) -> None:
    npu = configuration.load().device("NPU")
    assert npu is not None
    assert (npu.present, npu.emulated) == (False, False)

    DevicePolicy.objects.filter(device__name="NPU").update(emulate=True)

    npu = configuration.load().device("NPU")
    assert npu is not None
    assert (npu.present, npu.emulated, npu.absent_reason) == (True, True, "")


def test_a_setting_that_cannot_be_used_is_logged_and_its_default_taken(
    caplog: pytest.LogCaptureFixture,
) -> None:
    Setting.objects.filter(key="inference_timeout_seconds").update(value="soon")

    with caplog.at_level(logging.WARNING):
        picture = configuration.load()

    assert picture.settings.inference_timeout_seconds == 180
    assert "inference_timeout_seconds='soon'" in caplog.text


def test_a_model_brings_its_template_preset_and_folder(
    environment_variable: SetVariable, tmp_path: Path
) -> None:
    environment_variable("NPU_PROXY_MODEL_PATH", str(tmp_path))
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "chat_template.jinja").write_text("{{ messages }}", encoding="utf-8")
    model = Model.objects.create(
        name="tiny:1m",
        status="ready",
        family="llama",
        digest="a" * 64,
        facts={"eos_token_ids": [2]},
        parameters={"num_predict": 5, "stop": "END"},
    )
    ModelVariant.objects.create(model=model, folder="tiny", weight_format="int8")

    info = configuration.load().models["tiny:1m"]

    assert info.chat_template == "{{ messages }}"
    assert info.facts == {"eos_token_ids": [2]}
    assert (info.preset.max_tokens, info.preset.stop) == (5, ("END",))
    assert info.variants[0].folder == tmp_path / "tiny"

    Model.objects.filter(name="tiny:1m").update(template="mine")
    assert configuration.load().models["tiny:1m"].chat_template == "mine"


@pytest.fixture
async def attached() -> AsyncIterator[None]:
    """The picture is renewed on this test's loop."""
    configuration.attach(asyncio.get_running_loop())
    yield
    await configuration.detach()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


def save_policy(token_limit: int) -> None:
    policy = RoutingPolicy.objects.get(id=1)
    policy.token_limit = token_limit
    policy.save()


async def test_a_saved_row_replaces_the_picture(attached: None) -> None:
    before = snapshot.current()

    await in_database_thread(save_policy, 42)

    await until(lambda: snapshot.current().routing.token_limit == 42)
    assert before.routing.token_limit == 1800, "requests under way keep their picture"


async def test_bulk_changes_and_deletions_replace_it_too(attached: None) -> None:
    await in_database_thread(Device.objects.filter(name="CPU").update, full_name="A processor")
    await until(lambda: "A processor" in {d.full_name for d in snapshot.current().devices})

    await in_database_thread(Device.objects.filter(name="GPU").delete)
    await until(lambda: snapshot.current().device("GPU") is None)


async def test_many_changes_at_once_are_few_renewals(
    attached: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []
    load = configuration.load
    monkeypatch.setattr(configuration, "load", lambda: built.append(1) or load())

    def save_often() -> None:
        for limit in range(1, 101):
            save_policy(limit)

    await in_database_thread(save_often)
    await until(lambda: snapshot.current().routing.token_limit == 100)

    assert len(built) < 20


async def test_rows_that_cannot_be_read_leave_the_old_picture_in_force(
    attached: None, caplog: pytest.LogCaptureFixture
) -> None:
    before = snapshot.current()

    await in_database_thread(
        DevicePolicy.objects.filter(device__name="CPU").update, engine_properties=[1]
    )
    await until(lambda: "the old one stays in force" in caplog.text)

    assert snapshot.current() is before
    await in_database_thread(
        DevicePolicy.objects.filter(device__name="CPU").update, engine_properties={"A": 1}
    )
    await until(lambda: snapshot.current() is not before)


def test_the_setting_keys_in_the_database_are_the_closed_set() -> None:
    assert set(Setting.objects.values_list("key", flat=True)) == set(configuration.SETTINGS)
    assert environment.locked() == {}
