"""The short form of `python -m benchmarks.kills`."""

from __future__ import annotations

from pathlib import Path

from benchmarks import kills


def test_catalogue_and_disk_agree_after_every_kill(starter_home: Path, tmp_path: Path) -> None:
    report = kills.run(tmp_path, kills=4, seed=5)
    assert report.wrong == []
    assert sum(report.kills.values()) == 4
