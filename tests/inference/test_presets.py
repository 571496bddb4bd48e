"""Preset parameters, under people's names and ours."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.presets import read_preset
from inference.requests import Sampling

CASES: list[tuple[Any, Sampling]] = [
    ({}, Sampling()),
    ({"num_predict": 7, "repeat_penalty": 1.1}, Sampling(max_tokens=7, repetition_penalty=1.1)),
    ({"max_tokens": 7}, Sampling(max_tokens=7)),
    ({"num_predict": -1}, Sampling()),
    ({"stop": "END"}, Sampling(stop=("END",))),
    ({"stop": ["a", "", "b"]}, Sampling(stop=("a", "b"))),
    ({"temperature": 0, "top_k": 5.0}, Sampling(temperature=0.0, top_k=5)),
    ({"temperature": "hot", "top_p": True, "min_p": float("nan")}, Sampling()),
    ({"num_ctx": 4096, "mirostat": 1}, Sampling()),
    ([1, 2], Sampling()),
    (None, Sampling()),
]


@pytest.mark.parametrize(("parameters", "preset"), CASES)
def test_what_can_be_used_is_and_the_rest_is_left_out(parameters: Any, preset: Sampling) -> None:
    assert read_preset(parameters) == preset


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
names = st.sampled_from(
    ["temperature", "top_k", "seed", "stop", "num_predict", "max_tokens", "ignore_eos", "min_p"]
)


@given(st.dictionaries(names, json))
def test_no_row_makes_a_model_unusable(parameters: dict[str, Any]) -> None:
    assert isinstance(read_preset(parameters), Sampling)
