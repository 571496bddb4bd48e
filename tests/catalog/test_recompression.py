"""Other weights for an installed model: what is decided, and what becomes of a real model."""

from __future__ import annotations

import asyncio
import math
import shutil
import sys
from pathlib import Path
from typing import Any

import gguf
import openvino as ov
import psutil
import pytest
from tokenizers import Tokenizer

from inference.catalog.errors import PullCancelled, PullFailed
from inference.catalog.gguf.importing import build_decoder_of
from inference.catalog.gguf.metadata import read_metadata
from inference.catalog.import_child import ImportRefused
from inference.catalog.job_rows import request_of
from inference.catalog.manifest import is_intact, read_manifest
from inference.catalog.names import parse_name
from inference.catalog.recompression.order import choose_source
from inference.catalog.recompression.quality import Quality, why_refused
from inference.catalog.recompression.restoring import restore_floats, row_widths
from inference.catalog.recompression.targets import Recipe, Target, bits_of, recipe_for
from inference.catalog.stopping import Stop
from inference.errors import InvalidRequest, ModelNotFound
from inference.snapshot import VariantInfo
from tests.catalog.gguf_reference.shapes import write_packed
from tests.catalog.served_jobs import forms, run

BILLION = 1_000_000_000


@pytest.mark.parametrize(
    ("target", "widths", "parameters", "recipe", "weight_format"),
    [
        (Target.INT8, {576}, 0, Recipe(8, True), "int8_sym"),
        (Target.INT4, {576}, 0, Recipe(4, False, 64), "int4_asym-g64"),
        (Target.NPU, {2048, 5632}, BILLION, Recipe(4, True, 128), "int4_sym-g128"),
        (Target.NPU, {4096, 11008}, 7 * BILLION, Recipe(4, True), "int4_sym"),
        (Target.NPU, {576, 1536}, BILLION // 8, Recipe(4, True), "int4_sym"),
    ],
)
def test_an_npu_gets_groups_of_128_where_they_fit_and_scales_a_row_elsewhere(
    target: Target, widths: set[int], parameters: int, recipe: Recipe, weight_format: str
) -> None:
    chosen = recipe_for(target, widths, parameters)

    assert chosen == recipe
    assert chosen.weight_format == weight_format
    assert bits_of(weight_format) == recipe.bits


def variant(weight_format: str) -> VariantInfo:
    return VariantInfo(1, Path("nowhere"), weight_format, 1)


@pytest.mark.parametrize(
    ("there", "target", "chosen"),
    [
        (["int8"], Target.NPU, "int8"),
        (["file"], Target.INT4, "file"),
        (["int4_sym", "none"], Target.INT8, "none"),
        (["int4_sym", "int8_asym", "fp16"], Target.NPU, "fp16"),
        (["int8"], Target.INT8, None),
        (["int4_sym-g128"], Target.NPU, None),
        (["file"], Target.INT8, None),
    ],
)
def test_the_source_is_the_form_with_the_most_bits_and_has_more_than_the_target(
    there: list[str], target: Target, chosen: str | None
) -> None:
    variants = [variant(weight_format) for weight_format in there]
    if chosen is not None:
        assert choose_source(variants, target).weight_format == chosen
        return
    with pytest.raises(InvalidRequest, match="already"):
        choose_source(variants, target)
    assert choose_source(variants, target, is_forced=True) in variants


@pytest.mark.parametrize(
    ("source", "result", "is_forced", "words"),
    [
        (30.0, 40.0, False, ""),
        (30.0, 46.0, False, "1.53 times the source's, and the limit is 1.50"),
        (30.0, 46.0, True, ""),
        (30.0, math.nan, False, "no usable numbers"),
        (30.0, math.inf, True, "no usable numbers"),
        (math.nan, 40.0, True, "that are there give no usable numbers"),
    ],
)
def test_what_loses_too_much_is_refused_unless_forced(
    source: float, result: float, is_forced: bool, words: str
) -> None:
    quality = Quality(source=source, result=result, agreement=0.5, tokens=100)

    refusal = why_refused(quality, Target.NPU.most_loss, is_forced=is_forced)

    assert words in refusal
    assert bool(words) == bool(refusal)


def test_packed_weights_are_made_whole_with_the_values_they_stood_for(imported: Path) -> None:
    from inference.catalog.recompression.perplexity import read_text

    def read() -> ov.Model:
        return ov.Core().read_model(imported / "openvino_model.xml")

    whole = read()
    assert restore_floats(whole) > 3
    kinds = {
        node.get_element_type().get_type_name()
        for node in whole.get_ordered_ops()
        if node.get_type_name() == "Constant" and len(node.get_output_shape(0)) == 2
    }
    assert not kinds & {"i8", "u8", "i4", "u4"}
    assert row_widths(whole) == {64, 96, 128}
    pieces = [list(range(10, 90)), list(range(100, 180))]
    packed = read_text(read(), pieces, lambda share: None)
    restored = read_text(whole, pieces, lambda share: None)
    assert restored.perplexity == pytest.approx(packed.perplexity, rel=1e-3)


def test_two_bits_of_a_gguf_file_are_made_whole_too(tmp_path: Path) -> None:
    source, originals = write_packed(tmp_path / "model.gguf", gguf.GGMLQuantizationType.Q2_K)
    decoder = build_decoder_of(source, read_metadata(source), lambda step, share: None)

    assert restore_floats(decoder) == len(originals)
    assert not any(
        node.get_type_name() == "Constant" and node.get_element_type().get_type_name() == "u2"
        for node in decoder.get_ordered_ops()
    )


def test_a_bad_result_leaves_nothing_unless_it_is_forced(
    imported: Path,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    compress_extra: Path,
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(compress_extra)])
    from inference.catalog.recompression.compressing import recompress

    source = tmp_path_factory.mktemp("source") / "tiny"
    shutil.copytree(imported, source)
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.enable_truncation(8)  # as some models come
    tokenizer.save(str(source / "tokenizer.json"))
    monkeypatch.setattr(Target, "most_loss", 0.1)
    target = tmp_path / "made"
    with pytest.raises(ImportRefused, match="nothing was published"):
        recompress(source, target, Target.NPU, lambda step, share: None)
    assert list(tmp_path.iterdir()) == []

    facts = recompress(source, target, Target.NPU, lambda step, share: None, is_forced=True)

    assert facts["weight_format"] == "int4_sym"
    assert facts["quality"]["tokens"] > 1000
    graph = ov.Core().read_model(target / "openvino_model.xml")
    assert "i4" in {
        op.get_element_type().get_type_name()
        for op in graph.get_ordered_ops()
        if op.get_type_name() == "Constant"
    }
    assert (target / "tokenizer.json").is_file()


