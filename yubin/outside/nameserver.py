"""The pretend world's DNS: authoritative for the whole of it, NXDOMAIN for what it does not know; UDP and TCP.

The extra zone file is read again when it has changed; one that cannot be read leaves the records as they were.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import dns.exception
import dns.message
import structlog

from yubin.dns.zone import Zone
from yubin.outside import world

log = structlog.get_logger()
PAYLOAD = 512
IDLE = 30.0


class Records:
    """The built-in zone and an extra file's."""

    def __init__(self, extra: Path | None = None) -> None:
        self._extra = extra
        self._seen: tuple[int, int] | None = None
        self._zone = world.zone()

    def current(self) -> Zone:
        seen = self._stamp()
        if seen != self._seen and self._extra is not None:
            self._seen = seen
            with contextlib.suppress(OSError):
                self._read(self._extra.read_text(encoding="utf-8"))
        return self._zone

    def _stamp(self) -> tuple[int, int] | None:
        try:
            status = self._extra.stat() if self._extra is not None else None
        except OSError:
            return None
        return (status.st_mtime_ns, status.st_size) if status is not None else None

    def _read(self, text: str) -> None:
        try:
            self._zone = world.zone(text)
            log.info("The zone file was read.", action="zone", file=str(self._extra))
        except ValueError as error:
            log.warning(
                "The zone file is wrong; the records stay as they were.", action="zone", why=str(error)
            )

    def reply(self, query: bytes, *, limit: int | None = None) -> bytes | None:
        """None for octets that are no query; beyond ``limit`` octets, or what EDNS allows, the reply is truncated."""
        try:
            message = dns.message.from_wire(query)
            reply = self.current().reply(message)
            return _cut(reply, 65535 if limit is None else max(limit, message.payload))
        except dns.exception.DNSException:
            return None


def _cut(reply: dns.message.Message, size: int) -> bytes:
    """RFC 2181 9: what does not fit is left out whole, and TC says so."""
    return reply.to_wire(max_size=size, prefer_truncation=True)


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, records: Records) -> None:
        self._records = records

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # 3.11's own is no subclass of it

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = self._records.reply(data, limit=PAYLOAD)
        if reply is not None:
            self._transport.sendto(reply, addr)


class _Tcp:
    """RFC 7766: any number of queries on a connection, which ends after 30 idle seconds."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._open: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with contextlib.suppress(EOFError, OSError):
                while (reply := await self._next(reader)) is not None:
                    writer.write(len(reply).to_bytes(2, "big") + reply)
                    await writer.drain()
        finally:
            self._open.discard(writer)
            writer.close()

    async def _next(self, reader: asyncio.StreamReader) -> bytes | None:
        async with asyncio.timeout(IDLE):
            size = int.from_bytes(await reader.readexactly(2), "big")
            return self._records.reply(await reader.readexactly(size))

    def close(self) -> None:
        for writer in list(self._open):
            writer.close()


@asynccontextmanager
async def serving(host: str, port: int, records: Records) -> AsyncIterator[int]:
    """Yields the port, the same for UDP and TCP; 0 takes a free one."""
    loop, sessions = asyncio.get_running_loop(), _Tcp(records)
    tcp = await asyncio.start_server(sessions.serve, host, port)
    bound: int = tcp.sockets[0].getsockname()[1]
    try:
        udp, _protocol = await loop.create_datagram_endpoint(lambda: _Udp(records), local_addr=(host, bound))
        try:
            yield bound
        finally:
            udp.close()
    finally:
        tcp.close()
        sessions.close()
