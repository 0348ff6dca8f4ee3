"""Issue 3: many processes change one account while the mailbox pod dies by SIGKILL, again and again.

    python -m tests.e2e.mailbox_chaos 180             # `make chaos-mailbox`; on SQLite, then on PostgreSQL

Twenty clients (mailbox_client.py) deliver, append, copy, move, mark and expunge over mutual TLS through the real pod, two
watchers (mailbox_watcher.py) follow; the pod dies at random moments, at the crash points around its commits, and while it
starts. In the end the checker (mailbox_checker.py) compares what was heard with what is there. On PostgreSQL a pod is
started when the statements of the last one have ended, so that who looks after a lost answer sees what became of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import asyncpg

from tests.e2e import mailbox_crowd, mailbox_watcher
from tests.e2e.mailbox_checker import End, Verdict, end, judge
from tests.e2e.mailbox_crowd import PAUSES, Crowd
from tests.e2e.mailbox_journal import Line, journal, read
from tests.e2e.mailbox_talk import hand_over, say
from tests.integration.mailbox import House, MailboxPod, house, letter
from tests.servers.postgres import Postgres
from yubin.mailboxes.remote import RemoteAccount

CLIENTS, COMMONS = 20, 30
LIFE = 2.0  # seconds at most that a pod lives once it is ready
AT_BIRTH = 0.15  # of the kills may come before the pod is ready
POINTS = ("mailbox.before_commit", "mailbox.after_commit", "mailbox.after_commit", "none")
SESSION = 300.0  # seconds after which the token is renewed
OWN = ("INBOX", "Junk", "Archive")
ROOT = Path(__file__).parents[2]


@dataclass
class Score:
    """``repeated``: letters whose first answer was lost, and which lie there once all the same."""

    database: str
    kills: int = 0
    said: Counter[str] = field(default_factory=Counter)
    unheard: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    looked: int = 0
    seen: int = 0
    left: int = 0
    seconds: float = 0.0
    verdict: Verdict = field(default_factory=Verdict)

    def line(self) -> str:
        said = ", ".join(f"{kind} {n}" for kind, n in sorted(self.said.items()))
        lost = ", ".join(f"{kind} {n}" for kind, n in sorted(self.unheard.items()))
        return (
            f"{self.database}: kills {self.kills} in {self.seconds:.0f} s, clients {CLIENTS}; said: {said}\n"
            f"answers that never came: {lost}; of these done {self.verdict.done}, not done {self.verdict.undone}; "
            f"letters said again that had arrived {self.repeated}\nwatchers looked {self.looked} times, saw "
            f"{self.seen} changes; entries in the end {self.left}; wrong {len(self.verdict.wrong)}"
        )


async def run(folder: Path, seconds: float, url: str = "", *, kills: int = 8, seed: int = 0) -> Score:
    """At least so long, and until so many kills. ``url``: PostgreSQL instead of a file."""
    settings = {"YUBIN_LOG_LEVEL": "info", "YUBIN_SWEEP_EVERY": "1"}
    score = Score(database="PostgreSQL" if url else "SQLite")
    began = time.monotonic()
    async with house(folder, url or None, **settings) as home:
        await _scene(home, folder, seed)
        async with _renewed(home, folder), _processes(folder) as crowded:
            score.kills = await _kill(home.mailbox, url, began + seconds, kills, random.Random(seed))
            await _dismiss(crowded, folder)
        async with home.account() as account:
            last = await end(account)
    score.seconds = time.monotonic() - began
    _count(score, folder, last)
    return score


def _count(score: Score, folder: Path, last: End) -> None:
    journals = read(folder)
    reports = [mailbox_watcher.read(folder / f"watcher-{n}") for n in range(len(PAUSES))]
    for line in (line for one in journals for line in one):
        score.said[line.kind] += line.heard
        score.unheard[line.kind] += not line.heard
        score.repeated += line.repeated and line.kind != "again"
    score.unheard = +score.unheard
    score.looked = sum(looked for looked, _ in reports)
    score.seen = sum(picture.changes for _, pictures in reports for picture in pictures.values())
    score.left = len(last.entries)
    score.verdict = judge(journals, last, [pictures for _, pictures in reports])


async def _scene(home: House, folder: Path, seed: int) -> None:
    """Mailboxes, and letters for the commons, while nothing is killed yet."""
    await _renew(home, folder)
    async with home.account() as account:
        own = [mailbox.id for mailbox in await account.mailboxes() if mailbox.name in OWN]
        own.append((await account.create("Work/2026")).id)
        commons = [(await account.create(f"Commons/{name}")).id for name in ("here", "there")]
        await _bring(home, account, folder, commons)
    Crowd(
        port=home.mailbox.port, certificates=str(home.directory.certificates), account_id=home.ids["anna"],
        objects=home.mailbox.environment["YUBIN_OBJECTS_URL"], mailboxes=tuple(own), commons=tuple(commons),
        clients=CLIENTS, seed=seed,
    ).write(folder)  # fmt: skip


async def _bring(home: House, account: RemoteAccount, folder: Path, commons: Sequence[int]) -> None:
    """A client of its own number, which the checker reads like the others."""
    async with home.mailbox.deliveries() as deliveries:
        with journal(folder, CLIENTS) as book:
            for n in range(COMMONS):
                made = letter(f"Subject: commons {n}\r\n\r\nof all\r\n", home.ids["anna"])
                line = Line(
                    client=CLIENTS, kind="deliver", began=time.monotonic(), commons=True, letter=str(made.letter_id),
                    digest=sha256(made.body or b"").hexdigest(), size=made.size,
                )  # fmt: skip
                place = await hand_over(deliveries, made)
                where = [place.mailbox_id, place.uid]
                book.write(replace(line, ended=time.monotonic(), answer=where, modseq=place.modseq))
                line = Line(
                    client=CLIENTS, kind="move", began=time.monotonic(), commons=True, source=place.mailbox_id,
                    target=commons[0], asked=((place.uid, line.letter),),
                )  # fmt: skip
                book.write(replace(await say(account, line), ended=time.monotonic()))


async def _renew(home: House, folder: Path) -> None:
    new = folder / "session.new"
    new.write_text(await home.session())
    new.rename(folder / "session")


@asynccontextmanager
async def _renewed(home: House, folder: Path) -> AsyncIterator[None]:
    """The clients' token, so that a long run does not end with it."""

    async def keep() -> None:
        while True:
            await asyncio.sleep(SESSION)
            await _renew(home, folder)

    task = asyncio.create_task(keep())
    try:
        yield
    finally:
        task.cancel()


