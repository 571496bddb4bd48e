"""The steps of one recompression, from a model's folder to a folder with other weights."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import openvino as ov
from tokenizers import Tokenizer

from inference.catalog.facts import read_facts
from inference.catalog.facts_file import write_facts
from inference.catalog.import_child import ImportRefused, Report, note, published_folder
from inference.catalog.recompression.packing import pack
from inference.catalog.recompression.perplexity import Reading, read_text, sample_text, windows
from inference.catalog.recompression.quality import Quality, why_refused
from inference.catalog.recompression.restoring import name_apart, restore_floats, row_widths
from inference.catalog.recompression.targets import Recipe, Target, recipe_for
from inference.catalog.sources import MANIFEST_NAME

GRAPH: Final = "openvino_model.xml"
_WEIGHTS: Final = "openvino_model.bin"
_FACTS: Final = "facts.json"
_NOT_COPIED: Final = frozenset({GRAPH, _WEIGHTS, _FACTS, MANIFEST_NAME})
_MOST_PIECES: Final = 32
"""Of the text that scales are set with."""


def recompress(
    source: Path, target: Path, to: Target, report: Report, *, is_forced: bool = False
) -> dict[str, Any]:
    """Make the new folder `target` from the model in `source` with weights as `to` says; return its
    facts. The quality is told (`note`) before anything is published.

    Raises ImportRefused when the model cannot be compressed, or loses too much and `is_forced` is
    not set; FileExistsError when `target` is there already; OSError when the disk fails.
    """
    with published_folder(target) as work:
        report("reading the model", 0.0)
        facts = read_facts(source)
        length = int(facts.get("context_length") or 0)
        tokenizer = _tokenizer_of(source)
        pieces = windows(_ids(tokenizer, sample_text()), length)
        before = _measure(source / GRAPH, pieces, _part(report, "measuring the source", 0.02, 0.15))
        model, recipe = _packed(source, tokenizer, to, facts, report)
        report("saving", 0.8)
        ov.save_model(model, work / GRAPH, compress_to_fp16=False)
        del model
        after = _measure(work / GRAPH, pieces, _part(report, "measuring the result", 0.82, 0.98))
        quality = _compare(before, after)
        note(quality.words(recipe.weight_format))
        if refusal := why_refused(quality, to.most_loss, is_forced=is_forced):
            raise ImportRefused(refusal)
        _copy_the_rest(source, work)
        made = {
            **facts,
            "quantization": recipe.weight_format,
            "weight_format": recipe.weight_format,
            "recompressed_from": facts.get("weight_format"),
            "quality": quality.as_dict(),
        }
        return write_facts(work, made)


def _packed(
    source: Path, tokenizer: Tokenizer, to: Target, facts: dict[str, Any], report: Report
) -> tuple[ov.Model, Recipe]:
    model = ov.Core().read_model(source / GRAPH)
    restore_floats(model, _part(report, "restoring weights", 0.15, 0.3))
    name_apart(model)
    recipe = recipe_for(to, row_widths(model), int(facts.get("parameter_count") or 0))
    text = (Path(__file__).parent / "activations.txt").read_text(encoding="utf-8")
    length = int(facts.get("context_length") or 0)
    pieces = windows(_ids(tokenizer, text), length, _MOST_PIECES)
    return pack(model, recipe, pieces, _part(report, "compressing", 0.3, 0.8)), recipe


def _measure(graph: Path, pieces: list[list[int]], report: Callable[[float], None]) -> Reading:
    return read_text(ov.Core().read_model(graph), pieces, report)


def _compare(before: Reading, after: Reading) -> Quality:
    return Quality(
        source=before.perplexity,
        result=after.perplexity,
        agreement=float(np.mean(before.choices == after.choices)),
        tokens=len(before.choices),
    )


def _tokenizer_of(source: Path) -> Tokenizer:
    path = source / "tokenizer.json"
    if not path.is_file():
        raise ImportRefused("The model has no tokenizer.json, which its quality is measured with.")
    tokenizer = Tokenizer.from_file(str(path))
    # As some models come: then all of the text would be its first words, or padding after them.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _ids(tokenizer: Tokenizer, text: str) -> list[int]:
    return list(tokenizer.encode(text).ids)


def _part(report: Report, step: str, first: float, last: float) -> Callable[[float], None]:
    """A step's own share of its work as a share of all of it."""
    report(step, first)
    return lambda share: report(step, first + share * (last - first))


def _copy_the_rest(source: Path, target: Path) -> None:
    for path in source.iterdir():
        if path.is_file() and path.name not in _NOT_COPIED:
            shutil.copyfile(path, target / path.name)
