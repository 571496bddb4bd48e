"""Who is next, and what must go: decisions without side effects."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.residency.eviction import EvictionPlan, Newcomer, Resident, choose_evictions
from inference.residency.health import PairHealth, after_crash, after_failed_load
from inference.residency.line import LineFull, WaitingLine
from inference.residency.scheduling import Overflow, PairState, PairView, choose_place

BUSY = EvictionPlan(must_wait=True, waits_for_use=True)


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


def test_the_order_that_is_told_is_the_order_of_turns():
    line: WaitingLine[str] = WaitingLine()
    for ticket in ("a1", "a2", "a3", "b1", "c1", "b2"):
        line.join(ticket, ticket[0], limit=10)
    told = line.in_order()
    assert told == [line.next() for _ in range(6)]


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
        ((), 1, EvictionPlan()),
        ((Resident("a", 1.0),), 2, EvictionPlan()),
        ((Resident("a", 1.0),), 1, EvictionPlan(("a",))),
        ((Resident("a", 5.0), Resident("b", 2.0)), 2, EvictionPlan(("b",))),
        ((Resident("a", None), Resident("b", 2.0)), 2, EvictionPlan(("b",))),
        ((Resident("a", None),), 1, BUSY),
        ((Resident("a", None), Resident("b", 2.0)), 1, replace(BUSY, victims=("b",))),
        ((Resident("a", 2.0, is_leaving=True),), 1, EvictionPlan(must_wait=True)),
        ((Resident("a", None, is_leaving=True),), 1, BUSY),
        ((Resident("a", 2.0, is_pinned=True),), 1, EvictionPlan(is_refused=True)),
        ((Resident("a", 2.0, is_pinned=True), Resident("b", 3.0)), 2, EvictionPlan(("b",))),
    ],
)
def test_the_longest_idle_goes_one_in_use_never_and_a_pinned_one_never(
    residents, max_engines, plan
):
    assert choose_evictions(residents, Newcomer(max_engines=max_engines), now=100.0) == plan


def test_what_loads_slowly_stays_longer():
    quick = Resident("quick", 90.0, reload_seconds=2.0)
    slow = Resident("slow", 10.0, reload_seconds=90.0)
    assert choose_evictions((quick, slow), Newcomer(max_engines=2), now=100.0).victims == ("quick",)
    long_forgotten = replace(slow, idle_since=-1000.0)
    plan = choose_evictions((quick, long_forgotten), Newcomer(max_engines=2), now=100.0)
    assert plan.victims == ("slow",)


@pytest.mark.parametrize(
    ("residents", "newcomer", "plan"),
    [
        ((Resident("a", 1.0, 6),), Newcomer(4, 9, 10), EvictionPlan()),
        ((Resident("a", 1.0, 7),), Newcomer(4, 9, 10), EvictionPlan(("a",))),
        ((Resident("a", 1.0, 3), Resident("b", 2.0, 5)), Newcomer(4, 9, 10), EvictionPlan(("a",))),
        ((Resident("a", None, 7),), Newcomer(4, 9, 10), BUSY),
        (
            (Resident("a", 1.0, 7, is_pinned=True),),
            Newcomer(4, 9, 10),
            EvictionPlan(is_refused=True),
        ),
        ((Resident("a", 1.0, 7),), Newcomer(40, 9, 10), EvictionPlan(("a",))),
        ((Resident("a", 1.0, 7),), Newcomer(40, 9, 0), EvictionPlan()),
    ],
    ids=["fits", "over", "one is enough", "in use", "pinned", "alone though too big", "no budget"],
)
def test_the_memory_budget_is_kept(residents, newcomer, plan):
    assert choose_evictions(residents, newcomer, now=100.0) == plan


@pytest.mark.parametrize(("idle", "refused"), [(10.0, True), (29.0, True), (31.0, False)])
def test_a_load_that_nobody_waits_for_leaves_engines_of_late_alone(idle, refused):
    resident = Resident("a", 100.0 - idle, reload_seconds=5.0)
    gentle = Newcomer(max_engines=1, is_urgent=False)
    assert choose_evictions((resident,), gentle, now=100.0).is_refused == refused


COLD, LOADING = PairView(PairState.COLD), PairView(PairState.LOADING)
READY, FULL = PairView(PairState.READY, free_places=1), PairView(PairState.READY)
BLOCKED, RESTING = PairView(PairState.BLOCKED), PairView(PairState.RESTING)
WAITS = replace(FULL, overflow=Overflow.WAIT)
REFUSES = replace(FULL, overflow=Overflow.REFUSE)
CROWDED = replace(FULL, queued=512)


@pytest.mark.parametrize(
    ("pairs", "take", "wait_at", "load"),
    [
        ((READY, READY), 0, (), ()),
        ((FULL, READY), 1, (), ()),
        ((FULL, FULL), None, (0, 1), ()),
        ((FULL, COLD), None, (0, 1), (1,)),
        ((COLD, COLD), None, (0,), (0,)),
        ((COLD, READY), 1, (), (0,)),
        ((LOADING, READY), 1, (), (0,)),
        ((LOADING, COLD), None, (0,), (0,)),
        ((LOADING, FULL), None, (0, 1), (0,)),
        ((RESTING, READY), 1, (), ()),
        ((RESTING, COLD), None, (1,), (1,)),
        ((RESTING,), None, (), ()),
        ((BLOCKED, READY), 1, (), ()),
        ((BLOCKED, COLD), None, (1,), (1,)),
        ((BLOCKED,), None, (0,), (0,)),
        ((WAITS, READY), None, (0,), ()),
        ((REFUSES, READY), None, (), ()),
        ((FULL, REFUSES), None, (0,), ()),
        ((replace(BLOCKED, overflow=Overflow.WAIT), READY), None, (0,), (0,)),
        ((CROWDED, READY), 1, (), ()),
        ((CROWDED, FULL), None, (1,), ()),
        ((CROWDED, CROWDED), None, (), ()),
        ((replace(WAITS, queued=512), READY), None, (), ()),
        ((), None, (), ()),
    ],
)
def test_who_can_be_served_now_is_and_others_wait_where_it_helps(pairs, take, wait_at, load):
    decision = choose_place(pairs)
    assert (decision.take, decision.wait_at, decision.load) == (take, wait_at, load)
    assert decision.is_refused == (take is None and not wait_at)


def test_who_wants_one_device_waits_for_its_load():
    assert choose_place((COLD, READY), may_bridge=False).wait_at == (0,)
    assert choose_place((READY, READY), may_bridge=False).take == 0
    assert choose_place((RESTING, READY), may_bridge=False).take == 1


def test_each_pair_that_does_not_serve_says_why():
    pairs = (RESTING, BLOCKED, LOADING, FULL, CROWDED, READY)
    assert [reason for _, reason in choose_place(pairs).passed] == [
        "load_failed",
        "device_busy",
        "device_loading",
        "device_busy",
        "queue_full",
    ]


def test_a_first_crash_costs_no_rest_and_each_further_one_twice_as_much():
    health, rests = PairHealth(), []
    for at in (0.0, 10.0, 60.0, 150.0):
        health = after_crash(health, at, "engine_failed", "died")
        rests.append(health.rests_until - at)
    assert rests == [0.0, 15.0, 30.0, 60.0]
    assert health.is_resting(200.0)
    assert not health.is_resting(211.0)
    much_later = after_crash(health, 211.0 + 301.0, "engine_failed", "died")
    assert not much_later.is_resting(512.1)


def test_a_failed_load_rests_at_once():
    health = after_failed_load(PairHealth(), 0.0, "load_failed", "no")
    assert health.rests_until == 30.0
    assert after_failed_load(health, 31.0, "load_failed", "no").rests_until == 91.0
    for _ in range(30):
        health = after_failed_load(health, 31.0, "load_failed", "no")
    assert health.rests_until == 631.0
