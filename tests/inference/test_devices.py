"""Discovery: the real probe, and what its findings do to the rows."""

from __future__ import annotations

import asyncio
import json

import psutil
import pytest

from inference import devices, probing
from inference.devices import store
from inference.models import Device, DevicePolicy
from inference.probing import Finding, ProbeFailed, read_findings

pytestmark = pytest.mark.usefixtures("rows")


def finding(name: str) -> Finding:
    return Finding(name, f"Intel {name}", "1.2.3", {"openvino": "2026.4"})


async def test_the_real_probe_finds_the_processor() -> None:
    found = await devices.discover()

    assert "CPU" in found
    cpu = await Device.objects.aget(name="CPU")
    assert cpu.present
    assert cpu.full_name
    assert cpu.absent_reason == ""
    assert cpu.discovered_at is not None
    assert cpu.facts["capabilities"]
    assert cpu.facts["openvino"].startswith("2026")


async def test_devices_asked_for_twice_at_once_are_looked_for_one_after_the_other() -> None:
    first, second = await asyncio.gather(devices.discover(), devices.discover())

    assert first == second


def running_probes() -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children()
        if child.is_running() and "inference.worker.probe" in child.cmdline()
    ]


async def test_a_cancelled_discovery_leaves_no_process() -> None:
    task = asyncio.create_task(devices.discover())
    async with asyncio.timeout(5):
        while not (probes := running_probes()):
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert psutil.wait_procs(probes, timeout=3)[1] == []


def test_what_is_found_is_present_and_what_is_not_says_why() -> None:
    store([finding("CPU"), finding("NPU")])

    states = {row.name: (row.present, row.absent_reason[:21]) for row in Device.objects.all()}
    assert states == {
        "CPU": (True, ""),
        "NPU": (True, ""),
        "GPU": (False, "Not found by OpenVINO"),
    }


def test_a_device_that_goes_away_keeps_its_policy_and_comes_back_to_it() -> None:
    store([finding("CPU"), finding("NPU")])
    DevicePolicy.objects.filter(device__name="NPU").update(max_prompt_len=1024)

    store([finding("CPU")])
    assert not Device.objects.get(name="NPU").present

    store([finding("CPU"), finding("NPU")])
    assert DevicePolicy.objects.get(device__name="NPU").max_prompt_len == 1024


def test_a_second_card_gets_a_row_and_the_policy_of_its_class() -> None:
    DevicePolicy.objects.filter(device__name="GPU").update(max_engines=7)

    store([finding("CPU"), finding("GPU.0"), finding("GPU.1")])

    policies = DevicePolicy.objects.filter(device__name__startswith="GPU.")
    assert [(p.device.name, p.max_engines, p.priority) for p in policies] == [
        ("GPU.0", 7, 20),
        ("GPU.1", 7, 20),
    ]
    assert Device.objects.get(name="GPU").absent_reason == "Found as GPU.0 and GPU.1."


def test_devices_we_do_not_route_to_are_left_out() -> None:
    described = {"full_name": "", "driver": "", "plugin": "", "capabilities": [], "properties": {}}
    answer = {
        "openvino": "2026.4",
        "devices": [{"name": name, **described} for name in ("CPU", "AUTO", "NPU.0x", "GPU.1")],
    }

    assert [f.name for f in read_findings(json.dumps(answer).encode())] == ["CPU", "GPU.1"]


@pytest.mark.parametrize("output", [b"", b"{", b"[]", b'{"devices": [{}]}', b"Segmentation fault"])
def test_an_answer_that_cannot_be_read_is_a_failed_probe(output: bytes) -> None:
    with pytest.raises(ProbeFailed):
        read_findings(output)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("import os; os.abort()", "crashed"),
        ("raise SystemExit('no OpenVINO here')", "no OpenVINO here"),
        ("import time; time.sleep(60)", "no answer in 1 seconds"),
    ],
)
async def test_a_probe_that_dies_or_hangs_leaves_the_rows_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    module: str,
    words: str,
) -> None:
    """A stand-in for OpenVINO that behaves as a broken driver does."""
    folder = tmp_path_factory.mktemp("broken")
    (folder / "openvino.py").write_text(module, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setattr(probing, "PROBE_SECONDS", 1.0)
    before = await Device.objects.aget(name="CPU")

    with pytest.raises(ProbeFailed, match=words):
        await devices.discover()

    after = await Device.objects.aget(name="CPU")
    assert (after.present, after.discovered_at) == (before.present, before.discovered_at)
