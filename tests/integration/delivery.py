"""A delivery pod as its own process, beside resolver and directory, with SQLite and a folder; the test has the ledger.

``Street`` is what several delivery pods share: DNS, resolver, directory, ledger, and the port of the sinks that it sends
to. No domain is local, unless the test brings a directory that says so, and a mailbox pod.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.integration.directory import LIGHT, DirectoryPod
from tests.integration.pod import Pod
from tests.integration.resolver import ResolverPod
from tests.servers.dns import DnsServer
from yubin.ids import uuid7
from yubin.queue.open import open_ledger
from yubin.queue.port import Ledger, Letter, Message, NewDelivery, NewRecipient, Origin, Selection

ZONE = """
theirs.example. MX 10 mx.theirs.example.
mx.theirs.example. A 127.0.0.1
others.example. MX 10 mx.others.example.
mx.others.example. A 127.0.0.2
ours.example. MX 10 mx.ours.example.
mx.ours.example. A 127.0.0.1
"""


class Street:
    def __init__(
        self, folder: Path, dns: DnsServer, ledger: Ledger, port: int, directory: DirectoryPod
    ) -> None:
        self.folder, self.ledger, self.port = folder, ledger, port
        self.directory = directory
        (folder / "objects").mkdir(exist_ok=True)
        self.resolver = ResolverPod(folder, dns.setting, YUBIN_INSIDE_NETWORKS="127.0.0.0/8")
        self.pods: list[DeliveryPod] = []

    def settings(self, **settings: str) -> dict[str, str]:
        return {
            "YUBIN_HOSTNAME": "out.ours.example",
            "YUBIN_LEDGER_URL": f"sqlite://{self.folder}/ledger.db",
            "YUBIN_OBJECTS_URL": f"file://{self.folder}/objects",
            "YUBIN_RESOLVER": f"127.0.0.1:{self.resolver.port}",
            "YUBIN_DIRECTORY": f"127.0.0.1:{self.directory.port}",
            "YUBIN_SMTP_PORT": str(self.port),
            "YUBIN_NATS_URL": "memory:",
            "YUBIN_LEASE": "20",
            "YUBIN_POLL": "0.1",
            "YUBIN_REPORTS_EVERY": "0.2",
            "YUBIN_GRACE": "10",
            **settings,
        }

    async def pod(self, *, ready: bool = True, **settings: str) -> DeliveryPod:
        """Another pod of this street; ``ready`` False does not wait for it."""
        file = f"delivery{len(self.pods)}.log"
        pod = DeliveryPod(self.folder, self.folder / "ca", file, self.settings(**settings))
        self.pods.append(pod)
        pod.launch()
        if ready:
            await until(pod.ready, 30, lambda: pod.log)
        return pod

    async def accept(
        self,
        *recipients: str,
        body: bytes = b"",
        sender: str = "a@ours.example",
        published: bool = False,
        **more: Any,
    ) -> Message:
        """One letter, a delivery for each recipient; the Message-ID names the first of them."""
        whole = body or letter(recipients[0])
        size = more.pop("size", len(whole))
        message = Message(
            id=uuid7(), tenant="t", account="a", origin=Origin.SUBMISSION, sender=sender, size=size,
            sha256=sha256(whole).digest(), **more,
        )  # fmt: skip
        deliveries = tuple(
            NewDelivery(
                id=uuid7(), domain=r.rpartition("@")[2], recipients=(NewRecipient(address=r),), published=published
            )
            for r in recipients
        )  # fmt: skip
        await self.ledger.accept([Letter(message=message, body=whole, deliveries=deliveries)])
        return message

    async def waiting(self) -> int:
        """Rows that have not ended."""
        return len(await self.ledger.list(Selection(), limit=10_000))

    def change(self, sql: str, *values: float) -> None:
        """What a test cannot wait for: times set in the SQLite ledger, as by another process."""
        script = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute(sys.argv[2], [float(v) for v in sys.argv[3:]]); db.commit()"
        path = str(self.folder / "ledger.db")
        subprocess.run([sys.executable, "-c", script, path, sql, *map(str, values)], check=True, timeout=30)

    async def end(self) -> None:
        for pod in self.pods:
            pod.kill()
        self.resolver.kill()
        await self.ledger.close()


class DeliveryPod(Pod):
    name = "delivery"

    def send(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    async def ended(self, seconds: float = 30.0) -> int:
        """The exit code."""
        assert self.process is not None
        return await asyncio.to_thread(self.process.wait, seconds)

    async def stop(self) -> int:
        return await asyncio.to_thread(super().stop)


@asynccontextmanager
async def street(
    folder: Path, dns: DnsServer, port: int, url: str = "", directory: DirectoryPod | None = None
) -> AsyncIterator[Street]:
    """Ready: DNS, resolver, an empty directory unless one is given, and an empty ledger; the test starts delivery pods."""
    dns.load(ZONE)
    ledger = await open_ledger(url or f"sqlite://{folder}/ledger.db")
    empty = None if directory else DirectoryPod(folder, **LIGHT)
    made = Street(folder, dns, ledger, port, directory or empty)
    try:
        if empty:
            await asyncio.to_thread(empty.start)
        await asyncio.to_thread(made.resolver.start)
        yield made
    finally:
        await made.end()
        if empty and empty.process:
            empty.stop()


def letter(name: str, text: str = "hello") -> bytes:
    head = f"From: a@ours.example\r\nTo: {name}\r\nSubject: hi\r\nMessage-ID: <{name}>\r\n\r\n"
    return (head + text + "\r\n").encode()


async def until(true: Callable[[], Any], seconds: float, said: Callable[[], str] = lambda: "") -> None:
    """Waits for a test's own condition; it may be a coroutine function."""
    end = time.monotonic() + seconds
    while True:
        answer = true()
        if asyncio.iscoroutine(answer):
            answer = await answer
        if answer:
            return
        assert time.monotonic() < end, f"it did not come about; {said()[-4000:]}"
        await asyncio.sleep(0.05)
