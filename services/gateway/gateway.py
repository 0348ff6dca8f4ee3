"""A gateway: what the connections of one pod share, whatever they speak. It listens, counts who is there, and stops.

When the pod stops, it goes on listening: a new client is told so, one between two commands as well; a command under way
is finished.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl

import structlog

from services.gateway.connection import Connection
from services.gateway.limits import Census, Limits
from services.gateway.service import Service
from yubin.errors import Unavailable

log = structlog.get_logger()


def _stops() -> Unavailable:
    return Unavailable("This server stops")


class Gateway:
    """``context``: TLS, where there is a certificate."""

    def __init__(self, limits: Limits, context: ssl.SSLContext | None) -> None:
        self.limits, self.context = limits, context
        self._census = Census(limits)
        self._here: set[Connection] = set()
        self._stopping = False
        self._empty = asyncio.Event()
        self._servers: list[asyncio.Server] = []

    async def listen(self, service: Service, host: str, port: int, *, implicit_tls: bool = False) -> int:
        """The port on which it listens now; 0 asks the system for a free one."""
        server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self, service),
            host,
            port,
            backlog=1024,
            ssl=self.context if implicit_tls else None,
            ssl_handshake_timeout=self.limits.handshake if implicit_tls else None,
        )
        self._servers.append(server)
        bound: int = server.sockets[0].getsockname()[1]
        log.info("A gateway listens.", action="listen", protocol=service.name, port=bound, tls=implicit_tls)
        return bound

    def enter(self, connection: Connection) -> None:
        """Raises what a client is told that there is no room for."""
        self._here.add(connection)
        self._census.enter(connection.peer)
        if self._stopping:
            raise _stops()

    def leave(self, connection: Connection) -> None:
        self._here.discard(connection)
        self._census.leave(connection.peer)
        if not self._here:
            self._empty.set()

    async def stop(self, grace: float) -> None:
        """Returns when every connection has ended, or was ended after ``grace`` seconds."""
        self._stopping = True
        for connection in list(self._here):
            connection.dismiss(_stops())
        await self._emptied(grace)
        for connection in list(self._here):
            connection.abandon()
        for server in self._servers:
            server.close()
        await self._emptied(self.limits.linger)

    async def _emptied(self, seconds: float) -> None:
        if self._here:
            self._empty.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._empty.wait()
