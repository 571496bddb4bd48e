"""Bytes are counted once, whoever shares them."""

from __future__ import annotations

from dataclasses import replace

from inference.catalog.disk_use import disk_use
from inference.catalog.inventory import FolderOnDisk
from tests.catalog.test_doctor import FOLDER, MODEL, ON_DISK, VARIANT, WELL, rows


def test_deleting_one_of_two_copies_frees_nothing() -> None:
    use = disk_use(WELL)
    assert [(m.name, m.size_bytes, m.freed_bytes) for m in use.models] == [
        ("m:latest", 10, 0),
        ("copy:latest", 10, 0),
    ]
    assert use.models[0].shared_with == ("copy:latest",)
    assert use.installed_bytes == 10


def test_a_form_of_its_own_is_freed_and_the_rest_of_the_folder_is_counted() -> None:
    own = FolderOnDisk("m@latest+int4-bbbbbbbbbbbb", 4)
    stray = FolderOnDisk("stray", 100)
    variants = (VARIANT, replace(VARIANT, folder=own.name, weight_format="int4"))
    seen = replace(
        WELL,
        rows=rows(MODEL, variants=variants),
        folders=(ON_DISK, own, stray),
        work={"0-1": 7},
        blobs={"sha256-0": 3},
        dropped={"x.gguf": 11},
    )
    use = disk_use(seen)
    assert (use.models[0].size_bytes, use.models[0].freed_bytes) == (14, 14)
    assert (use.installed_bytes, use.unfinished_bytes) == (114, 7)
    assert (use.uploaded_bytes, use.dropped_bytes) == (3, 11)


def test_what_is_in_quarantine_still_belongs_to_its_model() -> None:
    use = disk_use(replace(WELL, folders=(), quarantined={FOLDER: 10}))
    assert use.models[0].size_bytes == 10
    assert (use.installed_bytes, use.quarantined_bytes) == (0, 10)


def test_a_model_that_could_not_be_installed_takes_nothing_and_is_not_listed() -> None:
    failed = replace(MODEL, name="failed:latest", status="failed")
    use = disk_use(replace(WELL, rows=replace(WELL.rows, models=(*WELL.rows.models, failed))))
    assert [model.name for model in use.models] == ["m:latest", "copy:latest"]
