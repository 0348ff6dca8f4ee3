"""One connection to NATS that is made again whenever it is lost, however it was lost.

nats-py's own reconnection is left off: it gives up for good on some errors, keeps half-dead connections (a read loop
that ended, a server that was stopped), and replays what it had buffered. Here each connection is a new client that is
thrown away when it fails: ``ready(client)`` sets it up (subscriptions, streams) before ``up`` is set; ``lost()`` says
that whatever was under way on it is gone. Certificates are read at each connect, so renewed ones are taken up. A ping
every few seconds finds what TCP does not report.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError

log = structlog.get_logger()

PING_EVERY = 5.0  # seconds
PING_PATIENCE = 5.0
CONNECT_PATIENCE = 10.0
PAUSES = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0)  # seconds before the next try; the last one repeats
MEND_EVERY = 1.0
PENDING = 8 * 1024 * 1024  # bytes that nats-py may hold before it waits for the socket


def _worth_saying(record: logging.LogRecord) -> bool:
    """Each end of a TLS connection of nats-py makes asyncio warn of something harmless."""
    return not record.getMessage().startswith("returning true from eof_received()")


logging.getLogger("asyncio").addFilter(_worth_saying)


class StreamTrouble(Exception):  # noqa: N818 - a word of this area
    """JetStream answered with an error, or not at all."""


@dataclass(frozen=True, kw_only=True)
class Broker:
    """Where NATS is: ``url`` may name several servers, comma-separated; PEM files for mutual TLS, or none."""

    url: str
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    def servers(self) -> list[str]:
        return [part.strip() for part in self.url.split(",") if part.strip()]

    def tls(self) -> ssl.SSLContext | None:
        if self.ca is None:
            return None
        context = ssl.create_default_context(cafile=str(self.ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.cert is not None:
            context.load_cert_chain(self.cert, self.key)
        return context


class Link:
    """``client`` is the connection while it is up, else None. ``mend()`` asks for ``ready`` to be run again."""

    def __init__(
        self,
        broker: Broker,
        name: str,
        *,
        ready: Callable[[Client], Awaitable[None]],
        lost: Callable[[], None],
    ) -> None:
        self._broker, self._name, self._ready, self._lost = broker, name, ready, lost
        self.client: Client | None = None
        self._news = asyncio.Event()  # the connection ended, or somebody asked to mend
        self._sick = False
        self._closing = False
        self._failures = 0
        self._task = asyncio.create_task(self._run(), name=f"nats {name}")

    def mend(self) -> None:
        """A stream or consumer seems to be gone (NATS may be rebuilt at any time, DESIGN I3)."""
        self._sick = True
        self._news.set()

    async def close(self) -> None:
        self._closing = True
        while not self._task.done():  # the client swallows some cancellations
            self._task.cancel()
            await asyncio.wait([self._task], timeout=1)

    async def _run(self) -> None:
        while not self._closing:
            client = Client()
            try:
                await self._connect(client)
                await self._serve(client)
            except (NatsError, OSError, TimeoutError, StreamTrouble) as error:
                if self._failures == 0:
                    log.warning("NATS is away; the ledger holds what waits.", action="nats", why=repr(error))
            except Exception:
                log.exception("The connection to NATS failed in an unforeseen way.", action="nats")
            finally:
                self.client = None
                self._lost()
                await _discard(client)
            await asyncio.sleep(PAUSES[min(self._failures, len(PAUSES) - 1)])
            self._failures += 1

    async def _connect(self, client: Client) -> None:
        async with asyncio.timeout(CONNECT_PATIENCE):
            await client.connect(
                self._broker.servers(),
                name=self._name,
                tls=self._broker.tls(),
                allow_reconnect=False,
                max_reconnect_attempts=1,
                connect_timeout=3,
                pending_size=PENDING,
                closed_cb=self._ended,
                error_cb=_ignore,
            )
        if self._broker.ca is not None and not client._server_info.get("tls_required"):  # noqa: SLF001
            # The client goes on in clear text when a server does not ask for TLS; what asks for TLS has it by now.
            raise StreamTrouble("this nats-server does not speak TLS")

    async def _serve(self, client: Client) -> None:
        """Until the connection is lost."""
        await self._ready(client)
        self.client, self._failures = client, 0
        log.info("NATS is connected.", action="nats", version=str(client.connected_server_version))
        while client.is_connected:
            self._news.clear()
            try:
                async with asyncio.timeout(PING_EVERY):
                    await self._news.wait()
            except TimeoutError:
                await client.flush(timeout=int(PING_PATIENCE))
            if self._sick and client.is_connected:
                self._sick = False
                await self._ready(client)
                await asyncio.sleep(MEND_EVERY)

    async def _ended(self) -> None:
        self._news.set()


async def _ignore(error: Exception) -> None:
    """The client calls this beside raising or ending; both are handled where they show."""
    log.debug("NATS reports.", action="nats", why=repr(error))


async def _discard(client: Client) -> None:
    """Close whatever state it is in: a failed connect leaves its socket open."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(2):
            await client.close()
