"""CASES A1: the submission pod dies by SIGKILL at every crash point, again and again, under real clients.

    python -m tests.e2e.crash_points 25        # `make chaos`

Several mail programs hand letters in over TLS with AUTH, small ones and such as go to the object store; each 250 is
noted. The pod is started with one crash point armed, dies, and is started with the next; nats-server, delivery,
resolver, directory and mailbox run on. At the end the checker compares: what was promised, what arrived at the sink, what
DSNs in the sender's mailbox name. ``Stage`` is all of this, for other tests too.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import signal
import smtplib
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from services.delivery.upkeep import Upkeep
from tests.integration.delivery import Street, street, until
from tests.integration.directory import LIGHT, DirectoryPod
from tests.integration.mailbox import MailboxPod, bodies
from tests.integration.submission import ALICE, PASSWORD, SubmissionPod
from tests.servers.dns import DnsServer
from tests.servers.nats import NatsServer
from tests.servers.smtp_sink import Sink
from yubin.accounts.remote import RemoteSessions
from yubin.mailboxes.remote import RemoteAccount, Talk
from yubin.objects.open import open_objects
from yubin.runtime.certificates import issue

POINTS = (
    "accept.before_blob",
    "accept.after_blob",
    "accept.before_commit",
    "accept.after_commit",
    "accept.after_publish",
    "submission.before_250",
)
CLIENTS = 4
ZONE = """
theirs.example. MX 10 mx.theirs.example.
mx.theirs.example. A 127.0.0.1
a.example. MX 10 mx.a.example.
mx.a.example. A 127.0.0.1
"""
WIDE = {"YUBIN_PEER_BURST": "100000", "YUBIN_LOGIN_BURST": "100000"}
DAY = 86_400.0


@dataclass
class Score:
    """``doubles``: letters that arrived more than once. ``orphans``: bodies that no letter names, before the sweep."""

    kills: Counter[str] = field(default_factory=Counter)
    tried: int = 0
    acked: int = 0
    arrived_unpromised: int = 0
    reported: int = 0
    lost: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    doubles: int = 0
    orphans: int = 0
    orphans_left: int = 0
    swept_young: int = 0
    seconds: float = 0.0

    def line(self) -> str:
        kills = ", ".join(f"{point} {self.kills[point]}" for point in POINTS)
        return (
            f"kills: {kills}\nletters tried {self.tried}, promised with 250: {self.acked}, of these lost {len(self.lost)}, "
            f"changed {len(self.changed)}, told by DSN {self.reported}; arrived without a 250: {self.arrived_unpromised}; "
            f"arrived twice: {self.doubles}\norphaned bodies {self.orphans}, swept while younger than 24 h "
            f"{self.swept_young}, left after the sweep {self.orphans_left}; {self.seconds:.0f} s"
        )


@dataclass
class Post:
    """What the senders share: letters by Message-ID with the digest of their body, and those that got their 250."""

    pod: SubmissionPod
    sent: dict[str, tuple[str, str]] = field(default_factory=dict)
    acked: set[str] = field(default_factory=set)
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)


def send_on(post: Post, name: int) -> None:
    """One mail program: a new letter after each, a new session after each failure."""
    chance, client = random.Random(name), None
    while not post.over.is_set():
        try:
            if client is None:
                client = smtplib.SMTP_SSL("localhost", post.pod.tls, context=post.pod.trust, timeout=30)
                client.login(ALICE, PASSWORD)
            _one(post, client, name, chance)
        except (OSError, smtplib.SMTPException):
            if client is not None:
                client.close()
            client = None
            post.over.wait(0.05)
    if client is not None:
        client.close()


def _one(post: Post, client: smtplib.SMTP_SSL, name: int, chance: random.Random) -> None:
    with post.lock:
        number = len(post.sent)
        message_id = f"<{number}.{name}@a.example>"
        to = f"u{number}@{'refused' if number % 10 == 0 else 'theirs'}.example".replace(
            "@refused.", "-refused@theirs."
        )
        body = f"letter {number}\r\n" + f"{chance.random()}\r\n" * (5000 if number % 3 == 0 else 20)
        post.sent[message_id] = (to, hashlib.sha256(body.encode()).hexdigest())
    head = f"From: {ALICE}\r\nTo: {to}\r\nMessage-ID: {message_id}\r\nSubject: {number}\r\n\r\n"
    client.sendmail(ALICE, [to], head + body)
    with post.lock:
        post.acked.add(message_id)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """The pods and servers around a submission pod. ``street`` has resolver and delivery; Alice is a local account."""

    folder: Path
    nats: NatsServer
    directory: DirectoryPod
    mailbox: MailboxPod
    street: Street
    sink: Sink
    post: Post

    async def reported(self) -> set[str]:
        """Message-IDs that the DSNs in Alice's mailbox name."""
        return {_named(letter) for letter in await self.stored()}

    async def stored(self) -> list[bytes]:
        """All letters in Alice's INBOX."""
        async with self.directory.channel("api") as channel:
            _, token = await RemoteSessions(channel).open(ALICE)
        channel = self.mailbox.channel("gateway")
        talk = Talk(channel)
        try:
            return [*(await bodies(RemoteAccount(talk, lambda: token))).values()]
        finally:
            await talk.close()
            await channel.close(None)

    async def settle(self) -> None:
        """Until everything that was accepted has ended, DSNs too."""
        refused = {m for m in self.post.acked if "-refused@" in self.post.sent[m][0]}

        async def ended() -> bool:
            if await self.street.waiting() or await self.street.ledger.reports_due(1):
                return False
            return refused <= await self.reported()

        await until(ended, 90, lambda: self.street.pods[0].log)


