"""Figures drawn from what streams looked like on the clock."""

from __future__ import annotations

import pytest

from benchmarks.results import Results
from benchmarks.traces import Trace, decode_rate, gaps, median_ratio, percentile, request_rate


def stream(started: float, first: float, gap: float, tokens: int) -> Trace:
    arrivals = tuple(first + gap * number for number in range(tokens))
    return Trace(started, arrivals, arrivals[-1], tokens, 10)


def test_decoding_is_counted_only_while_every_stream_decodes() -> None:
    early, late = stream(0, 1, 0.1, 101), stream(0, 5, 0.1, 101)

    assert decode_rate([early]) == pytest.approx(10)
    assert decode_rate([early, late]) == pytest.approx(20, rel=0.02)


def test_lumps_of_tokens_count_as_their_tokens() -> None:
    lumpy = Trace(0, (1.0, 2.0, 3.0, 4.0), 4.0, 40, 10)

    assert decode_rate([lumpy]) == pytest.approx(10)


def test_streams_that_never_run_together_are_counted_over_all_their_time() -> None:
    first, second = stream(0, 1, 0.1, 11), stream(0, 3, 0.1, 11)

    assert decode_rate([first, second]) == pytest.approx(21 / 3)


def test_the_rate_of_requests_includes_their_prefill() -> None:
    assert request_rate([stream(0, 1, 0.1, 11)]) == pytest.approx(11 / 2)


def test_gaps_are_taken_within_each_stream() -> None:
    assert gaps([stream(0, 1, 0.5, 3), stream(0, 9, 0.25, 2)]) == pytest.approx([0.5, 0.5, 0.25])


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([1.0, 2.0, 3.0, 4.0], 0.5, 2.0),
        ([1.0, 2.0, 3.0, 4.0], 0.99, 4.0),
        ([4.0, 1.0], 0.0, 1.0),
        ([7.0], 0.99, 7.0),
        ([], 0.5, 0.0),
    ],
)
def test_percentiles_are_values_that_occurred(
    values: list[float], share: float, expected: float
) -> None:
    assert percentile(values, share) == expected


def test_ratios_are_taken_within_rounds_because_the_machine_drifts() -> None:
    assert median_ratio([90, 45, 180], [100, 50, 200]) == pytest.approx(0.9)


def test_a_target_that_was_not_measured_has_no_ratio() -> None:
    results = Results()
    results.add("prefill.tokens_per_second", "appliance", 1.0)

    assert results.ratio("prefill.tokens_per_second", "appliance", "llama-server") is None
