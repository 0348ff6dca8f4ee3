"""The pretend world as one process: both servers until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import signal
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from yubin.outside import nameserver, sink, world
from yubin.outside.letters import Letters
from yubin.runtime import certificates

HOSTS = (sink.NAME, "*.accepts.example", "*.refuses.example", "*.later.example", "*.house.example")


@dataclass(frozen=True, kw_only=True)
class World:
    """Addresses are (host, port); without ``cert`` and ``key``, a certificate of a CA that nobody knows is made."""

    dns: tuple[str, int]
    smtp: tuple[str, int]
    store: Path
    zone: Path | None = None
    cert: Path | None = None
    key: Path | None = None


def tls(world_: World) -> ssl.SSLContext:
    cert, key = world_.cert, world_.key
    if cert is None or key is None:
        made = certificates.issue(world_.store / "certificates", "outside", (*HOSTS, *certificates.LOCAL))
        cert, key = made.cert, made.key
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


async def run(world_: World, say: Callable[[str], None]) -> None:
    """Serves until it is told to stop; ``say`` gets the lines that tell a person what there is."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    letters = Letters(world_.store)
    records = nameserver.Records(world_.zone)
    receiver = sink.Sink(letters, tls(world_))
    async with (
        nameserver.serving(*world_.dns, records) as dns_port,
        sink.serving(*world_.smtp, receiver) as smtp_port,
    ):
        say(
            f"The pretend world: DNS {world_.dns[0]}:{dns_port}, SMTP {world_.smtp[0]}:{smtp_port}, letters in {world_.store}"
        )
        for domain, what in world.ABOUT.items():
            say(f"  {domain:16} {what}")
        await stop.wait()
