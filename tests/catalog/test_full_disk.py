"""A disk that is full in the middle of a pull: a file system of its own, small and real."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.catalog.exports import write_export
from tests.catalog.loopback_hub import LoopbackHub

ROOT = Path(__file__).resolve().parents[2]
NAME = "someone/one"
IN_A_DISK_OF_ITS_OWN = ("unshare", "--map-root-user", "--mount", "sh", "-c")
"""Mounts vanish with the process, and need no rights where the system allows name spaces."""


def can_mount(folder: Path) -> bool:
    try:
        command = [*IN_A_DISK_OF_ITS_OWN, 'mount -t tmpfs -o size=1m none "$0"', str(folder)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def test_a_full_disk_leaves_the_old_state_and_a_clear_error(
    hub: LoopbackHub, tiny: Path, tiny_export: Path, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if not can_mount(disk):
        pytest.skip("this system mounts no file system for its users")
    hub.repositories[NAME] = write_export(
        tmp_path / "one", tiny_export, files=24, size_bytes=6_000_000, seed=1
    )
    hub.misbehaviour.bytes_per_second = 500_000

    played = subprocess.run(
        [
            *IN_A_DISK_OF_ITS_OWN,
            'mount -t tmpfs -o size=24m none "$0" && exec "$@"',
            str(disk),
            *(sys.executable, "-m", "tests.catalog.small_disk", str(disk), str(tiny), NAME),
        ],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert played.returncode == 0, played.stderr
    before, full, after = json.loads(played.stdout.splitlines()[-1])
    assert before["end"] == "success"
    assert full["end"] == "the disk of the models folder is full; what was fetched is removed again"
    assert full["models"] == {"tiny:latest": "ready", f"{NAME}:latest": "failed"}
    assert full["jobs"] == {"tiny:latest": "done", f"{NAME}:latest": "failed"}
    assert (full["left_over"], full["wrong"]) == ([], [])
    assert after["end"] == "success"
    assert after["models"] == {"tiny:latest": "ready", f"{NAME}:latest": "ready"}
    assert (after["left_over"], after["wrong"]) == ([], [])