@asynccontextmanager
async def _processes(folder: Path) -> AsyncIterator[subprocess.Popen[bytes]]:
    with (folder / "crowd.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", mailbox_crowd.__name__, str(folder)],
            stdout=log, stderr=log, cwd=ROOT, start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


async def _kill(pod: MailboxPod, url: str, until: float, least: int, chance: random.Random) -> int:
    """How often; the pod lives in the end."""
    kills = 0
    while time.monotonic() < until or kills < least:
        with contextlib.suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(pod.process.wait, chance.uniform(0.2, LIFE))
        pod.kill()
        kills += 1
        await _ended(url)
        pod.environment["YUBIN_FAULT"] = f"{chance.choice(POINTS)}:{chance.randint(1, 60)}"
        pod.launch()
        if chance.random() > AT_BIRTH:
            await _ready(pod)
    pod.kill()
    del pod.environment["YUBIN_FAULT"]
    await asyncio.to_thread(pod.start)
    return kills + 1


async def _ready(pod: MailboxPod) -> None:
    """Or dead already, since it is armed."""
    async with asyncio.timeout(60):
        while pod.process.poll() is None and await asyncio.to_thread(pod.metric, "yubin_ready") != 1:
            await asyncio.sleep(0.05)


async def _ended(url: str) -> None:
    """What the last pod was saying to PostgreSQL; a file has no statements without their process."""
    if not url:
        return
    connection = await asyncpg.connect(url)
    try:
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        async with asyncio.timeout(20):
            while await connection.fetchval(others + " AND backend_type = 'client backend'"):
                await asyncio.sleep(0.02)
    finally:
        await connection.close()


async def _dismiss(crowded: subprocess.Popen[bytes], folder: Path) -> None:
    (folder / "over").touch()
    code = await asyncio.to_thread(crowded.wait, 90)
    assert code == 0, (folder / "crowd.log").read_text()[-5000:]


async def both(seconds: float) -> list[Score]:
    """SQLite, then PostgreSQL, each for so long."""
    scores = []
    with tempfile.TemporaryDirectory() as where:
        scores.append(await _told(Path(where), seconds))
    with tempfile.TemporaryDirectory() as where, tempfile.TemporaryDirectory(prefix="yubin-pg-") as data:
        server = Postgres(Path(data))
        server.init()
        server.start()
        try:
            scores.append(await _told(Path(where), seconds, server.fresh()))
        finally:
            server.stop()
    return scores


async def _told(folder: Path, seconds: float, url: str = "") -> Score:
    score = await run(folder, seconds, url, seed=int(time.time()))
    print(score.line(), *score.verdict.wrong[:20], sep="\n", flush=True)
    return score


if __name__ == "__main__":
    found = asyncio.run(both(float(sys.argv[1]) if len(sys.argv) > 1 else 180.0))
    sys.exit(1 if any(score.verdict.wrong for score in found) else 0)
