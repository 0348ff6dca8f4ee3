"""Connections: kept, counted, closed in time, and never mistaken for a peer's refusal when they went stale."""

from __future__ import annotations

import asyncio

from services.delivery import connections
from services.delivery.connections import Site
from tests.integration.outbound import claim, content, only, outbound, quick, route
from tests.servers.smtp_sink import Do
from tests.waiting import until
from yubin.queue.port import Outcome


async def test_connection_carries_many_letters(smtp_sink):
    """Letters to one site follow each other on one connection, also for another domain of the same hosts."""
    sink = await smtp_sink()
    async with outbound(sink.port) as out:
        for _ in range(5):
            assert only(await out.deliver()).outcome is Outcome.DELIVERED
    assert sink.connections == 1
    assert len(sink.letters) == 5


async def test_connection_ends_after_its_letters(smtp_sink):
    """A connection carries so many letters and no more, then QUIT is said."""
    sink = await smtp_sink()
    async with outbound(sink.port, letters=2) as out:
        for _ in range(5):
            await out.deliver()
    assert sink.connections == 3
    await until(lambda: sink.commands.count("QUIT") == 3)


async def test_idle_connection_is_closed(smtp_sink):
    """A connection that nobody wants is closed after its idle time, with QUIT."""
    sink = await smtp_sink()
    async with outbound(sink.port, idle=0.05) as out:
        await out.deliver()
        assert sink.now == 1
        await until(lambda: sink.now == 0)
    assert sink.commands[-1] == "QUIT"


async def test_connection_that_the_peer_closed_is_replaced(smtp_sink):
    """CASES C17: a connection that was closed while idle costs the letter nothing."""
    sink = await smtp_sink(script={"dot": [Do(reply="250 ok", delay=0, close=True)]})
    async with outbound(sink.port) as out:
        await out.deliver()
        await asyncio.sleep(0.05)
        result = await out.deliver()
    assert only(result).outcome is Outcome.DELIVERED
    assert sink.connections == 2


async def test_connection_that_closes_at_mail_is_replaced(smtp_sink):
    """CASES C17: a kept connection that dies as MAIL is sent was stale: reconnected, and no attempt is spent on it."""
    for farewell in (Do(close=True), Do(reset=True), Do(reply="421 4.4.2 idle too long", close=True)):
        sink = await smtp_sink(script={"mail": ["250 ok", farewell]})
        async with outbound(sink.port) as out:
            await out.deliver()
            async with out.connections.place("theirs.test", 1) as site:
                window = site.window
            result = await out.deliver()
        assert only(result).outcome is Outcome.DELIVERED
        assert site.window == window + 1
        assert sink.connections == 2
        assert len(sink.letters) == 2


async def test_farewell_of_an_idle_connection_is_heard(smtp_sink):
    """CASES C17: a 421 that came while idle ends the connection, and is not taken for the reply to MAIL."""
    sink = await smtp_sink(script={"dot": [Do(reply=b"250 ok\r\n421 4.4.2 bye\r\n")]})
    async with outbound(sink.port) as out:
        first = await out.deliver()
        second = await out.deliver()
    assert only(first).outcome is only(second).outcome is Outcome.DELIVERED
    assert sink.connections == 2


async def test_stale_connection_is_not_counted_as_a_session(smtp_sink):
    """CASES C17: after a stale connection two hosts may still be asked."""
    bad = await smtp_sink(script={"mail": ["250 ok", Do(close=True)], "banner": [None, "421 4.3.2 busy"]})
    good = await smtp_sink(address="127.0.0.2", port=bad.port)
    way = route(["127.0.0.1"], ["127.0.0.2"])
    async with outbound(bad.port) as out:
        await out.deliver(way=way)
        result = await out.deliver(way=way)
    assert only(result).outcome is Outcome.DELIVERED
    assert len(good.letters) == 1


async def test_kept_connection_that_fails_counts_as_a_session(smtp_sink):
    """CASES C7: a kept connection that breaks in the middle of an envelope is one of the two sessions of an attempt."""
    going = Do(reply="421 4.3.2 going down", close=True)
    first = await smtp_sink(script={"rcpt": [None, going], "banner": [None, "554 5.3.2 no"]})
    second = await smtp_sink(address="127.0.0.2", port=first.port)
    way = route(["127.0.0.1"], ["127.0.0.2"])
    async with outbound(first.port) as out:
        await out.deliver(way=way)
        result = await out.deliver(way=way)
    assert only(result).outcome is Outcome.PENDING
    assert (first.connections, second.connections) == (2, 0)


