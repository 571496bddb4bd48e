"""The doctor finds every way in which catalogue and disk can disagree, and mends what is safe."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from inference import environment
from inference.catalog import copies, unsettled
from inference.catalog.doctor import Finding, Fix, diagnose
from inference.catalog.folders import ModelsFolder
from inference.catalog.inventory import (
    FolderOnDisk,
    Inventory,
    ModelRow,
    Rows,
    UnfinishedJob,
    VariantRow,
    look,
)
from inference.catalog.mending import adopt, mend
from inference.catalog.names import parse_name
from inference.catalog.verification import quarantine
from inference.models import Model, ModelVariant, PullJob
from tests.catalog.served_jobs import run
from tests.catalog.variant_folder import write_variant

DIGEST, OTHER = "a" * 64, "b" * 64
FOLDER = "m@latest+int8-aaaaaaaaaaaa"
MODEL = ModelRow("m:latest", "ready", DIGEST)
COPY = ModelRow("copy:latest", "ready", DIGEST)
VARIANT = VariantRow("m:latest", FOLDER, "int8", 10)
SHARED = replace(VARIANT, model="copy:latest")
ON_DISK = FolderOnDisk(FOLDER, 10, "m:latest", DIGEST, "int8", True, True)
WELL = Inventory(rows=Rows((MODEL, COPY), (VARIANT, SHARED)), folders=(ON_DISK,))
JOB = UnfinishedJob(1, "m:latest", "downloading")
NO_ROWS = replace(WELL, rows=Rows())


def rows(
    *models: ModelRow, variants: tuple[VariantRow, ...] = (), jobs: tuple[UnfinishedJob, ...] = ()
) -> Rows:
    return Rows(models, variants, jobs)


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        (WELL, []),
        (replace(WELL, folders=()), [("missing-folder", None, True)] * 2),
        (replace(WELL, folders=(), quarantined={FOLDER: 10}), [("quarantine", None, True)] * 2),
        (
            replace(WELL, quarantined={FOLDER: 10}),
            [("quarantine-rest", Fix.REMOVE_QUARANTINED, False)],
        ),
        (
            replace(WELL, folders=(replace(ON_DISK, is_whole=False),)),
            [("damaged-folder", Fix.QUARANTINE, True)],
        ),
        (
            replace(WELL, rows=rows(replace(MODEL, digest=OTHER), variants=(VARIANT,))),
            [("other-digest", Fix.CORRECT_ROW, True)],
        ),
        (
            replace(WELL, rows=rows(MODEL, COPY, variants=(VARIANT,))),
            [("no-variant", Fix.MARK_FAILED, True)],
        ),
        (NO_ROWS, [("orphan", Fix.ADOPT, True)]),
        (
            replace(NO_ROWS, folders=(replace(ON_DISK, is_whole=False),)),
            [("orphan", Fix.REMOVE_INSTALLED, True)],
        ),
        (
            replace(NO_ROWS, folders=(replace(ON_DISK, is_in_its_place=False),)),
            [("orphan", None, True)],
        ),
        (replace(NO_ROWS, folders=(replace(ON_DISK, is_unsettled=True),)), []),
        (replace(NO_ROWS, rows=rows(jobs=(JOB,))), [("interrupted-job", None, False)]),
        (
            replace(NO_ROWS, rows=rows(jobs=(JOB,)), running=frozenset()),
            [("dead-job", Fix.END_JOB, True)],
        ),
        (replace(NO_ROWS, rows=rows(jobs=(JOB,)), running=frozenset({"m:latest"})), []),
        (
            replace(NO_ROWS, rows=rows(jobs=(replace(JOB, status="paused"),)), running=frozenset()),
            [],
        ),
        (
            replace(WELL, rows=rows(replace(MODEL, status="installing"), variants=(VARIANT,))),
            [("dead-installation", Fix.MARK_FAILED, True)],
        ),
        (replace(WELL, work={"0-1": 5}), [("unfinished-work", Fix.REMOVE_WORK, False)]),
        (replace(WELL, work={"0-1": 5}, running=frozenset()), []),
        (replace(WELL, blobs={"sha256-0": 5}), [("uploads", None, False)]),
        (
            replace(
                WELL,
                rows=rows(
                    MODEL,
                    replace(MODEL, name="M:latest"),
                    variants=(VARIANT, replace(VARIANT, model="M:latest")),
                ),
            ),
            [("same-name", None, True)],
        ),
    ],
)
def test_what_the_checks_find(seen: Inventory, found: list[tuple[str, Fix | None, bool]]) -> None:
    assert [(f.check, f.fix, f.is_wrong) for f in diagnose(seen)] == found


def test_every_finding_says_what_to_do() -> None:
    for seen in (replace(WELL, folders=()), NO_ROWS):
        assert all(finding.words and finding.advice for finding in diagnose(seen))


@pytest.fixture
def models(catalogue: Path) -> ModelsFolder:
    return ModelsFolder(catalogue, environment.home())


def wrong(models: ModelsFolder) -> tuple[Finding, ...]:
    return diagnose(look(models, None))


def mend_all(models: ModelsFolder) -> list[str]:
    return [mend(finding, models) for finding in wrong(models)]


def test_an_orphan_is_taken_up_again_with_its_name_and_digest(models: ModelsFolder) -> None:
    made = write_variant(models)
    assert [finding.fix for finding in wrong(models)] == [Fix.ADOPT]
    assert mend_all(models) == ["tiny:latest is in the catalogue again"]
    model = Model.objects.get()
    assert (model.name, model.status, model.digest) == ("tiny:latest", "ready", made.digest)
    assert wrong(models) == ()


def test_an_orphan_with_a_flipped_bit_is_not_taken_up(models: ModelsFolder) -> None:
    made = write_variant(models)
    path = made.folder / "openvino_model.bin"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert "quarantine" in mend_all(models)[0]
    assert not Model.objects.exists()


def test_half_an_orphan_is_removed(models: ModelsFolder) -> None:
    folder = write_variant(models).folder
    (folder / "openvino_model.bin").unlink()
    mend_all(models)
    assert not folder.exists()
    assert wrong(models) == ()


def test_a_cut_file_puts_the_variant_into_quarantine_until_it_is_back(models: ModelsFolder) -> None:
    made = write_variant(models)
    adopt(made, models)
    (made.folder / "openvino_model.bin").write_bytes(b"cut")
    mend_all(models)
    assert [finding.check for finding in wrong(models)] == ["quarantine"]
    write_variant(models)
    assert [finding.check for finding in wrong(models)] == ["quarantine-rest"]
    mend_all(models)
    assert wrong(models) == ()


def test_rows_that_say_otherwise_and_dead_jobs_are_mended(models: ModelsFolder) -> None:
    made = write_variant(models)
    adopt(made, models)
    Model.objects.update(digest=OTHER)
    Model.objects.create(name="half:latest", status="installing", family="x")
    PullJob.objects.create(model_name="dead:latest", status="downloading")
    seen = look(models, frozenset())
    assert [mend(finding, models) != "" for finding in diagnose(seen)] == [True] * 3
    assert diagnose(look(models, frozenset())) == ()


def test_a_copy_is_found_when_the_folder_it_shares_is_gone(models: ModelsFolder) -> None:
    made = write_variant(models)
    adopt(made, models)
    copy = Model.objects.create(name="copy:latest", status="ready", family="x", digest=made.digest)
    ModelVariant.objects.create(
        model=copy, folder=f"installed/{made.folder.name}", weight_format="int8"
    )
    assert wrong(models) == ()
    shutil.rmtree(made.folder)
    subjects = [(finding.subject, finding.check) for finding in wrong(models)]
    assert subjects == [("tiny:latest", "missing-folder"), ("copy:latest", "missing-folder")]


def test_a_damaged_model_is_not_in_use_but_its_other_form_is(models: ModelsFolder) -> None:
    from inference import configuration, planning, snapshot
    from inference.errors import ModelNotReady

    made = write_variant(models)
    adopt(made, models)
    quarantine(made.folder, models)
    picture = configuration.load()
    assert picture.models["tiny:latest"].status == "failed"
    snapshot.replace_with(picture)
    with pytest.raises(ModelNotReady, match="npuconsole verify tiny:latest --repull"):
        planning.resolve_model("tiny", picture)
    ModelVariant.objects.create(
        model=Model.objects.get(), folder="installed/other", weight_format="int4"
    )
    info = planning.resolve_model("tiny", configuration.load())
    assert [variant.weight_format for variant in info.variants] == ["int4"]
    assert info.quarantined == ("int8",)


async def nothing() -> None:
    """A server that does nothing but start and end."""


def test_a_deletion_that_was_killed_is_finished_by_the_next_start(models: ModelsFolder) -> None:
    made = write_variant(models)
    adopt(made, models)
    assert copies.delete_rows(parse_name("tiny"), models.root) == [made.folder]  # and no further
    run(nothing)
    assert not made.folder.exists()
    assert wrong(models) == ()


def test_what_a_kill_left_between_its_rename_and_its_rows_is_removed_by_the_next_start(
    models: ModelsFolder,
) -> None:
    made = write_variant(models)
    unsettled.note([made.folder], models)  # and no further
    run(nothing)
    assert not made.folder.exists()
    assert wrong(models) == ()


def test_a_lost_database_costs_no_model(models: ModelsFolder) -> None:
    made = write_variant(models)
    run(nothing)
    assert made.folder.exists()
    assert [finding.fix for finding in wrong(models)] == [Fix.ADOPT]
