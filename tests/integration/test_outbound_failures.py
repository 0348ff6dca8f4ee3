"""Outbound SMTP against peers that fail: what is tried again, where, and what must never be sent."""

from __future__ import annotations

import asyncio
import socket
import tracemalloc
from contextlib import asynccontextmanager

import pytest

from services.delivery.attempt import AttemptLimits
from tests.integration.outbound import BODY, claim, content, only, outbound, outcomes, quick, route
from tests.servers.smtp_sink import Do, Sink
from yubin.errors import Unavailable
from yubin.queue.port import Outcome

TWO = route(["127.0.0.1"], ["127.0.0.2"])


async def pair(smtp_sink, **first) -> tuple[Sink, Sink]:
    """Two sinks at one port of two loopback addresses: the first and the second MX."""
    bad = await smtp_sink(**first)
    good = await smtp_sink(address="127.0.0.2", port=bad.port)
    return bad, good


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize(
    "how", [Do(close=True), Do(reset=True), Do(hang=True)], ids=["closed", "reset", "silent"]
)
async def test_no_reply_to_the_dot_is_in_doubt(smtp_sink, how):
    """CASES C1: the dot was sent and nothing came back: deferred for five minutes or more, marked and counted in doubt."""
    bad, good = await pair(smtp_sink, script={"dot": how})
    async with outbound(bad.port, timeouts=quick(dot=0.2)) as out:
        result = await out.deliver(way=TWO)
    assert result.in_doubt
    assert result.retry_after >= 300
    assert result.counted
    assert out.marks == 1
    assert (only(result).outcome, only(result).enhanced) == (Outcome.PENDING, "4.4.2")
    assert good.letters == []


async def test_refusals_before_a_lost_dot_are_kept(smtp_sink):
    """CASES C1 and C4: who was refused at RCPT is not in doubt with the others."""
    sink = await smtp_sink(script={"rcpt": ["550 5.1.1 no", "250 ok"], "dot": Do(close=True)})
    async with outbound(sink.port) as out:
        result = await out.deliver(claim("a@theirs.test", "b@theirs.test"))
    assert [r.outcome for r in result.recipients] == [Outcome.BOUNCED, Outcome.PENDING]
    assert result.in_doubt


@pytest.mark.parametrize("extensions", [("PIPELINING",), ()], ids=["pipelined", "one-by-one"])
@pytest.mark.parametrize("stage", ["banner", "ehlo", "mail", "rcpt"])
async def test_421_before_data_leads_to_the_next_host(smtp_sink, stage, extensions):
    """CASES C3: 421 at banner, EHLO, MAIL or RCPT: the next MX gets the letter, once."""
    script = {stage: Do(reply="421 4.3.2 going down", close=True)}
    bad, good = await pair(smtp_sink, script=script, extensions=extensions)
    async with outbound(bad.port) as out:
        result = await out.deliver(way=TWO)
    assert only(result).outcome is Outcome.DELIVERED
    assert result.peer.startswith("mx1.theirs.test[127.0.0.2]")
    assert (len(bad.letters), len(good.letters)) == (0, 1)


@pytest.mark.parametrize("stage", ["data", "dot"])
async def test_421_from_data_on_defers(smtp_sink, stage):
    """CASES C3: 421 to DATA or to the dot is a deferral, in no doubt, and no other MX is asked."""
    bad, good = await pair(smtp_sink, script={stage: Do(reply="421 4.3.2 going down", close=True)})
    async with outbound(bad.port) as out:
        result = await out.deliver(way=TWO)
    assert outcomes(result) == [(Outcome.PENDING, 421)]
    assert only(result).enhanced == "4.3.2"
    assert "going down" in only(result).text
    assert not result.in_doubt
    assert good.connections == 0


async def test_421_cuts_the_window_and_success_opens_it(smtp_sink):
    """CASES C3: a 421 halves the connections that this pod opens to the site, each success adds one."""
    script = {"banner": ["421 4.7.0 too many connections"], "mail": [None, "421 4.7.0 too fast"]}
    sink = await smtp_sink(script=script, extensions=())
    windows = []
    async with outbound(sink.port, per_site=20, letters=1) as out:
        async with out.connections.place("theirs.test", 1) as site:
            windows.append(site.window)
        for _ in range(3):
            await out.deliver()
            windows.append(site.window)
    assert windows == [5.0, 2.5, 3.5, 1.75]