async def test_connection_is_used_only_for_addresses_of_the_route(smtp_sink):
    """A kept connection to an address that the route does not name is left alone."""
    first = await smtp_sink()
    second = await smtp_sink(address="127.0.0.2", port=first.port)
    async with outbound(first.port) as out:
        await out.deliver(way=route(["127.0.0.1"]))
        await out.deliver(way=route(["127.0.0.2"]))
    assert (len(first.letters), len(second.letters)) == (1, 1)


async def test_site_never_sees_more_connections_than_its_limit(smtp_sink):
    """Forty letters at once over a limit of three: never a fourth connection."""
    sink = await smtp_sink(script={"dot": lambda _: Do(reply="250 ok", delay=0.005)})
    async with outbound(sink.port, per_site=3, letters=4) as out:
        results = await asyncio.gather(*(out.deliver() for _ in range(40)))
    assert all(only(result).outcome is Outcome.DELIVERED for result in results)
    assert sink.peak <= 3
    assert len(sink.letters) == 40


async def test_kept_connection_gives_way_to_a_needed_one(smtp_sink):
    """A kept connection counts against the limit: it is closed before one to another host is opened."""
    first = await smtp_sink()
    second = await smtp_sink(address="127.0.0.2", port=first.port)
    async with outbound(first.port, per_site=1) as out:
        await out.deliver(way=route(["127.0.0.1"]))
        await out.deliver(way=route(["127.0.0.2"]))
        await until(lambda: first.now == 0)
        assert second.now == 1


async def test_cancelled_attempt_leaves_nothing_behind(smtp_sink):
    """DESIGN I6: an attempt that is cancelled closes its connection and frees its place."""
    sink = await smtp_sink(script={"mail": Do(hang=True)})
    async with outbound(sink.port, per_site=1, timeouts=quick(mail=30.0)) as out:
        task = asyncio.create_task(out.deliver())
        await until(lambda: any(c.startswith("MAIL") for c in sink.commands))
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await out.connections.close()
        async with out.connections.place("theirs.test", 0.1) as site:
            assert site.busy == 1


async def test_transaction_that_was_left_open_is_reset_first(smtp_sink):
    """A refused envelope is cleared with RSET before the next MAIL of the same connection (RFC 5321 4.1.1.5)."""
    sink = await smtp_sink(script={"rcpt": ["550 5.1.1 no"]})
    async with outbound(sink.port) as out:
        refused = await out.deliver(claim("no@theirs.test"), content())
        taken = await out.deliver()
    assert only(refused).outcome is Outcome.BOUNCED
    assert only(taken).outcome is Outcome.DELIVERED
    verbs = [command.split(" ")[0] for command in sink.commands]
    assert verbs[:8] == ["EHLO", "MAIL", "RCPT", "DATA", "RSET", "MAIL", "RCPT", "DATA"]
    assert sink.connections == 1


async def test_places_are_given_in_the_order_of_asking():
    """First come, first served; who gives up, or is given a place as it leaves, takes none away."""
    site = Site(1)
    await site.enter(1)
    served = []

    async def ask(name: int, seconds: float) -> None:
        try:
            await site.enter(seconds)
        except TimeoutError:
            served.append(-name)
            return
        served.append(name)
        site.leave()

    asking = [asyncio.create_task(ask(n, 0.01 if n == 2 else 5)) for n in (1, 2, 3, 4)]
    await until(lambda: served == [-2])
    asking[2].cancel()
    await asyncio.sleep(0)
    site.leave()
    await asyncio.gather(*asking, return_exceptions=True)
    assert served == [-2, 1, 4]
    assert site.dormant


async def test_sites_that_rest_are_forgotten(monkeypatch):
    """Ten thousand domains cost bounded memory: sites without connections are dropped when there are too many."""
    monkeypatch.setattr(connections, "SITES_REMEMBERED", 3)
    async with outbound(1) as out:
        for n in range(20):
            async with out.connections.place(f"~{n}", 1):
                assert len(out.connections._sites) <= 4
