"""The cache of answers: bounded, fresh by TTL, stale when a server fails, one query for many askers."""

from __future__ import annotations

import asyncio
import random
import tracemalloc

import pytest

from yubin.dns import cache, route
from yubin.dns.cache import CachedLookup, Terms
from yubin.dns.memory import MemoryLookup
from yubin.dns.port import Answer, Outcome, Record, Verdict
from yubin.dns.zone import Zone

ZONE = """
$ORIGIN example.
@ 60 SOA ns h 1 3600 600 86400 40
a 100 A 8.8.8.8
short 0 A 8.8.8.8
long 9999999 A 8.8.8.8
text 100 TXT x
"""


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def cached(clock: Clock, zone: str = ZONE, **terms) -> tuple[CachedLookup, MemoryLookup]:
    inner = MemoryLookup(zone)
    return CachedLookup(inner, Terms(**terms), clock), inner


async def test_an_answer_is_kept_for_its_ttl(clock):
    """One query within the TTL, whatever the case of the name; the TTL that is told counts down."""
    lookup, inner = cached(clock)
    first = await lookup.query("a.example", "A")
    clock.now += 99
    second = await lookup.query("A.Example.", "A")
    assert (first.ttl, second.ttl, inner.queries.total()) == (100, 1, 1)
    clock.now += 1
    assert (await lookup.query("a.example", "A")).ttl == 100
    assert inner.queries.total() == 2


@pytest.mark.parametrize(("name", "ttl"), [("short.example", 5), ("long.example", 86_400)])
async def test_a_ttl_is_clamped(clock, name, ttl):
    """A TTL of 0 does not make us ask for each letter, and a huge one does not last for ever."""
    lookup, _ = cached(clock)
    assert (await lookup.query(name, "A")).ttl == ttl


@pytest.mark.parametrize("name", ["missing.example", "text.example"])
async def test_a_negative_answer_is_kept_by_the_soa(clock, name):
    """RFC 2308 5: NXDOMAIN and NODATA hold for the lesser of the SOA's TTL and minimum."""
    lookup, inner = cached(clock)
    for _ in range(3):
        assert (await lookup.query(name, "A")).outcome in {Outcome.NXDOMAIN, Outcome.NODATA}
    clock.now += 39
    await lookup.query(name, "A")
    assert inner.queries.total() == 1
    clock.now += 1
    await lookup.query(name, "A")
    assert inner.queries.total() == 2


async def test_a_negative_answer_never_outlives_its_limit(clock):
    """A SOA minimum of a week does not hide a domain that appears tomorrow."""
    lookup, _ = cached(clock, "$ORIGIN example.\n@ 604800 SOA ns h 1 2 3 4 604800", negative_max=900)
    assert (await lookup.query("x.example", "A")).ttl == 900


async def test_many_askers_make_one_query(clock):
    """Single flight: a hundred letters for one domain ask the DNS once."""
    lookup, inner = cached(clock)
    inner.gate.clear()
    askers = [asyncio.create_task(lookup.query("a.example", "A")) for _ in range(100)]
    await asyncio.sleep(0)
    inner.gate.set()
    answers = await asyncio.gather(*askers)
    assert {a.outcome for a in answers} == {Outcome.FOUND}
    assert inner.queries.total() == 1


