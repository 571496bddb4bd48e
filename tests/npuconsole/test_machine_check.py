"""The doctor's look at the machine: hardware, drivers and nodes as Linux shows them."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from npuconsole import listening, machine_check
from npuconsole.listening import Place
from npuconsole.remarks import Remark

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads Linux's folders")


def pci(root: Path, address: str, **files: str) -> Path:
    place = root / "sys/bus/pci/devices" / address
    place.mkdir(parents=True)
    for name, content in files.items():
        (place / {"kind": "class"}.get(name, name)).write_text(content + "\n")
    return place


def by_subject(root: Path) -> dict[str, Remark]:
    return {remark.subject: remark for remark in machine_check.hardware(root)}


@linux
def test_hardware_with_its_driver_is_well(tmp_path: Path) -> None:
    place = pci(tmp_path, "0000:00:0b.0", vendor="0x8086", kind="0x120000", device="0x7d1d")
    (tmp_path / "drivers/intel_vpu").mkdir(parents=True)
    (place / "driver").symlink_to(tmp_path / "drivers/intel_vpu")
    found = by_subject(tmp_path)
    assert found["NPU hardware"].is_well
    assert (
        found["NPU hardware"].words
        == "Intel NPU, PCI 0000:00:0b.0, 0x7d1d, kernel driver intel_vpu"
    )


@linux
def test_hardware_without_a_driver_says_what_to_type(tmp_path: Path) -> None:
    pci(tmp_path, "0000:00:0b.0", vendor="0x8086", kind="0x120000", device="0x7d1d")
    pci(tmp_path, "0000:01:00.0", vendor="0x10de", kind="0x030000", device="0x2684")
    found = by_subject(tmp_path)
    assert found["NPU hardware"].is_well is False
    assert found["NPU hardware"].command == "sudo modprobe intel_vpu"
    assert "GPU hardware" not in found  # another maker's


@linux
def test_a_node_that_this_user_may_not_open_names_the_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dev/accel").mkdir(parents=True)
    (tmp_path / "dev/accel/accel0").touch()
    assert by_subject(tmp_path)["NPU node"].is_well
    monkeypatch.setattr("npuconsole.machine_check.os.access", lambda *_: False)
    found = by_subject(tmp_path)["NPU node"]
    assert found.is_well is False
    assert "/dev/accel/accel0" in found.words
    assert found.command.startswith("sudo usermod -aG ")


def test_a_port_that_somebody_has_is_told(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        remark = machine_check.port("127.0.0.1", other.getsockname()[1])
    assert remark.is_well is False
    assert "in use by another program" in remark.words


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("127.0.0.1", ""),
        ("0.0.0.0", ""),
        ("203.0.113.9", "203.0.113.9 is no address or name of this machine."),
        ("no such host.invalid", "no such host.invalid is no address or name of this machine."),
    ],
)
def test_an_address_is_tried_before_it_is_taken(host: str, words: str) -> None:
    assert listening.problem_with(host) == words


@pytest.mark.parametrize(
    ("host", "everywhere", "only_here"),
    [
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("localhost", False, True),
        ("0.0.0.0", True, False),
        ("::", True, False),
        ("192.168.1.5", False, False),
    ],
)
def test_who_reaches_a_place(host: str, everywhere: bool, only_here: bool) -> None:
    place = Place(host, 1)
    assert (place.is_everywhere, place.is_only_here) == (everywhere, only_here)
