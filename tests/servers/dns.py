"""A scripted DNS server on loopback, UDP and TCP: a zone, failures on request, and a count of what was asked.

It runs on a thread and an event loop of its own, so that tests with and without asyncio, and other processes, can use
it. ``failures`` maps a name (or ``*``) to one of FAILURES; ``delay`` seconds are waited before each reply.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import pytest

from yubin.dns.zone import Zone

FAILURES = (
    "servfail",
    "refused",
    "drop",
    "truncate",  # every UDP reply is cut, TCP answers in full
    "tcp_closed",  # cut over UDP, and TCP hangs up
    "wrong_id",  # a forged reply first, and nothing after it
    "wrong_question",
    "forged_first",  # a forged reply with another id, then the true one
    "malformed",  # an A record with three octets
    "loop",  # an owner name whose compression pointer points to itself
    "forward",  # a pointer behind the end
    "short",  # a header that promises records that are not there
    "no_edns",  # FORMERR for a query with an OPT record
    "lower_case",  # the question's case is not kept
)


class DnsServer:
    """``port`` is the same for UDP and TCP. ``queries`` counts (name, type), ``transports`` "udp" and "tcp"."""

    def __init__(self, zone: str = "") -> None:
        self.zone = Zone.parse(zone)
        self.failures: dict[str, str] = {}
        self.delay = 0.0
        self.queries: Counter[tuple[str, str]] = Counter()
        self.transports: Counter[str] = Counter()
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def server(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    @property
    def setting(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def asked(self) -> int:
        return self.queries.total()

    def load(self, zone: str) -> None:
        """Answer from this zone from now on."""
        self.zone = Zone.parse(zone)

    @contextlib.contextmanager
    def running(self) -> Iterator[DnsServer]:
        ready = threading.Event()
        thread = threading.Thread(target=self._run, args=(ready,), name="dns", daemon=True)
        thread.start()
        assert ready.wait(10), "the DNS server did not start"
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._stop.set)
            thread.join(10)

    def _run(self, ready: threading.Event) -> None:
        with contextlib.closing(self._loop):
            self._loop.run_until_complete(self._serve(ready))

    async def _serve(self, ready: threading.Event) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(20):  # a UDP port whose TCP twin is free
            transport, _protocol = await loop.create_datagram_endpoint(
                lambda: _Udp(self), local_addr=("127.0.0.1", 0)
            )
            self.port = transport.get_extra_info("sockname")[1]
            try:
                tcp = await asyncio.start_server(self._tcp, "127.0.0.1", self.port)
                break
            except OSError:
                transport.close()
        ready.set()
        await self._stop.wait()
        transport.close()
        tcp.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)

    def keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError), contextlib.closing(writer):
            (size,) = struct.unpack("!H", await reader.readexactly(2))
            for reply in await self.replies(await reader.readexactly(size), "tcp"):
                writer.write(struct.pack("!H", len(reply)) + reply)
            await writer.drain()

    async def replies(self, wire: bytes, transport: str) -> list[bytes]:
        query = dns.message.from_wire(wire)
        name = query.question[0].name.to_text(omit_final_dot=True).lower()
        self.queries[name, query.question[0].rdtype.name] += 1
        self.transports[transport] += 1
        failure = self.failures.get(name) or self.failures.get("*")
        if self.delay:
            await asyncio.sleep(self.delay)
        return _broken(query, self.zone.reply(query), failure, transport)


def _broken(
    query: dns.message.Message, reply: dns.message.Message, failure: str | None, transport: str
) -> list[bytes]:
    good = reply.to_wire(max_size=65535)
    head = struct.pack("!HHHHHH", query.id, 0x8180, 1, 1, 0, 0) + _question(good)
    record = struct.pack("!HHIH", 1, 1, 300, 3) + b"\x7f\x00\x00"
    match failure:
        case None:
            return [good]
        case "servfail" | "refused":
            reply.set_rcode(getattr(dns.rcode, failure.upper()))
            return [reply.to_wire()]
        case "drop":
            return []
        case "truncate" | "tcp_closed" if transport == "udp":
            reply.answer.clear()
            reply.flags |= dns.flags.TC
            return [reply.to_wire()]
        case "tcp_closed":
            return []
        case "wrong_id":
            return [_other_id(good)]
        case "forged_first":
            return [_other_id(good), good]
        case "wrong_question":
            return [good.replace(_question(good), _question(good).replace(b"\x07example", b"\x07exampel"))]
        case "malformed":
            return [head + b"\xc0\x0c" + record]
        case "loop":
            return [head + struct.pack("!H", 0xC000 | len(head)) + record]
        case "forward":
            return [head + b"\xff\xff" + record]
        case "short":
            return [struct.pack("!HHHHHH", query.id, 0x8180, 1, 9, 9, 9) + _question(good)]
        case "no_edns" if query.edns >= 0:
            reply.set_rcode(dns.rcode.FORMERR)
            return [reply.to_wire()]
        case "lower_case":
            return [good.replace(_question(good), _question(good).lower())]
        case _:
            return [good]


def _other_id(wire: bytes) -> bytes:
    return bytes([wire[0] ^ 0x55]) + wire[1:]


def _question(wire: bytes) -> bytes:
    end = 12
    while wire[end]:
        end += wire[end] + 1
    return wire[12 : end + 5]


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # 3.11's own is no subclass of it

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._server.keep(asyncio.get_running_loop().create_task(self._answer(data, addr)))

    async def _answer(self, data: bytes, addr: tuple[str, int]) -> None:
        for reply in await self._server.replies(data, "udp"):
            self._transport.sendto(reply, addr)


@pytest.fixture
def dns_server() -> Iterator[DnsServer]:
    """A DNS server with an empty zone; ``load`` gives it another."""
    with DnsServer().running() as server:
        yield server