async def test_an_asker_that_leaves_cancels_nothing(clock):
    """The first asker is cancelled; the second gets the same query's answer."""
    lookup, inner = cached(clock)
    inner.gate.clear()
    first, second = (asyncio.create_task(lookup.query("a.example", "A")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    inner.gate.set()
    assert (await second).outcome is Outcome.FOUND
    assert inner.queries.total() == 1


async def test_servfail_gives_the_stale_answer(clock):
    """CASES D6: an expired answer stands in when the server fails (RFC 8767), and is rechecked after 30 s only."""
    lookup, inner = cached(clock)
    await lookup.query("a.example", "A")
    clock.now += 200
    inner.broken = True
    for _ in range(5):
        answer = await lookup.query("a.example", "A")
        assert (answer.outcome, answer.stale, answer.records[0].value) == (Outcome.FOUND, True, "8.8.8.8")
        assert answer.ttl <= 30
    assert inner.queries.total() == 2
    clock.now += 30
    inner.broken = False
    assert (await lookup.query("a.example", "A")).stale is False


async def test_a_slow_server_gives_the_stale_answer(clock):
    """RFC 8767 5: with a stale answer in hand nobody waits for long, while the query goes on and fills the cache."""
    lookup, inner = cached(clock, patience=0.01)
    await lookup.query("a.example", "A")
    clock.now += 200
    inner.gate.clear()
    answer = await lookup.query("a.example", "A")
    assert (answer.stale, answer.records[0].value) == (True, "8.8.8.8")
    inner.gate.set()
    for _ in range(20):
        await asyncio.sleep(0)
    assert (await lookup.query("a.example", "A")).stale is False
    assert inner.queries.total() == 2


async def test_a_stale_answer_ends(clock):
    """RFC 8767 5: after `stale_for` the old answer is forgotten and the failure is told."""
    lookup, inner = cached(clock, stale_for=3600)
    await lookup.query("a.example", "A")
    inner.broken = True
    clock.now += 100 + 3599
    assert (await lookup.query("a.example", "A")).stale
    clock.now += 31
    assert (await lookup.query("a.example", "A")).outcome is Outcome.TEMPORARY


async def test_nxdomain_is_never_stale(clock):
    """CASES D6: that a domain did not exist yesterday is no reason to refuse mail today."""
    lookup, inner = cached(clock)
    assert (await lookup.query("missing.example", "A")).outcome is Outcome.NXDOMAIN
    clock.now += 41
    inner.broken = True
    assert (await lookup.query("missing.example", "A")).outcome is Outcome.TEMPORARY


async def test_the_missing_mx_of_an_implicit_one_may_be_stale(clock):
    """CASES D6: a domain without MX keeps its route through an outage."""
    lookup, inner = cached(clock)
    routes = []
    for broken in (False, True):
        inner.broken = broken
        routes.append(await route.find("a.example", lookup, route.Rules(), random.Random(1)))
        clock.now += 500
    assert [r.verdict for r in routes] == [Verdict.OK, Verdict.OK]
    assert [r.stale for r in routes] == [False, True]


async def test_a_failure_is_remembered_for_seconds(clock):
    """RFC 2308 7: a dead server is not asked by every letter, and is asked again soon."""
    lookup, inner = cached(clock)
    inner.broken = True
    for _ in range(10):
        assert (await lookup.query("a.example", "A")).outcome is Outcome.TEMPORARY
    assert inner.queries.total() == 1
    clock.now += 5
    inner.broken = False
    assert (await lookup.query("a.example", "A")).outcome is Outcome.FOUND


async def test_a_domain_that_appears_replaces_its_absence(clock):
    """An entry is found or absent, never both."""
    lookup, inner = cached(clock)
    await lookup.query("new.example", "A")
    inner.zone = Zone.parse("new.example. A 8.8.8.8")
    clock.now += 41
    assert (await lookup.query("new.example", "A")).outcome is Outcome.FOUND
    assert len(lookup) == 1


async def test_ten_thousand_missing_domains_are_bounded(clock):
    """CASES D12: 10 k NXDOMAIN domains → a bounded number of entries, one query each, and good ones stay in the cache."""
    lookup, inner = cached(clock, negatives=1000)
    await lookup.query("a.example", "A")
    inner.queries.clear()
    tracemalloc.start()
    for n in range(10_000):
        found = await route.find(f"no{n}.example", lookup, route.Rules(), random.Random(1))
        assert found.verdict is Verdict.NO_DOMAIN
        assert inner.queries == {(f"no{n}.example", "MX"): 1}
        inner.queries.clear()
    size, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(lookup) == 1001
    assert size < 4 * 1024 * 1024
    await lookup.query("a.example", "A")
    assert not inner.queries


async def test_repeated_askers_of_missing_domains_cost_no_query(clock):
    """CASES D12: the same 500 missing domains, asked for 20 times, are 500 queries."""
    lookup, inner = cached(clock)
    for _ in range(20):
        for n in range(500):
            await lookup.query(f"no{n}.example", "MX")
    assert inner.queries.total() == 500


async def test_large_answers_are_bounded_by_octets(clock):
    """CASES D12: a stranger's 60 KB TXT records do not add up: the least recently used leave."""

    class Fat:
        async def query(self, name, rdtype):
            return Answer(
                name=name,
                rdtype=rdtype,
                outcome=Outcome.FOUND,
                ttl=300,
                records=(Record(value="x" * 60_000),),
            )

    lookup = CachedLookup(Fat(), Terms(octets=1_000_000), clock)
    for n in range(100):
        await lookup.query(f"t{n}.example", "TXT")
    assert len(lookup) == 16


def test_an_answer_weighs_what_it_holds():
    """The octets are counted with the records and names, so that the limit means something."""
    small = Answer(name="a", rdtype="A", outcome=Outcome.NXDOMAIN)
    large = Answer(name="a", rdtype="A", outcome=Outcome.FOUND, records=(Record(value="x" * 1000),) * 5)
    assert cache.weigh(large) - cache.weigh(small) >= 5000