@asynccontextmanager
async def stage(folder: Path, dns: DnsServer, url: str = "") -> AsyncIterator[Stage]:
    """All started but submission, which the test does. ``url`` of the ledger, by default SQLite in the folder."""
    ledger = url or f"sqlite://{folder}/ledger.db"
    objects = f"file://{folder}/objects"
    directory = DirectoryPod(folder, **LIGHT, **WIDE)
    nats = NatsServer(folder / "nats", credentials=issue(folder / "ca", "nats"))
    for name in ("mailbox", "pod"):
        (folder / name).mkdir()
    mailbox = MailboxPod(folder / "mailbox", directory, YUBIN_OBJECTS_URL=objects, YUBIN_NATS_URL=nats.url)
    places = {"YUBIN_LEDGER_URL": ledger, "YUBIN_OBJECTS_URL": objects}
    pod = SubmissionPod(folder / "pod", directory, nats=nats.url, **places)
    async with Sink(script={"rcpt": refuses}) as sink, street(folder, dns, sink.port, url, directory) as town:
        dns.load(ZONE)
        try:
            await asyncio.to_thread(nats.start)
            await asyncio.to_thread(directory.start)
            async with directory.admin() as admin:
                await admin.create_tenant("acme")
                await admin.create_domain("acme", "a.example")
                await admin.create_account(ALICE, PASSWORD)
            await asyncio.to_thread(mailbox.start)
            where = {"YUBIN_MAILBOX": f"127.0.0.1:{mailbox.port}", "YUBIN_NATS_URL": nats.url, **places}
            delivery = await town.pod(**where)
            await until(lambda: delivery.log.count("NATS is connected.") >= 2, 30, lambda: delivery.log)
            yield Stage(
                folder=folder, nats=nats, directory=directory, mailbox=mailbox, street=town, sink=sink, post=Post(pod)
            )  # fmt: skip
        finally:
            pod.stop()
            for one in (mailbox, directory):
                if one.process is not None and one.process.poll() is None:
                    one.stop()
            nats.kill()


def refuses(argument: str) -> str | None:
    return "550 5.1.1 nobody here" if "-refused@" in argument else None


async def run(folder: Path, rounds: int, url: str = "") -> Score:
    """``rounds`` kills at each point; ``url`` of the ledger, by default SQLite in the folder."""
    began, score = time.monotonic(), Score()
    with DnsServer().running() as dns:
        async with stage(folder, dns, url) as made:
            await _kill_all(made.post, score, rounds)
            await made.settle()
            await judge(made, score)
            await _orphans(made.street, folder, score)
    score.seconds = time.monotonic() - began
    return score


