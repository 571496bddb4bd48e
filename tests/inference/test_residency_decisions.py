"""Who is next, and what must go: decisions without side effects."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.residency.eviction import EvictionPlan, Resident, choose_evictions
from inference.residency.line import LineFull, WaitingLine


def test_clients_are_served_in_turn_each_in_order():
    line: WaitingLine[str] = WaitingLine()
    for ticket in ("a1", "a2", "a3", "b1", "c1"):
        line.join(ticket, ticket[0], limit=10)
    assert [line.next() for _ in range(6)] == ["a1", "b1", "c1", "a2", "a3", None]


def test_a_full_line_takes_nobody():
    line: WaitingLine[int] = WaitingLine()
    line.join(1, "a", limit=1)
    with pytest.raises(LineFull):
        line.join(2, "b", limit=1)


def test_who_leaves_is_not_served():
    line: WaitingLine[str] = WaitingLine()
    for ticket in ("a1", "b1"):
        line.join(ticket, ticket[0], limit=10)
    assert line.leave("a1", "a")
    assert not line.leave("a1", "a")
    assert line.next() == "b1"
    assert len(line) == 0


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=40))
def test_nobody_is_lost_and_the_length_is_right(moves):
    line: WaitingLine[int] = WaitingLine()
    waiting: dict[int, str] = {}
    for number, (client, joins) in enumerate(moves):
        if joins:
            line.join(number, client, limit=100)
            waiting[number] = client
        else:
            ticket = line.next()
            assert (ticket is None) == (not waiting)
            waiting.pop(ticket, None)  # type: ignore[arg-type]
        assert len(line) == len(waiting)


@pytest.mark.parametrize(
    ("residents", "max_engines", "plan"),
    [
        ((), 1, EvictionPlan((), False)),
        ((Resident("a", 1.0),), 2, EvictionPlan((), False)),
        ((Resident("a", 1.0),), 1, EvictionPlan(("a",), False)),
        ((Resident("a", 5.0), Resident("b", 2.0)), 2, EvictionPlan(("b",), False)),
        ((Resident("a", None), Resident("b", 2.0)), 2, EvictionPlan(("b",), False)),
        ((Resident("a", None),), 1, EvictionPlan((), True)),
        ((Resident("a", None), Resident("b", 2.0)), 1, EvictionPlan(("b",), True)),
    ],
)
def test_the_longest_idle_goes_and_one_in_use_never(residents, max_engines, plan):
    assert choose_evictions(residents, max_engines=max_engines) == plan
