"""Sampling values are settled or refused by name before an engine sees them."""

from __future__ import annotations

import pytest

from inference.errors import InvalidRequest
from inference.requests import Sampling
from inference.sampling_limits import settle


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", 1e9),
        ("temperature", float("nan")),
        ("top_p", 1.5),
        ("top_p", float("inf")),
        ("min_p", -0.1),
        ("repetition_penalty", 0.0),
        ("repetition_penalty", 1e-40),
        ("presence_penalty", 2.1),
        ("frequency_penalty", -3.0),
        ("max_tokens", 0),
        ("max_tokens", -5),
    ],
)
def test_a_value_the_engine_cannot_use_is_refused_by_name(field, value):
    with pytest.raises(InvalidRequest) as refusal:
        settle(Sampling(**{field: value}))
    assert refusal.value.field == field
    assert field in str(refusal.value)


def test_what_everybody_means_is_understood():
    assert settle(Sampling(temperature=-1.0)).temperature == 0.0
    assert settle(Sampling(top_k=-1)).top_k == 0
    assert settle(Sampling(stop=("", "x"))).stop == ("x",)
    only_the_likeliest = settle(Sampling(top_p=0.0, top_k=40))
    assert (only_the_likeliest.top_p, only_the_likeliest.top_k) == (1.0, 1)


def test_what_is_nothing_in_the_engines_32_bits_counts_as_nothing():
    assert settle(Sampling(temperature=1e-40)).temperature == 0.0
    assert settle(Sampling(temperature=0.01)).temperature == 0.01
    assert settle(Sampling(top_p=1e-46)).top_k == 1


def test_seeds_are_kept_and_missing_ones_differ():
    assert settle(Sampling(seed=7)).seed == 7
    assert settle(Sampling(seed=-1)).seed is not None
    assert settle(Sampling()).seed != settle(Sampling()).seed


def test_the_request_wins_over_preset_and_built_in():
    preset, built_in = Sampling(temperature=0.2, top_k=5), Sampling(temperature=0.8, top_p=0.9)
    merged = Sampling(temperature=0.0).over(preset).over(built_in)
    assert (merged.temperature, merged.top_k, merged.top_p) == (0.0, 5, 0.9)
