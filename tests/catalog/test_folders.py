"""What lies where in the models folder, and what is swept."""

from __future__ import annotations

from pathlib import Path

from inference.catalog.folders import ModelsFolder
from inference.catalog.names import parse_name


def test_a_sweep_removes_the_work_of_this_server_only(tmp_path: Path) -> None:
    mine = ModelsFolder(tmp_path / "models", tmp_path / "home")
    other = ModelsFolder(tmp_path / "models", tmp_path / "another-home")
    mine.create()
    (mine.new_work_folder() / "half.bin").write_bytes(b"x")
    kept = other.new_work_folder()
    assert mine.sweep() == 1
    assert list(mine.work.iterdir()) == [kept]


def test_different_names_never_share_a_folder(tmp_path: Path) -> None:
    models = ModelsFolder(tmp_path, tmp_path)
    texts = [
        "a-b:c",
        "a:b-c",
        "a/b:c",
        "a:b",
        "ab",
        "x.y/a/b:c",
        "x:1/a/b:c",
        "a" * 80 + ":" + "b" * 80,
    ]
    folders = {models.variant_folder(parse_name(text), "int8", "0" * 64).name for text in texts}
    assert len(folders) == len(texts)
    assert all(len(name) < 200 for name in folders)
    assert not any(set(name) & set('<>:"/\\|?*') for name in folders)


def test_names_that_differ_in_case_share_a_folder(tmp_path: Path) -> None:
    models = ModelsFolder(tmp_path, tmp_path)
    first = models.variant_folder(parse_name("Me/Mine:V1"), "file", "0" * 64)
    assert first == models.variant_folder(parse_name("me/mine:v1"), "file", "0" * 64)
