"""Queries to a real DNS server that lies, breaks off and fails (CASES D7, D8)."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import pytest

from tests.servers.dns import DnsServer
from yubin.dns.network import NetworkLookup, Terms
from yubin.dns.port import Outcome

ZONE = "a.example. 100 A 192.0.2.1\n"
QUICK = Terms(timeout=0.15, attempts=2, deadline=5)


@pytest.fixture
def server(dns_server: DnsServer) -> DnsServer:
    dns_server.load(ZONE)
    return dns_server


def lookup(*servers: DnsServer, terms: Terms = QUICK) -> NetworkLookup:
    return NetworkLookup(tuple(s.server for s in servers), terms)


@pytest.mark.parametrize("failure", ["wrong_id", "wrong_question"])
async def test_a_reply_to_another_question_is_ignored_until_the_timeout(server, failure):
    """CASES D7: wrong-ID or wrong-question replies are ignored until the timeout, and end TEMPORARY."""
    server.failures["*"] = failure
    began = time.monotonic()
    answer = await lookup(server).query("a.example", "A")
    assert answer.outcome is Outcome.TEMPORARY
    assert time.monotonic() - began >= 2 * QUICK.timeout
    assert server.asked == 2


async def test_a_forged_reply_before_the_true_one_changes_nothing(server):
    """CASES D7: the wait goes on after a forged reply, and the true one is taken."""
    server.failures["*"] = "forged_first"
    assert (await lookup(server).query("a.example", "A")).outcome is Outcome.FOUND
    assert server.asked == 1


async def test_a_truncated_reply_is_asked_for_again_over_tcp(server):
    """CASES D7: truncated UDP → TCP retry (RFC 7766 5)."""
    server.failures["*"] = "truncate"
    answer = await lookup(server).query("a.example", "A")
    assert [r.value for r in answer.records] == ["192.0.2.1"]
    assert server.transports == {"udp": 1, "tcp": 1}


async def test_tcp_that_hangs_up_is_temporary(server):
    """CASES D7: a truncated reply is never taken for the whole."""
    server.failures["*"] = "tcp_closed"
    assert (await lookup(server).query("a.example", "A")).outcome is Outcome.TEMPORARY


@pytest.mark.parametrize("failure", ["malformed", "loop", "forward", "short"])
async def test_a_malformed_reply_is_a_failure_and_no_crash(server, failure):
    """CASES D8: bad RDATA, compression loops, pointers behind the end, missing records → SERVFAIL-like."""
    server.failures["bad.example"] = failure
    one = lookup(server)
    assert (await one.query("bad.example", "A")).outcome is Outcome.TEMPORARY
    assert (await one.query("a.example", "A")).outcome is Outcome.FOUND


@pytest.mark.parametrize("failure", ["servfail", "refused", "drop", "malformed", "tcp_closed"])
async def test_the_next_server_is_asked_when_one_fails(server, failure):
    """Two servers: the good one answers, and is asked first from then on."""
    with DnsServer().running() as bad:
        bad.failures["*"] = failure
        both = lookup(bad, server)
        for _ in range(3):
            assert (await both.query("a.example", "A")).outcome is Outcome.FOUND
        assert bad.queries.total() in {1, 2}  # tcp_closed is asked over both
        assert server.asked == 3


async def test_servfail_is_not_asked_again(server):
    """CASES D12: a server that has said SERVFAIL is not asked the same in the second round."""
    server.failures["*"] = "servfail"
    assert (await lookup(server).query("a.example", "A")).outcome is Outcome.TEMPORARY
    assert server.asked == 1


async def test_a_server_without_edns_is_asked_plainly(server):
    """RFC 6891 7: FORMERR to an OPT record means: ask without."""
    server.failures["*"] = "no_edns"
    assert (await lookup(server).query("a.example", "A")).outcome is Outcome.FOUND


async def test_mixed_case_needs_a_server_that_keeps_it(server):
    """0x20: a reply whose question has another case is somebody else's."""
    server.failures["*"] = "lower_case"
    mixed = Terms(timeout=0.15, attempts=1, mixed_case=True)
    name = "a-long-name-with-many-letters.example"
    assert (await lookup(server, terms=mixed).query(name, "A")).outcome is Outcome.TEMPORARY
    assert (await lookup(server).query(name, "A")).outcome is Outcome.NXDOMAIN


async def test_no_server_at_all_is_temporary(server):
    """CASES D6: a closed port ends at once, and not by an exception."""
    with DnsServer().running() as gone:
        pass
    assert (await lookup(gone).query("a.example", "A")).outcome is Outcome.TEMPORARY


async def test_the_deadline_holds_for_the_whole(server):
    """A look-up never takes longer than its deadline, however many servers and attempts there are."""
    server.failures["*"] = "drop"
    slow = lookup(server, server, server, terms=Terms(timeout=5, attempts=9, deadline=0.2))
    began = time.monotonic()
    assert (await slow.query("a.example", "A")).outcome is Outcome.TEMPORARY
    assert time.monotonic() - began < 2


async def test_queries_under_way_are_bounded(server):
    """CASES D12: a flood of names waits for room, and beyond the waiting room is refused at once."""
    server.failures["*"] = "drop"
    narrow = lookup(server, terms=Terms(timeout=5, attempts=1, deadline=0.3, in_flight=2))
    answers = await asyncio.gather(*(narrow.query(f"n{n}.example", "A") for n in range(100)))
    assert {a.outcome for a in answers} == {Outcome.TEMPORARY}
    assert (
        server.asked < 10
    )  # two at a time; a few may slip in between the deadlines of the first and their own


async def test_ids_and_ports_are_drawn_for_each_query(server):
    """RFC 5452 9.2: forgers must guess both; no id sequence, no fixed port."""
    seen: list[tuple[int, int]] = []

    class Seeing(DnsServer):
        async def replies(self, wire: bytes, transport: str) -> list[bytes]:
            seen.append(int.from_bytes(wire[:2], "big"))
            return await super().replies(wire, transport)

    with Seeing(ZONE).running() as watched:
        one = lookup(watched)
        for _ in range(20):
            await one.query("a.example", "A")
    steps = {b - a for a, b in pairwise(seen)}
    assert len(set(seen)) >= 19
    assert len(steps) > 10
