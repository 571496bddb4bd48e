"""Predicted times as tables: what passports promise, and what waiting adds."""

from __future__ import annotations

import pytest

from inference.prediction import (
    TYPICAL_OUTPUT_TOKENS,
    PairLoad,
    can_predict,
    line_wait,
    load_wait,
    predict_finish,
    predict_for,
    predict_seconds,
)
from inference.router import RequestFacts, choose_route
from tests.inference.routing_facts import CPU, RULE, measured, passport

THREE = passport((100, 0.1, 50.0), (1000, 1.0, 40.0), (2000, 3.0, 20.0))


@pytest.mark.parametrize(
    ("prompt", "output", "seconds"),
    [
        (100, 0, 0.1),
        (1000, 40, 1.0 + 1.0),
        (2000, 40, 3.0 + 2.0),
        # Between two lengths both figures lie in proportion.
        (550, 45, 0.55 + 1.0),
        (1500, 30, 2.0 + 1.0),
        # A static engine takes as long for less.
        (1, 50, 0.1 + 1.0),
        (0, 0, 0.1),
        # Beyond the longest the prefill grows as it last did.
        (3000, 20, 5.0 + 1.0),
        (100, -5, 0.1),
    ],
)
def test_a_time_is_read_between_the_measured_lengths(prompt, output, seconds):
    assert predict_for(THREE, prompt, output) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("times", "prompt", "ttft"),
    [
        ([(500, 1.0, 10.0)], 500, 1.0),
        ([(500, 1.0, 10.0)], 1000, 2.0),
        ([(500, 1.0, 10.0)], 10, 1.0),
        # Noise that makes the longer one quicker says nothing about what comes after.
        ([(500, 1.0, 10.0), (1000, 0.9, 10.0)], 2000, 0.9 + 0.9),
        # The order in which they were measured does not matter.
        ([(2000, 3.0, 20.0), (1000, 1.0, 40.0)], 1500, 2.0),
        # A length where nothing came out is left out.
        ([(500, 1.0, 10.0), (1000, 50.0, 0.0)], 1000, 2.0),
    ],
)
def test_a_few_measurements_are_enough(times, prompt, ttft):
    assert predict_for(passport(*times), prompt, 0) == pytest.approx(ttft)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (None, False),
        (passport(), False),
        (passport((100, 0.1, 0.0)), False),
        (passport((100, 0.1, 50.0), is_verified=False), False),
        (passport((100, 0.1, 50.0)), True),
    ],
)
def test_only_a_verified_passport_with_a_measurement_predicts(known, expected):
    assert can_predict(known) is expected


def test_asking_a_passport_without_times_is_an_error():
    with pytest.raises(ValueError, match="m:latest on NPU"):
        predict_for(passport(), 100, 10)


def test_waiting_is_added():
    assert predict_seconds(THREE, 1000, 40, 7.5) == pytest.approx(9.5)


@pytest.mark.parametrize(
    ("load", "seconds"),
    [
        (PairLoad("ready"), 0.0),
        (PairLoad("cold"), 6.0),
        (PairLoad("loading"), 6.0),
        (PairLoad("cold", seconds_to_ready=90.0), 90.0),
        (PairLoad("loading", seconds_to_ready=2.5), 2.5),
        (PairLoad("ready", seconds_to_ready=2.5), 0.0),
    ],
)
def test_a_cold_engine_takes_its_load_time(load, seconds):
    assert load_wait(passport(warm=6.0, cold=110.0), load) == seconds


def test_a_pair_that_was_only_ever_loaded_cold_takes_that_long():
    assert load_wait(passport(cold=110.0), PairLoad("cold")) == 110.0


@pytest.mark.parametrize(
    ("running", "queued", "places", "rounds"),
    [
        (0, 0, 1, 0),
        (1, 0, 1, 0.5),
        (1, 2, 1, 2.5),
        (3, 0, 4, 0),
        (4, 0, 4, 0.125),
        (4, 8, 4, 2.125),
        (0, 0, 0, 0),
    ],
)
def test_a_line_takes_as_long_as_those_before(running, queued, places, rounds):
    load = PairLoad("ready", running, queued, places)
    assert line_wait(load, 10.0) == pytest.approx(10.0 * rounds)


def test_streams_in_one_batch_slow_each_other():
    alone = predict_finish(THREE, PairLoad("ready", places=32), 1000, 40)
    crowded = predict_finish(THREE, PairLoad("ready", running=10, places=32), 1000, 40)
    assert alone == pytest.approx(2.0)
    assert crowded == pytest.approx(1.0 + 1.65)


def test_one_place_is_never_shared():
    busy = predict_finish(THREE, PairLoad("ready", running=1, places=1), 1000, 40)
    assert busy == pytest.approx(2.0 + 1.0)


@pytest.mark.parametrize(
    ("requested", "output"),
    [(None, TYPICAL_OUTPUT_TOKENS), (40, 40), (10**9, 8192 - 1000)],
)
def test_an_answer_without_a_limit_counts_as_a_typical_one_and_none_as_more_than_fits(
    requested, output
):
    cpu = measured(CPU, (1000, 1.0, 40.0))
    route = choose_route(RequestFacts(1000, requested), (cpu,), RULE)
    assert route.candidates[0].predicted_seconds == pytest.approx(1.0 + output / 40)
