"""Every way of packing weights is read value by value as the gguf package reads it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import gguf
import numpy as np
import pytest
from numpy.typing import NDArray

from inference.catalog.gguf.frontend import load_weights
from inference.catalog.gguf.hyperparameters import read_hyperparameters
from inference.catalog.gguf.metadata import read_metadata
from inference.catalog.gguf.weights import unpack
from tests.catalog.gguf_reference.shapes import write_packed


def read_weights(source: Path, names: list[str]) -> dict[str, NDArray[np.float32] | None]:
    metadata = read_metadata(source)
    weights = load_weights(source, read_hyperparameters(metadata), metadata, is_exact=True)
    return {name: unpack(weights[name]) for name in names}


@pytest.fixture(scope="module")
def fresh_process() -> Iterator[ProcessPoolExecutor]:
    """The frontend decides once in a process whether it rounds zero points."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.mark.parametrize(
    "kind",
    ["F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"],
)
def test_weights_are_read_as_they_were_packed(
    kind: str, tmp_path: Path, fresh_process: ProcessPoolExecutor
) -> None:
    source, originals = write_packed(tmp_path / "model.gguf", gguf.GGMLQuantizationType[kind])

    weights = fresh_process.submit(read_weights, source, list(originals)).result(timeout=60)

    for name, original in originals.items():
        values = weights[name]
        assert values is not None
        # Scales and zero points are rounded to f16.
        assert np.abs(values - original).max() <= 2e-3 * np.abs(original).max(), name
