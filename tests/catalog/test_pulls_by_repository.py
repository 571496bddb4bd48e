"""Pulling any repository of the hub by its name, and models that have two forms."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from inference.catalog.errors import PullFailed, Refused, UnknownModel
from inference.catalog.folders import ModelsFolder
from inference.catalog.install import install
from inference.catalog.manifest import Installed
from inference.catalog.names import parse_name
from inference.catalog.progress import Progress
from inference.catalog.recipes import Part, Plan
from inference.catalog.sources.hub_repository import HubRepository
from inference.catalog.sources.local import LocalSource
from inference.catalog.stopping import Stop
from tests.catalog.loopback_hub import LoopbackHub, Misbehaviour
from tests.catalog.served_jobs import run


def pull(name: str) -> None:
    from inference.catalog import jobs

    async def scenario() -> None:
        await (await jobs.pull(name)).finished()

    run(scenario)


@pytest.fixture
def repository(hub: LoopbackHub, tiny: Path, tmp_path: Path) -> str:
    folder = tmp_path / "repository"
    folder.mkdir()
    shutil.copy(tiny, folder / "tiny-Q8_0.gguf")
    (folder / "tiny-Q4_0.gguf").write_bytes(b"not asked for")
    (folder / "README.md").write_text("not asked for")
    hub.repositories["someone/tiny-GGUF"] = folder
    return "someone/tiny-GGUF"


def test_the_tag_chooses_the_file_of_a_gguf_repository(
    catalogue: Path, repository: str, hub: LoopbackHub
) -> None:
    from inference.models import Model

    pull(f"hf.co/{repository}:Q8_0")

    model = Model.objects.get()
    assert (model.name, model.status) == (f"hf.co/{repository}:Q8_0", "ready")
    assert model.source == f"hub:{repository}@main"
    assert not any("Q4_0" in line or "README" in line for line in hub.requests)


def test_a_form_that_is_not_there_is_named_with_those_that_are_and_leaves_no_model(
    catalogue: Path, repository: str
) -> None:
    from inference.models import Model, PullJob

    words = "it has no Q6_K; it has Q4_0, Q8_0"
    with pytest.raises(Refused, match=words):
        pull(f"{repository}:Q6_K")

    assert not Model.objects.exists(), "a request for it is told that there is none"
    job = PullJob.objects.get()
    assert (job.status, words in job.error) == ("failed", True)


def test_a_repository_that_is_not_there_leaves_no_rows_and_close_names(
    catalogue: Path, hub: LoopbackHub
) -> None:
    from inference.models import Model, PullJob

    with pytest.raises(UnknownModel) as caught:
        pull("BAAI/bge-smal-en-v1.5")

    assert "the hub does not have this model" in caught.value.message
    assert "did you mean BAAI/bge-small-en-v1.5" in caught.value.message
    assert not Model.objects.exists()
    assert not PullJob.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"status": 503}, "^the hub answered with 503"),  # another form would be here already
        ({"status": 400}, "^the hub answered with 400"),
        ({}, "^hub:a/int4@main: the hub does not have .*; hub:a/int8@main: the hub does not have"),
    ],
)
def test_another_form_is_fetched_only_where_the_first_is_not_to_be_had(
    catalogue: Path, hub: LoopbackHub, wrong: dict[str, int], words: str
) -> None:
    hub.misbehaviour = Misbehaviour(**wrong)  # type: ignore[arg-type]
    plan = Plan(parse_name("two"), "two", (HubRepository("a/int4"), HubRepository("a/int8")))
    progress = Progress("two:latest", asyncio.new_event_loop())
    models = ModelsFolder(catalogue, catalogue.parent)

    with pytest.raises(PullFailed, match=words):
        install(plan, models, progress, Stop())


def test_a_pull_that_rests_and_is_asked_for_from_elsewhere_goes_on_from_there(
    catalogue: Path,
) -> None:
    from inference.catalog import job_rows

    first = job_rows.open_job(Plan(parse_name("two"), "two", ()))
    again = job_rows.open_job(Plan(parse_name("two"), "file:two.gguf", ()))

    assert first == again
    assert job_rows.interrupted_requests() == ["file:two.gguf"]


def test_two_forms_become_two_variants_for_their_devices(
    catalogue: Path, installed: Installed
) -> None:
    from inference.catalog import job_rows, rows
    from inference.models import Model

    plan = Plan(parse_name("two"), "two", ())
    root = installed.folder.parent
    other = replace(installed, folder=root / "other", weight_format="int4_sym")
    forms = [rows.Form(installed, ("GPU", "CPU")), rows.Form(other, ("NPU",))]
    job_rows.publish(job_rows.open_job(plan), plan, forms, root)

    model = Model.objects.get()
    assert model.digest == installed.digest
    assert {v.weight_format: v.device_classes for v in model.variants.all()} == {
        installed.weight_format: ["GPU", "CPU"],
        "int4_sym": ["NPU"],
    }
    for wanted, there in (([("NPU",)], True), ([("GPU", "CPU")], True), ([("GPU", "NPU")], False)):
        assert rows.has_forms(plan.name, wanted) is there


def test_other_contents_under_a_name_leave_no_form_of_the_old_ones(
    catalogue: Path, installed: Installed
) -> None:
    from inference.catalog import job_rows, rows
    from inference.models import ModelVariant

    plan = Plan(parse_name("one"), "one", ())
    root = installed.folder.parent
    made_here = replace(installed, folder=root / "made", weight_format="int4_sym")
    other = replace(installed, folder=root / "other", weight_format="int4", digest="2" * 64)

    def publish(*forms: Installed) -> tuple[set[Path], set[str]]:
        wanted = [rows.Form(form) for form in forms]
        left = job_rows.publish(job_rows.open_job(plan), plan, wanted, root)
        return set(left), set(ModelVariant.objects.values_list("weight_format", flat=True))

    both = {installed.weight_format, "int4_sym"}
    assert publish(installed, made_here) == (set(), both)
    assert publish(installed) == (set(), both), "the same once more"
    assert publish(other) == ({installed.folder, made_here.folder}, {"int4"})


def test_forms_that_turn_out_alike_are_one_variant_for_all_devices(
    catalogue: Path, tiny: Path
) -> None:
    from inference.catalog import jobs
    from inference.models import ModelVariant, PullJob

    source = LocalSource(tiny)
    others = (Part((source,), ("NPU",)),)
    plan = Plan(parse_name("two"), "two", (source,), device_classes=("GPU", "CPU"), others=others)

    async def scenario() -> None:
        await (await jobs.install(plan)).finished()

    run(scenario)

    assert [variant.device_classes for variant in ModelVariant.objects.all()] == [[]]
    assert PullJob.objects.get().status == "done"
