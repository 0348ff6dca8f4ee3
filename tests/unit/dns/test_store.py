"""The bounded store, the single flight, and the pace of queries."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.dns.flight import SingleFlight
from yubin.dns.pace import Pace
from yubin.dns.store import Store


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 50)), max_size=200))
def test_neither_entries_nor_octets_grow_beyond_the_limit(puts):
    """Whatever is put, both bounds hold and the count of octets is true."""
    store = Store[int, int](8, 100, lambda value: value)
    for key, value in puts:
        store.put(key, value, fresh_until=10, kept_until=10)
        assert len(store) <= 8
        assert store.octets <= 100
    held = [entry.value for key in range(21) if (entry := store.get(key, 0)) is not None]
    assert sum(held) == store.octets


def test_the_least_recently_used_leaves_first():
    """An entry that is asked for stays."""
    store = Store[str, str](2, 1000, len)
    for key in "ab":
        store.put(key, key, fresh_until=10, kept_until=10)
    store.get("a", 0)
    store.put("c", "c", fresh_until=10, kept_until=10)
    assert [store.get(key, 0) is not None for key in "abc"] == [True, False, True]


def test_an_entry_leaves_at_its_end():
    """What is kept no longer is gone, and weighs nothing."""
    store = Store[str, str](2, 1000, len)
    store.put("a", "a", fresh_until=5, kept_until=10)
    assert store.get("a", 9) is not None
    assert store.get("a", 10) is None
    assert store.octets == 0


async def test_an_exception_reaches_every_asker_and_is_not_kept():
    """Who waits for a failed question hears of the failure; the next one asks anew."""
    flight, calls = SingleFlight[str, int](), 0

    async def fails() -> int:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0)
        raise LookupError("no")

    results = await asyncio.gather(*(flight.join("k", fails) for _ in range(3)), return_exceptions=True)
    assert [type(r) for r in results] == [LookupError] * 3
    assert "k" not in flight
    with pytest.raises(LookupError):
        await flight.join("k", fails)
    assert calls == 2


async def test_patience_ends_the_wait_and_not_the_work():
    """After `patience` the asker goes, and the work goes on."""
    flight, gate = SingleFlight[str, int](), asyncio.Event()

    async def slow() -> int:
        await gate.wait()
        return 7

    with pytest.raises(TimeoutError):
        await flight.join("k", slow, patience=0.001)
    assert "k" in flight
    gate.set()
    assert await flight.join("k", slow) == 7


@given(st.lists(st.floats(0, 0.01), min_size=1, max_size=300))
def test_no_more_than_the_rate_leaves(gaps):
    """CASES D12: at 50 a second, no second ever sees more than 50 + the burst of 50."""
    pace, now, sent = Pace(50, patience=100), 0.0, []
    for gap in gaps:
        now += gap
        wait = pace.take(now)
        assert wait is not None
        sent.append(now + wait)
    for moment in sent:
        assert sum(moment <= other < moment + 1 for other in sent) <= 101


def test_beyond_patience_is_refused():
    """CASES D12: a flood is not queued without end."""
    pace = Pace(8, patience=2)
    waits = [pace.take(0) for _ in range(100)]
    assert waits.count(None) == 100 - 25
    assert pace.take(5) is not None
