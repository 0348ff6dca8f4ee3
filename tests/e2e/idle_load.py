"""So many IMAP clients that wait (IDLE over TLS), and how soon each hears of a new letter. CASES H11.

    python -m tests.e2e.idle_load 10000          # `make idle`: in a town of its own, with room for so many

The clients have several addresses of the loopback network and share a few accounts. Measured are the gateway's resident
memory before and after, its CPU while nothing happens, and, for a letter in each account one after the other, the time
from the first octet of APPEND until each client of that account has read EXISTS.
"""

from __future__ import annotations

import asyncio
import resource
import ssl
import statistics
import sys
import tempfile
import time
from asyncio import sslproto
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from tests.e2e.town import Town, town
from tests.imap_client import Client, Literal
from tests.imap_client.client import quoted

PER_ADDRESS = 80  # a gateway lets in 100
AT_ONCE = 32  # that open at the same time
DEADLINE = 30.0  # seconds for everybody to hear
CONFIG = """
trace_ratio = 0.0
[pods.directory]
peer_burst = 1000000
login_burst = 1000000
[pods.gateway]
connections_per_user = 10000
"""
LETTER = b"Subject: news\r\n\r\nof which everybody hears\r\n"


@dataclass(kw_only=True)
class Score:
    """``kib``: resident memory for each connection; ``times``: seconds until a client heard, of all clients and letters."""

    count: int
    kib: float = 0.0
    opened: float = 0.0
    idle_cpu: float = 0.0
    times: list[float] = field(default_factory=list)
    missing: int = 0

    def line(self) -> str:
        times = sorted(self.times) or [0.0]
        return (
            f"{self.count} IDLE connections over TLS, opened at {self.count / self.opened:.0f}/s; {self.kib:.1f} KiB each; "
            f"CPU while idle {100 * self.idle_cpu:.1f} % of a core; a new letter noticed after "
            f"median {statistics.median(times) * 1e3:.0f} ms, p99 {times[int(len(times) * 0.99)] * 1e3:.0f} ms, "
            f"at most {times[-1] * 1e3:.0f} ms ({len(self.times)} times, {self.missing} never)"
        )


class Idler(asyncio.Protocol):
    """A client that costs as little as can be: LOGIN, SELECT, IDLE, and then it listens."""

    def __init__(self, user: str, password: str) -> None:
        loop = asyncio.get_running_loop()
        login = b"a LOGIN " + quoted(user) + b" " + quoted(password) + b"\r\n"
        self._steps = [
            (b"* OK", login),
            (b"a OK", b"b SELECT INBOX\r\n"),
            (b"b OK", b"c IDLE\r\n"),
            (b"+ ", b""),
        ]
        self._held = b""
        self._transport: asyncio.Transport
        self.idles: asyncio.Future[None] = loop.create_future()
        self.hears: asyncio.Future[float] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if not self._steps:
            if b"EXISTS" in data and not self.hears.done():
                self.hears.set_result(time.perf_counter())
            return
        *lines, self._held = (self._held + data).split(b"\r\n")
        for line in lines:
            self._line(line)

    def _line(self, line: bytes) -> None:
        if self._steps and line.startswith(self._steps[0][0]):
            _, say = self._steps.pop(0)
            self._transport.write(say)
            if not self._steps:
                self.idles.set_result(None)
        elif line[:4] in {b"a NO", b"b NO", b"* BY"} and not self.idles.done():
            self.idles.set_exception(RuntimeError(line.decode()))

    def connection_lost(self, error: Exception | None) -> None:
        for future in (self.idles, self.hears):
            if not future.done():
                future.set_exception(ConnectionError("it was closed"))
                future.exception()  # nobody has to ask

    def listen(self) -> None:
        self.hears = asyncio.get_running_loop().create_future()

    def close(self) -> None:
        self._transport.abort()


async def run(house: Town, users: Sequence[tuple[str, str]], count: int, *, idle: float = 5.0) -> Score:
    """``users``: addresses and passwords; the clients are theirs by turns. One letter for each."""
    context, score = ssl.create_default_context(cafile=house.ca), Score(count=count)
    warm = await _open(house, context, users, range(2 * AT_ONCE))
    for one in warm:
        one.close()
    await asyncio.sleep(1)
    before, began = rss(house), time.perf_counter()
    crowd = await _open(house, context, users, range(count))
    try:
        score.opened = time.perf_counter() - began
        await asyncio.sleep(1)
        score.kib = (rss(house) - before) / count
        cpu = cpu_seconds(house)
        await asyncio.sleep(idle)
        score.idle_cpu = (cpu_seconds(house) - cpu) / idle
        for at, (user, password) in enumerate(users):
            await _letter(house, context, user, password, crowd[at :: len(users)], score)
    finally:
        for one in crowd:
            one.close()
    return score


async def _open(
    house: Town, context: ssl.SSLContext, users: Sequence[tuple[str, str]], numbers: range
) -> list[Idler]:
    loop, gate = asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> Idler:
        address = number // PER_ADDRESS
        async with gate:
            _, made = await loop.create_connection(
                lambda: Idler(*users[number % len(users)]), "127.0.0.1", house.ports["imaps"],
                ssl=context, server_hostname="localhost",
                local_addr=(f"127.0.{1 + address // 250}.{1 + address % 250}", 0),
            )  # fmt: skip
            async with asyncio.timeout(60):
                await made.idles
            return made

    return list(await asyncio.gather(*map(one, numbers)))


async def _letter(
    house: Town, context: ssl.SSLContext, user: str, password: str, crowd: Sequence[Idler], score: Score
) -> None:
    client = await Client.connect("127.0.0.1", house.ports["imaps"], context)
    try:
        await client.login(user, password)
        for one in crowd:
            one.listen()
        began = time.perf_counter()
        await client.command("APPEND INBOX ", Literal(LETTER))
        await asyncio.wait([one.hears for one in crowd], timeout=DEADLINE)
        await client.logout()
    finally:
        client.close()
    heard = [one.hears.result() for one in crowd if one.hears.done() and not one.hears.exception()]
    score.times += [at - began for at in heard]
    score.missing += len(crowd) - len(heard)


def rss(house: Town) -> int:
    """KiB of the gateway."""
    text = Path(f"/proc/{house.pid('gateway')}/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS:"))


def cpu_seconds(house: Town) -> float:
    text = Path(f"/proc/{house.pid('gateway')}/stat").read_text()
    fields = text[text.rindex(")") + 2 :].split()
    return (int(fields[11]) + int(fields[12])) / 100


def main(count: int) -> None:
    """As many as the limit of open files allows."""
    sslproto.SSLProtocol.max_size = 16 * 1024  # as the gateway does, for our own memory
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if count > hard - 500:
        print(f"only {hard} files may be open here: {hard - 500} connections instead of {count}")
        count = hard - 500
    with (
        tempfile.TemporaryDirectory(prefix="yubin-idle-") as folder,
        town(Path(folder) / "state", CONFIG) as house,
    ):
        users = [
            (house.account(f"u{n}"), house.password(f"u{n}")) for n in range(max(4, min(40, count // 250)))
        ]
        print(asyncio.run(run(house, users, count, idle=30.0)).line(), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
