"""What verifying finds of a variant's files, and how a damaged one goes out of use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from inference.catalog import unsettled
from inference.catalog.errors import Stopped
from inference.catalog.folders import ModelsFolder
from inference.catalog.names import parse_name
from inference.catalog.stopping import Stop
from inference.catalog.verification import (
    FileState,
    is_damaged,
    is_quarantined,
    quarantine,
    verify_folder,
)
from tests.catalog.variant_folder import FILES, write_variant

BIN = "openvino_model.bin"
OK, CHANGED, MISSING, UNEXPECTED = FileState


@pytest.fixture
def models(tmp_path: Path) -> ModelsFolder:
    return ModelsFolder(tmp_path / "models", tmp_path / "home")


def flip_a_bit(folder: Path) -> None:
    content = bytearray((folder / BIN).read_bytes())
    content[4000] ^= 1
    (folder / BIN).write_bytes(content)


def rewrite_manifest(folder: Path) -> None:
    flip_a_bit(folder)
    (folder / "install.json").unlink()
    from inference.catalog.manifest import write_manifest

    write_manifest(folder, parse_name("tiny"), "file:tiny", (), Stop())


@pytest.mark.parametrize(
    ("harm", "name", "state", "damaged"),
    [
        (lambda folder: None, BIN, OK, False),
        (flip_a_bit, BIN, CHANGED, True),
        (lambda folder: (folder / BIN).write_bytes(b"short"), BIN, CHANGED, True),
        (lambda folder: (folder / BIN).unlink(), BIN, MISSING, True),
        (lambda folder: (folder / "more.txt").write_text("x"), "more.txt", UNEXPECTED, False),
        (lambda folder: (folder / "install.json").unlink(), "install.json", MISSING, True),
        (lambda folder: (folder / "install.json").write_text("{}"), "install.json", CHANGED, True),
        (rewrite_manifest, "install.json", CHANGED, True),
    ],
)
def test_every_kind_of_harm_is_found(
    models: ModelsFolder, harm: Callable[[Path], object], name: str, state: FileState, damaged: bool
) -> None:
    folder = write_variant(models).folder
    harm(folder)
    found = verify_folder(folder, Stop())
    assert {file.name: file.state for file in found}[name] is state
    assert is_damaged(found) is damaged


def test_progress_counts_every_file_to_its_end(models: ModelsFolder) -> None:
    folder = write_variant(models).folder
    seen: dict[str, tuple[int, int]] = {}
    verify_folder(folder, Stop(), lambda name, done, size, _: seen.update({name: (done, size)}))
    assert seen == {name: (len(content), len(content)) for name, content in FILES.items()}


def test_verifying_can_be_stopped(models: ModelsFolder) -> None:
    folder, stop = write_variant(models).folder, Stop()
    stop.set()
    with pytest.raises(Stopped):
        verify_folder(folder, stop)


def test_a_quarantined_variant_lies_elsewhere_until_it_is_made_again(models: ModelsFolder) -> None:
    folder = write_variant(models).folder
    for _ in range(2):  # the second one takes the place of the first
        quarantine(folder, models)
        assert is_quarantined(folder, models)
        write_variant(models)
        assert not is_quarantined(folder, models)


def test_a_noted_folder_goes_only_if_no_row_names_it_and_no_job_takes_it_up(
    models: ModelsFolder, tmp_path: Path
) -> None:
    gone, named, awaited = (write_variant(models, name).folder for name in ("a", "b", "c"))
    never_noted = write_variant(models, "d").folder
    unsettled.note([gone, named, awaited], models)
    another = ModelsFolder(models.root, tmp_path / "another-home")
    assert unsettled.settle(another, (), ()) == 0
    assert unsettled.settle(models, {named.name}, [parse_name("c")]) == 1
    there = set(models.installed.iterdir())
    assert there == {named, awaited, never_noted}
    assert unsettled.settle(models, {named.name}, ()) == 1
    assert not awaited.exists()
    assert not list(models.unsettled.iterdir())


def test_a_folder_that_was_taken_up_again_before_it_could_be_removed_stays(
    models: ModelsFolder,
) -> None:
    deleted, taken_up = (write_variant(models, name).folder for name in ("a", "b"))
    unsettled.note([deleted, taken_up], models)
    unsettled.forget([taken_up], models)  # as a pull of the same contents does
    for folder in (deleted, taken_up):
        unsettled.remove(folder, models)
    assert set(models.installed.iterdir()) == {taken_up}
