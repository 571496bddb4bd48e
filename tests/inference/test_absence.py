"""The sentence for a device that is not there, by what the machine shows."""

from __future__ import annotations

import pytest

from inference.absence import Evidence, explain, gather, reason

CASES = [
    ("CPU", Evidence("linux"), "reinstall the package openvino"),
    ("NPU", Evidence("linux"), "/dev/accel shows none"),
    ("NPU", Evidence("linux", ("/dev/accel/accel0",)), "Add the user to the group render"),
    ("NPU", Evidence("linux", ("/dev/accel/accel0",), True), "install Intel's linux-npu-driver"),
    ("GPU", Evidence("linux"), "/dev/dri shows none"),
    ("GPU", Evidence("linux", ("/dev/dri/renderD128",), True), "intel-opencl-icd"),
    ("NPU", Evidence("win32"), "install the Intel NPU driver"),
    ("GPU", Evidence("win32"), "install the Intel graphics driver"),
    ("NPU", Evidence("darwin"), "on Linux and Windows"),
]


@pytest.mark.parametrize(("device_class", "evidence", "advice"), CASES)
def test_the_reason_begins_with_the_fact_and_says_what_helps(
    device_class: str, evidence: Evidence, advice: str
) -> None:
    words = reason(device_class, evidence)

    assert words.startswith("Not found by OpenVINO")
    assert advice in words
    assert len(words) <= 400


@pytest.mark.parametrize("device_class", ["NPU", "GPU", "CPU"])
def test_this_machine_can_be_looked_at(device_class: str) -> None:
    assert gather(device_class).platform


def test_a_class_whose_devices_are_numbered_says_which() -> None:
    assert explain("GPU", ["CPU", "GPU.0"]) == "Found as GPU.0."
    assert explain("GPU.1", ["CPU", "GPU.0"]).startswith("Not found by OpenVINO")