async def install(tiny: Path, catalogue: Path) -> None:
    """The tiny model, from the import folder."""
    from inference.catalog import jobs

    (catalogue / "import" / "tiny.gguf").write_bytes(tiny.read_bytes())
    await (await jobs.pull("file:tiny.gguf")).finished()


def test_a_model_gets_a_form_for_its_npu_and_keeps_the_one_it_had(
    catalogue: Path, tiny: Path, compress_extra: Path
) -> None:
    from inference import conversions
    from inference.models import ModelVariant, PullJob

    async def scenario() -> None:
        await install(tiny, catalogue)
        lines = [frame.status async for frame in await conversions.compress("tiny", "npu")]
        assert lines[0] == "compress tiny:latest to npu"
        told = [i for i, line in enumerate(lines) if line.startswith("perplexity ")]
        assert len(told) == 1
        assert told[0] < lines.index("writing manifest")
        assert lines[-1] == "success"

    run(scenario)
    assert forms() == {"tiny:latest": [("int4_sym", ["NPU"]), ("int8", [])]}
    for row in ModelVariant.objects.all():
        found = read_manifest(catalogue / row.folder)
        assert found is not None and is_intact(found, Stop())
    assert list((catalogue / ".work").iterdir()) == []
    job = PullJob.objects.filter(source="compress tiny:latest to npu").get()
    assert job.step.startswith("done: perplexity ")
    run(lambda: damage_and_pull_again(catalogue))


async def damage_and_pull_again(catalogue: Path) -> None:
    """What was made here is not to be had from where its model came from; that one still is."""
    from inference import upkeep

    (made,) = (catalogue / "installed").glob("tiny@latest+int4*")
    with (made / "openvino_model.bin").open("r+b") as file:
        file.write(b"another")
    with pytest.raises(PullFailed, match="made here and cannot be pulled again"):
        async for _ in upkeep.verify(parse_name("tiny"), repull=True):
            pass
    request = await asyncio.to_thread(request_of, parse_name("tiny"))
    assert request == f"file:{catalogue / 'import' / 'tiny.gguf'}"


def test_a_cancelled_compression_leaves_nothing(
    catalogue: Path, tiny: Path, compress_extra: Path
) -> None:
    from inference import conversions
    from inference.catalog import jobs
    from inference.models import PullJob

    async def scenario() -> None:
        await install(tiny, catalogue)
        watch = await conversions.compress("tiny", "npu")
        with pytest.raises(InvalidRequest, match="under way"):
            await conversions.compress("tiny", "int4")
        job = await first_step(watch)
        children = [
            child
            for child in psutil.Process().children()
            if "inference.catalog.recompression" in child.cmdline()
        ]
        assert children
        with pytest.raises(InvalidRequest, match="only pulls can rest"):
            await jobs.pause(job.pk)
        assert (await jobs.cancel(job.pk)).status == "cancelled"
        with pytest.raises(PullCancelled, match="nothing is left"):
            await watch.finished()
        assert not any(child.is_running() for child in children)

    async def first_step(watch: Any) -> Any:
        async for frame in watch:
            if frame.status == "reading the model":
                return await asyncio.to_thread(PullJob.objects.get, source__startswith="compress ")
        raise AssertionError("it ended before it was cancelled")

    run(scenario)
    assert forms() == {"tiny:latest": [("int8", [])]}
    assert len(list((catalogue / "installed").iterdir())) == 1
    assert list((catalogue / ".work").iterdir()) == []


def test_a_compression_that_the_servers_end_interrupted_is_not_taken_up_again(
    catalogue: Path,
) -> None:
    from inference.models import PullJob

    PullJob.objects.create(
        model_name="x:latest", source="compress x:latest to npu", status="importing"
    )

    async def scenario() -> None:
        from inference.catalog import jobs

        assert jobs.active_jobs() == ()

    run(scenario)
    job = PullJob.objects.get()
    assert job.status == "failed"
    assert "nothing is left of it" in job.error
    assert forms() == {}


@pytest.mark.parametrize(
    ("model", "to", "error", "words"),
    [
        ("no-such-model", "npu", ModelNotFound, "not found"),
        ("tiny", "int9", InvalidRequest, "not one of int8, int4, npu"),
    ],
)
def test_what_cannot_be_compressed_is_refused_before_a_job_begins(
    catalogue: Path, model: str, to: str, error: type[Exception], words: str
) -> None:
    from inference import conversions

    async def scenario() -> None:
        with pytest.raises(error, match=words):
            await conversions.compress(model, to)

    run(scenario)