async def test_refusing_hosts_defer_within_bounds(smtp_sink):
    """CASES C7: six addresses that refuse: at most five are tried, and the letter is deferred with 4.4.1."""
    hosts = route([f"127.0.1.{n}" for n in range(1, 4)], [f"127.0.1.{n}" for n in range(4, 7)])
    async with outbound(unused_port()) as out:
        result = await out.deliver(way=hosts)
    assert outcomes(result) == [(Outcome.PENDING, 451)]
    assert only(result).enhanced == "4.4.1"
    assert "Connection refused" in only(result).text
    assert "127.0.1.5" in result.peer
    assert out.marks == 0


async def test_hosts_that_will_not_talk_are_asked_twice_at_most(smtp_sink):
    """CASES C7: 5xx greetings lead to the next host; after two sessions the letter is deferred, not bounced."""
    first = await smtp_sink(script={"banner": "554 5.7.1 no service"})
    second = await smtp_sink(address="127.0.0.2", port=first.port, script={"banner": "554 5.7.1 no service"})
    third = await smtp_sink(address="127.0.0.3", port=first.port)
    async with outbound(first.port) as out:
        result = await out.deliver(way=route(["127.0.0.1"], ["127.0.0.2"], ["127.0.0.3"]))
    assert (only(result).outcome, only(result).enhanced) == (Outcome.PENDING, "4.3.2")
    assert "554 5.7.1 no service" in only(result).text
    assert [first.connections, second.connections, third.connections] == [1, 1, 0]


async def test_black_holes_end_with_the_attempts_time(smtp_sink):
    """CASES C7: peers that accept a connection and say nothing hold a slot no longer than the attempt may take."""
    first = await smtp_sink(script={"banner": Do(hang=True)})
    second = await smtp_sink(address="127.0.0.2", port=first.port, script={"banner": Do(hang=True)})
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with outbound(first.port, timeouts=quick(banner=60.0), limits=AttemptLimits(total=0.3)) as out:
        result = await out.deliver(way=TWO)
    assert loop.time() - began < 2
    assert (only(result).outcome, only(result).enhanced) == (Outcome.PENDING, "4.4.2")
    assert second.connections == 0


@pytest.mark.parametrize("stage", ["banner", "ehlo", "mail", "data"])
@pytest.mark.parametrize(
    "junk",
    [
        b"250-" + b"x" * 1_000_000 + b"\r\n",
        b"250-more\r\n" * 60_000,
        b"250 o\0k\r\n",
        b"hello?\r\n",
        b"x" * 1_000_000,
    ],
    ids=["long-line", "endless", "nul", "no-code", "no-end"],
)
async def test_junk_replies_are_cut_off(smtp_sink, stage, junk):
    """CASES C8: a 1 MB line, endless continuation, NULs or no SMTP at all: closed and deferred, ≤ 1 MB of memory."""
    sink = await smtp_sink(script={stage: [Do(reply=junk, hang=True)]})
    async with outbound(sink.port) as out:
        tracemalloc.start()
        result = await out.deliver()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert only(result).outcome is Outcome.PENDING
    assert only(result).enhanced == "4.5.0"
    assert len(only(result).text) <= 500
    assert not result.in_doubt
    assert peak < 1_000_000 + 2 * len(junk)  # the sink's own copies are in this process too
    assert sink.letters == []


async def test_reply_in_drips_ends_at_its_total_deadline(smtp_sink):
    """CASES C15: a peer that sends a byte now and then does not prolong the deadline of its reply."""
    sink = await smtp_sink(script={"mail": Do(reply="250-" + "x" * 1000, drip=0.05)})
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with outbound(sink.port, timeouts=quick(mail=0.3)) as out:
        result = await out.deliver()
        async with out.connections.place("theirs.test", 1) as site:
            assert site.busy == 1
    assert 0.25 < loop.time() - began < 2
    assert (only(result).outcome, only(result).enhanced) == (Outcome.PENDING, "4.4.2")


async def test_reset_after_the_dot_is_answered_is_delivered(smtp_sink):
    """CASES C16: 250 to the dot and then a reset: delivered once, and the next letter takes a new connection."""
    sink = await smtp_sink(script={"dot": [Do(reply="250 2.0.0 mine now", reset=True)]})
    async with outbound(sink.port) as out:
        result = await out.deliver()
        again = await out.deliver()
    assert only(result).outcome is only(again).outcome is Outcome.DELIVERED
    assert not result.in_doubt
    assert len(sink.letters) == 2
    assert sink.connections == 2


