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
    )
    use = disk_use(seen)
    assert (use.models[0].size_bytes, use.models[0].freed_bytes) == (14, 14)
    assert (use.installed_bytes, use.unfinished_bytes, use.uploaded_bytes) == (114, 7, 3)


def test_what_is_in_quarantine_still_belongs_to_its_model() -> None:
    use = disk_use(replace(WELL, folders=(), quarantined={FOLDER: 10}))
    assert use.models[0].size_bytes == 10
    assert (use.installed_bytes, use.quarantined_bytes) == (0, 10)
