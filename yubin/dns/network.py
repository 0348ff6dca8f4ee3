"""Queries to real DNS servers: UDP with a socket, a port and an id of its own for each, TCP when the reply is truncated.

The servers are asked in turn, beginning with the one that answered last, ``attempts`` rounds of ``timeout`` seconds; one
that says SERVFAIL is not asked again for this query. A datagram with another id or question is ignored, and the wait
goes on (RFC 5452 9). What leaves is bounded: ``in_flight`` queries at a time, ``rate`` a second; a look-up that finds no
room within ``deadline`` seconds ends TEMPORARY, as does one that nobody answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from opentelemetry import trace

from yubin.dns import metrics, wire
from yubin.dns.pace import Pace
from yubin.dns.port import Answer, Outcome
from yubin.dns.servers import Server

tracer = trace.get_tracer("yubin.dns")
LARGE = 4096  # octets; a longer reply is read in a thread, so that it delays nobody


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Seconds; ``mixed_case`` adds the 0x20 bits to what a forger must guess, where the servers keep the case."""

    timeout: float = 2.0
    attempts: int = 2
    deadline: float = 10.0
    in_flight: int = 256
    rate: float = 2000.0
    mixed_case: bool = False


class NetworkLookup:
    """``entropy`` gives ids and letters' case; tests give a seeded one."""

    def __init__(
        self, servers: tuple[Server, ...], terms: Terms = Terms(), entropy: random.Random | None = None
    ) -> None:
        if not servers:
            raise ValueError("no DNS server is set")
        self._servers = servers
        self._terms = terms
        self._random = entropy or secrets.SystemRandom()
        self._room = asyncio.Semaphore(terms.in_flight)
        self._waiting = 0
        self._pace = Pace(terms.rate, terms.deadline)
        self._first = 0

    async def query(self, name: str, rdtype: str) -> Answer:
        began, answer = time.perf_counter(), _temporary(name, rdtype)
        with tracer.start_as_current_span(
            "dns.query", attributes={"dns.question.name": name[:253], "dns.question.type": rdtype}
        ) as span:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._terms.deadline):
                    answer = await self._admitted(name, rdtype)
            span.set_attribute("dns.outcome", answer.outcome.value)
        metrics.QUERIES.labels(rdtype, answer.outcome.value).inc()
        metrics.QUERY_SECONDS.labels(rdtype).observe(time.perf_counter() - began)
        return answer

    async def _admitted(self, name: str, rdtype: str) -> Answer:
        wait = self._pace.take(time.monotonic()) if self._waiting < self._terms.in_flight * 8 else None
        if wait is None:
            metrics.REFUSED.inc()
            return _temporary(name, rdtype)
        self._waiting += 1
        try:
            await asyncio.sleep(wait)
            async with self._room:
                return await self._rounds(name, rdtype)
        finally:
            self._waiting -= 1

    async def _rounds(self, name: str, rdtype: str) -> Answer:
        failed: set[int] = set()
        first, count = self._first, len(self._servers)
        for turn in range(self._terms.attempts * count):
            index = (first + turn) % count
            if index in failed:
                continue
            try:
                async with asyncio.timeout(self._terms.timeout):
                    answer = await self._ask(self._servers[index], name, rdtype)
            except ValueError:  # no server can be asked for such a name
                return Answer(name=name, rdtype=rdtype, outcome=Outcome.NXDOMAIN)
            except (OSError, EOFError):  # TimeoutError is an OSError
                continue
            if answer.outcome is not Outcome.TEMPORARY:
                self._first = index
                return answer
            failed.add(index)
        return _temporary(name, rdtype)

    async def _ask(self, server: Server, name: str, rdtype: str) -> Answer:
        asked = self._mixed(name) if self._terms.mixed_case else name
        reply = await self._exchange(server, wire.query(asked, rdtype, self._random.getrandbits(16)))
        if wire.refuses_edns(reply):
            plain = wire.query(asked, rdtype, self._random.getrandbits(16), edns=False)
            reply = await self._exchange(server, plain)
        if len(reply) > LARGE:
            return await asyncio.to_thread(wire.decode, name, rdtype, reply)
        return wire.decode(name, rdtype, reply)

    async def _exchange(self, server: Server, sent: bytes) -> bytes:
        def expected(reply: bytes) -> bool:
            return wire.expected(reply, sent, exact_case=self._terms.mixed_case)

        reply = await over_udp(server, sent, expected)
        if wire.truncated(reply):  # RFC 7766 5
            metrics.TCP.inc()
            reply = await over_tcp(server, sent)
            if not expected(reply):
                raise ConnectionAbortedError("a TCP reply to another question")
        return reply

    def _mixed(self, name: str) -> str:
        return "".join(c.upper() if self._random.getrandbits(1) else c.lower() for c in name)


def _temporary(name: str, rdtype: str) -> Answer:
    return Answer(name=name, rdtype=rdtype, outcome=Outcome.TEMPORARY)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, expected: Callable[[bytes], bool]) -> None:
        self._expected = expected
        self.reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - asyncio's signature
        if not self._expected(data):
            metrics.IGNORED.inc()
        elif not self.reply.done():
            self.reply.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.reply.done():
            self.reply.set_exception(exc)


async def over_udp(server: Server, sent: bytes, expected: Callable[[bytes], bool]) -> bytes:
    """A connected socket hears this server only, on a port that the system drew."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(
        lambda: _Datagrams(expected), remote_addr=server
    )
    try:
        transport.sendto(sent)
        return await protocol.reply
    finally:
        transport.close()
        protocol.reply.cancel()


async def over_tcp(server: Server, sent: bytes) -> bytes:
    """RFC 1035 4.2.2: each message behind its length in two octets."""
    reader, writer = await asyncio.open_connection(*server)
    try:
        writer.write(len(sent).to_bytes(2, "big") + sent)
        size = int.from_bytes(await reader.readexactly(2), "big")
        return await reader.readexactly(size)
    finally:
        writer.close()
