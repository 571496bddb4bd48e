"""How well a graph foretells a text: its perplexity, by OpenVINO itself and not by a pipeline, with
32-bit activations, so that two forms of a model differ by their weights alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from inference import calibration
from inference.catalog.import_child import ImportRefused

_WINDOW = 256
"""Tokens that are read at once. Logits of one window take a megabyte a token at most."""

_MOST_WINDOWS = 8
_FEWEST_TOKENS = 32
_INPUTS = frozenset({"input_ids", "attention_mask", "position_ids", "beam_idx"})


@dataclass(frozen=True, slots=True)
class Reading:
    """A graph's reading of a text. `choices` are the tokens it found likeliest, place by place."""

    perplexity: float
    choices: NDArray[np.int64]


def sample_text() -> str:
    """The text that everything is measured on; no recompression is tuned with it."""
    path = Path(calibration.__file__).parent / "sample.txt"
    return path.read_text(encoding="utf-8")


def windows(ids: Sequence[int], context_length: int, most: int = _MOST_WINDOWS) -> list[list[int]]:
    """The text in pieces that a model of that context length (0: unknown) can read."""
    size = min(_WINDOW, context_length - 1) if context_length > 1 else _WINDOW
    pieces = [list(ids[start : start + size]) for start in range(0, len(ids), size)]
    whole = [piece for piece in pieces if len(piece) >= min(size, _FEWEST_TOKENS)]
    return whole[:most]


def inputs_of(graph: ov.Model, piece: Sequence[int]) -> dict[str, NDArray[np.integer]]:
    """What a decoder's graph is fed to read `piece` from the beginning. Raises ImportRefused for a
    graph that wants anything else."""
    ids = np.array([piece], np.int64)
    known: dict[str, NDArray[np.integer]] = {
        "input_ids": ids,
        "attention_mask": np.ones_like(ids),
        "position_ids": np.arange(len(piece), dtype=np.int64)[None],
        "beam_idx": np.zeros(1, np.int32),
    }
    wanted = [port.get_any_name() for port in graph.inputs]
    if not set(wanted) <= _INPUTS or "input_ids" not in wanted:
        raise ImportRefused("Only the graphs of plain text generation models can be compressed.")
    return {name: known[name] for name in wanted}


def read_text(
    graph: ov.Model, pieces: Sequence[Sequence[int]], report: Callable[[float], None]
) -> Reading:
    """Let `graph` foretell every token of `pieces` but the first of each. `report` is told the
    share done."""
    compiled = ov.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()
    total, choices = 0.0, []
    for number, piece in enumerate(pieces):
        request.reset_state()
        logits = request.infer(inputs_of(graph, piece))[compiled.output(0)][0, :-1]
        told = np.asarray(piece[1:])
        highest = logits.max(axis=-1)
        sums = np.exp(logits - highest[:, None]).sum(axis=-1)
        total += float((highest + np.log(sums) - logits[np.arange(len(told)), told]).sum())
        choices.append(logits.argmax(axis=-1))
        report((number + 1) / len(pieces))
    all_choices = np.concatenate(choices)
    return Reading(float(np.exp(total / len(all_choices))), all_choices)