async def _kill_all(post: Post, score: Score, rounds: int) -> None:
    senders = [threading.Thread(target=send_on, args=(post, n), daemon=True) for n in range(CLIENTS)]
    for sender in senders:
        sender.start()
    chance = random.Random(1)
    try:
        for _ in range(rounds):
            for point in POINTS:
                post.pod.environment["YUBIN_FAULT"] = f"{point}:{chance.randint(1, 5)}"
                status = await asyncio.to_thread(_launch(post.pod).wait, 60)
                assert status == -signal.SIGKILL, post.pod.log[-3000:]
                score.kills[point] += 1
        del post.pod.environment["YUBIN_FAULT"]
        process, before = _launch(post.pod), len(post.acked)
        await until(lambda: len(post.acked) >= before + 10, 30)
    finally:
        post.over.set()
        for sender in senders:
            await asyncio.to_thread(sender.join, 40)
        if (last := post.pod.process) is not None and last.poll() is None:
            last.terminate()
            await asyncio.to_thread(last.wait, 30)
    assert process.returncode == 0


def _launch(pod: SubmissionPod) -> subprocess.Popen[bytes]:
    """Without waiting until it is ready: the clients find it."""
    with (pod.folder / "submission.log").open("ab") as log:
        pod.process = subprocess.Popen(
            [sys.executable, "-m", "services.submission"],
            env=pod.environment, cwd=pod.folder, stdout=log, stderr=log,
        )  # fmt: skip
    return pod.process


def _named(report: bytes) -> str:
    """The Message-ID of the returned header, which is the last one in a DSN."""
    found = [line for line in report.split(b"\r\n") if line.lower().startswith(b"message-id:")]
    return found[-1].partition(b":")[2].strip().decode()


async def judge(made: Stage, score: Score) -> None:
    """Fills the score with what was promised and what became of it."""
    arrived: Counter[str] = Counter()
    digests: dict[str, set[str]] = {}
    for letter in made.sink.letters:
        arrived[letter.message_id] += 1
        body = letter.body.partition(b"\r\n\r\n")[2]
        digests.setdefault(letter.message_id, set()).add(hashlib.sha256(body).hexdigest())
    post, told = made.post, await made.reported()
    score.tried, score.acked = len(post.sent), len(post.acked)
    score.reported = len(told & post.acked)
    score.lost = sorted(post.acked - set(arrived) - told)
    score.changed = [m for m, found in digests.items() if found != {post.sent[m][1]}]
    score.arrived_unpromised = len((set(arrived) | told) - post.acked)
    score.doubles = sum(n - 1 for n in arrived.values())


async def _orphans(town: Street, folder: Path, score: Score) -> None:
    """Bodies without a letter stay for a day, then the real sweep removes them; those that letters name stay."""
    objects = await open_objects(f"file://{folder}/objects")
    upkeep = Upkeep(town.ledger, objects, lambda _: None)
    before = _bodies(folder)
    await upkeep.orphans()
    score.swept_young = len(before - _bodies(folder))
    past = time.time() - DAY - 60
    for path in before:
        os.utime(path, (past, past))
    known = {p for p in before if await _known(town, p)}
    score.orphans = len(before - known)
    await upkeep.orphans()
    left = _bodies(folder)
    score.orphans_left = len(left - known)
    assert known <= left
    await objects.close()


def _bodies(folder: Path) -> set[Path]:
    return {path for path in (folder / "objects").rglob("*") if path.is_file()}


async def _known(town: Street, path: Path) -> bool:
    try:
        return bool(await town.ledger.known([UUID(path.name.rpartition("~")[2])]))
    except ValueError:
        return False


if __name__ == "__main__":
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 25
    with tempfile.TemporaryDirectory() as where:
        found = asyncio.run(run(Path(where), times))
    print(found.line())
    sys.exit(1 if found.lost or found.changed or found.orphans_left else 0)
