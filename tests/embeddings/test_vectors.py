"""From the engine's bytes to the form that was asked for."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.embeddings.vectors import decode_rows, in_wanted_form
from inference.errors import EngineFailed, UnusableVectors

ROWS = [np.array([3, 4, 12], np.float32), np.array([0, 0, 5], np.float32)]


def encoded(*values: float) -> str:
    return base64.b64encode(np.array(values, "<f4").tobytes()).decode()


def test_rows_come_as_they_were_sent() -> None:
    assert decode_rows(encoded(1, 2, 3, 4, 5, 6), 2).tolist() == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_an_error(wrong: float) -> None:
    with pytest.raises(UnusableVectors, match="embedding contains NaN or Inf values"):
        decode_rows(encoded(1, wrong, 3), 1)


@pytest.mark.parametrize(("values", "count"), [((), 1), ((1, 2, 3), 2)])
def test_another_number_of_vectors_is_an_error(values: tuple[float, ...], count: int) -> None:
    with pytest.raises(EngineFailed, match="other vectors"):
        decode_rows(encoded(*values), count)


@pytest.mark.parametrize(
    ("dimensions", "is_normalised", "expected"),
    [
        (None, False, [[3, 4, 12], [0, 0, 5]]),
        (None, True, [[3 / 13, 4 / 13, 12 / 13], [0, 0, 1]]),
        (2, False, [[3, 4], [0, 0]]),
        (2, True, [[0.6, 0.8], [0, 0]]),
        (3, True, [[3 / 13, 4 / 13, 12 / 13], [0, 0, 1]]),
        (99, True, [[3 / 13, 4 / 13, 12 / 13], [0, 0, 1]]),
        (0, False, [[3, 4, 12], [0, 0, 5]]),
        (-1, False, [[3, 4, 12], [0, 0, 5]]),
    ],
)
def test_vectors_are_cut_first_and_normalised_then(
    dimensions: int | None, is_normalised: bool, expected: list[list[float]]
) -> None:
    found: NDArray[np.float32] = in_wanted_form(
        ROWS, dimensions=dimensions, is_normalised=is_normalised
    )

    assert found.dtype == np.float32
    assert found == pytest.approx(np.array(expected), abs=1e-6)
