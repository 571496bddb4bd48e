"""keep_alive: a number of seconds, or Go's way of writing a duration."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apis.keep_alive import FOREVER_SECONDS, parse_keep_alive
from inference.errors import InvalidRequest


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        (0, 0),
        (0.0, 0),
        (300, 300),
        (0.5, 0.5),
        (-1, FOREVER_SECONDS),
        (-0.001, FOREVER_SECONDS),
        (1e300, FOREVER_SECONDS),
        ("5m", 300),
        ("1h30m", 5400),
        ("24h", 86400),
        ("500ms", 0.5),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("+5s", 5),
        ("0", 0),
        ("0s", 0),
        ("-1", FOREVER_SECONDS),
        ("-1m", FOREVER_SECONDS),
        ("-0s", 0),
        ("300", 300),
        ("999999h", FOREVER_SECONDS),
    ],
)
def test_means(value: Any, seconds: float | None) -> None:
    assert parse_keep_alive(value) == seconds


@pytest.mark.parametrize(
    "value",
    [
        *("", "soon", "5 m", "m", "5x", "5m-3s", "--5m", "5m ", "1e3s", "٣s", "9" * 500),
        *(True, False, [], {}, [300]),
    ],
)
def test_refuses(value: Any) -> None:
    with pytest.raises(InvalidRequest) as raised:
        parse_keep_alive(value)

    assert raised.value.field == "keep_alive"


@given(st.one_of(st.text(), st.floats(allow_nan=False), st.integers(), st.booleans(), st.none()))
def test_anything_is_a_number_of_seconds_or_refused(value: Any) -> None:
    try:
        seconds = parse_keep_alive(value)
    except InvalidRequest:
        return

    assert seconds is None or seconds == FOREVER_SECONDS or 0 <= seconds <= 10 * 365 * 86400
