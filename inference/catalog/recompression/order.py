"""One recompression as a job of the server: from which form of which model, to what, under which
name. Runs in threads; `order` looks at the disk and asks nobody, the rest is the job's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from inference.catalog import extras, job_rows, making_rows
from inference.catalog.copies import NO_PRESETS, NoSuchModel, Presets
from inference.catalog.errors import PullFailed
from inference.catalog.making import Limits, Made, Making, check_disk, make_with
from inference.catalog.manifest import Installed, is_intact, read_manifest
from inference.catalog.names import ModelName, parse_name
from inference.catalog.progress import Progress
from inference.catalog.recompression.targets import Target, bits_of
from inference.catalog.stopping import Stop
from inference.errors import CapabilityMissing, InvalidRequest
from inference.snapshot import ModelInfo, VariantInfo

MODULE = "inference.catalog.recompression"
LIMITS = Limits(seconds=1200.0, seconds_per_gigabyte=2400.0)


@dataclass(frozen=True, slots=True)
class _Order:
    model: ModelName
    variant: VariantInfo
    target: Target
    name: ModelName
    is_forced: bool
    presets: Presets


def order(
    model: ModelInfo,
    target: Target,
    name: ModelName | None,
    *,
    is_forced: bool,
    presets: Presets = NO_PRESETS,
) -> Making:
    """The job that makes `target` of `model`, as a form of the same model or as the model `name`,
    which gets `presets` beside those of `model`.

    Raises ExtraMissing without nncf, CapabilityMissing for what is no text generation model, and
    InvalidRequest when the model has such weights already or none that could be compressed.
    """
    if not model.generates:
        raise CapabilityMissing(
            f"{model.name!r} cannot be compressed: only text generation models can",
            capability="completion",
        )
    variant = choose_source(model.variants, target, is_forced=is_forced)
    extras.require(extras.COMPRESS)
    own = parse_name(model.name)
    wanted = _Order(own, variant, target, name or own, is_forced, presets)
    words = f"{job_rows.COMPRESS}{own.display} to {target}"
    if wanted.name.key != own.key:
        words += f" as {wanted.name.display}"
    return Making(wanted.name, words, partial(_make, wanted), partial(_write_rows, wanted))


def choose_source(
    variants: Sequence[VariantInfo], target: Target, *, is_forced: bool = False
) -> VariantInfo:
    """The form with the most bits, which must be more than the target has. What is in its GGUF
    file's own form counts as more than four. With `is_forced` any form will do."""
    best = max(variants, key=lambda variant: bits_of(variant.weight_format))
    wanted = 8 if target is Target.INT8 else 4
    if bits_of(best.weight_format) <= wanted and not is_forced:
        raise InvalidRequest(
            f"the model's weights are {best.weight_format} already; compressing them to {target} "
            "would only lose quality (force does it all the same)",
            field="to",
        )
    return best


def _make(wanted: _Order, work: Path, progress: Progress, stop: Stop) -> Made:
    variant = wanted.variant
    check_disk(work, 2 * variant.size_bytes)
    progress.tell(step="checking the source", fraction=0.0)
    installed = read_manifest(variant.folder)
    if installed is None or not is_intact(installed, stop):
        raise PullFailed(f"the files of {wanted.model} are damaged; pull it again", retry=False)
    target = work / "made"
    make_with(
        MODULE,
        [
            str(variant.folder),
            str(target),
            "--to",
            wanted.target,
            *(["--force"] if wanted.is_forced else []),
        ],
        size_bytes=variant.size_bytes,
        limits=LIMITS,
        shares=(0.0, 1.0),
        python_path=extras.require(extras.COMPRESS),
        progress=progress,
        stop=stop,
    )
    return Made(target, installed.source)


def _write_rows(wanted: _Order, job_id: int, installed: Installed, root: Path) -> list[Path]:
    try:
        if wanted.name.key != wanted.model.key:
            return making_rows.add_model(
                job_id,
                installed,
                root,
                name=wanted.name,
                source=wanted.model,
                presets=wanted.presets,
            )
        return making_rows.add_form(
            job_id,
            installed,
            root,
            name=wanted.name,
            device_classes=wanted.target.device_classes,
            presets=wanted.presets,
        )
    except NoSuchModel:
        raise PullFailed("the model was deleted meanwhile", retry=False) from None