async def test_refusal_in_the_middle_of_a_body_is_heard():
    """A peer that answers 552 before the dot bounces the letter; the rest is not sent, and nothing is in doubt."""
    heard = bytearray()

    async def early_refusal(reader, writer):
        await until_data(reader, writer)
        heard.extend(await reader.read(1000))
        writer.write(b"552 5.3.4 too long for me\r\n")
        while data := await reader.read(65536):
            heard.extend(data)

    async with raw_peer(early_refusal) as port, outbound(port) as out:
        result = await out.deliver(None, content(BODY + b"x" * 70 + b"\r\n" * 10_000_000))
    assert outcomes(result) == [(Outcome.BOUNCED, 552)]
    assert not result.in_doubt
    assert len(heard) < 10_000_000


async def until_data(reader, writer):
    for reply in (b"220 x\r\n", b"250 x\r\n", b"250 x\r\n", b"250 x\r\n"):
        writer.write(reply)
        await reader.readline()
    writer.write(b"354 x\r\n")


@asynccontextmanager
async def raw_peer(talk):
    """A peer written out by hand; the port it listens on."""
    tasks = set()

    async def serve(reader, writer):
        tasks.add(asyncio.current_task())
        try:
            await talk(reader, writer)
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_body_that_is_not_taken_times_out_without_doubt():
    """A peer that stops reading gives up its letter after the block's time; the dot was not sent."""

    async def stuck(reader, writer):
        await until_data(reader, writer)
        reader._transport.pause_reading()
        await asyncio.sleep(60)

    async with raw_peer(stuck) as port, outbound(port, timeouts=quick(body=0.2)) as out:
        result = await out.deliver(None, content(b"x\r\n" * 6_000_000))
    assert (only(result).outcome, only(result).enhanced) == (Outcome.PENDING, "4.4.2")
    assert not result.in_doubt


async def test_claim_that_was_lost_never_gets_its_dot(smtp_sink):
    """DESIGN I5: when the in-doubt mark is refused the dot is not sent, and the attempt does not count."""
    sink = await smtp_sink()
    async with outbound(sink.port) as out:
        out.granted = False
        result = await out.deliver()
    assert only(result).outcome is Outcome.PENDING
    assert not result.counted
    assert not result.in_doubt
    assert sink.commands[-1] == "DATA"
    assert sink.letters == []


async def test_ledger_that_is_away_withholds_the_dot(smtp_sink):
    """DESIGN I5: a mark that cannot be written withholds the dot just the same."""
    sink = await smtp_sink()

    async def fails() -> bool:
        raise Unavailable("no database")

    async with outbound(sink.port) as out:
        out.mark = fails
        result = await out.deliver()
        assert (only(result).enhanced, result.counted) == ("4.3.0", False)
    assert sink.letters == []


@pytest.mark.parametrize("extensions", [("PIPELINING",), ()], ids=["pipelined", "one-by-one"])
async def test_short_lease_sends_no_data(smtp_sink, extensions):
    """DESIGN I2: with less than ten seconds of lease DATA is not said."""
    sink = await smtp_sink(extensions=extensions)
    async with outbound(sink.port) as out:
        lease = iter([30.0, 30.0, 9.0, 9.0])

        class Shrinking:
            def __call__(self):
                return next(lease)

        letter = claim()
        result = await out.attempt.deliver(letter, content(), route(), mark=out.mark, lease_left=Shrinking())
    assert not result.counted
    assert sink.letters == []
    assert ("DATA" in sink.commands) == bool(extensions)


async def test_lease_that_runs_out_while_waiting_for_a_place_costs_nothing(smtp_sink):
    """A site whose connections are all taken gives the claim back, uncounted."""
    sink = await smtp_sink()
    async with outbound(sink.port, per_site=1) as out:
        out.lease = 10.05
        async with out.connections.place("theirs.test", 1):
            result = await out.deliver()
            site = out.connections._sites["theirs.test"]
            site.window = 5.0
            site.limit = 20
            site.cut()
            site.busy = 5
            after_a_cut = await out.deliver()
            site.busy = 1
    assert (result.counted, result.retry_after) == (False, 2.0)
    assert (after_a_cut.counted, after_a_cut.retry_after) == (False, 30.0)
    assert sink.connections == 0
