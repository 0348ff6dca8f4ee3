"""Mailboxes whose users are killed, whose disk is full, and at which many processes write at once.

A worker delivers, copies, moves and expunges, and says what was acknowledged to it. Letters stay in INBOX or Archive, where
each is once; what is in Sent are copies, which come and go.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

import pytest

from tests.contract.mailboxes import MARI, Watched, letter, whole
from yubin.errors import Unavailable
from yubin.mailboxes.open import open_mailboxes
from yubin.mailboxes.port import Delivered, Want
from yubin.mailboxes.sqlite import SqliteMailboxes

ROOT = Path(__file__).parents[2]
INBOX, SENT, ARCHIVE = 1, 3, 6
WORKER = """
    import asyncio, json, os, random, signal, sys
    from tests.contract.mailboxes import MARI, letter
    from yubin.mailboxes.open import open_mailboxes
    from yubin.mailboxes.port import How

    INBOX, SENT, ARCHIVE = 1, 3, 6

    def said(**what):
        print(json.dumps(what), flush=True)

    async def main(url, instructions, seed):
        store, chance = await open_mailboxes(url), random.Random(seed)
        if instructions:
            die = lambda: os.kill(os.getpid(), signal.SIGKILL)
            store._file._writer.set_progress_handler(die, instructions)
        while True:
            batch = [letter() for _ in range(chance.randint(1, 5))]
            places = await store.deliver(batch)
            said(ids=[str(given.letter_id) for given in batch], uids=[place.uid for place in places],
                 modseq=places[-1].modseq)
            some = [place.uid for place in places][::2]
            await store.store(MARI, INBOX, some, How.ADD, frozenset({"\\\\Seen", f"k{chance.randint(0, 20)}"}))
            copied = await store.copy(MARI, INBOX, some, SENT, move=False)
            said(copies=list(copied.targets))
            moved = await store.copy(MARI, INBOX, some, ARCHIVE, move=True)
            said(moved=list(moved.targets), modseq=moved.modseq)
            gone = await store.expunge(MARI, SENT, list(copied.targets)[:1], only_deleted=False)
            said(gone=list(gone.uids))

    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""


def child(script: str, *args: str) -> subprocess.Popen[str]:
    """A Python process of our own; it is ended by whoever started it."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *args], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )


@dataclass
class Told:
    """What was acknowledged to the workers, all together."""

    ids: set[UUID] = field(default_factory=set)
    uids: list[int] = field(default_factory=list)
    copies: list[int] = field(default_factory=list)
    moved: list[int] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    modseqs: list[int] = field(default_factory=list)

    def hear(self, line: str) -> None:
        said = json.loads(line)
        self.ids |= {UUID(id_) for id_ in said.get("ids", ())}
        for name in ("uids", "copies", "moved", "gone"):
            getattr(self, name).extend(said.get(name, ()))
        self.modseqs += [said["modseq"]] if "modseq" in said else []


async def holds(watched: Watched, told: Told) -> None:
    """Whatever was acknowledged is so, whatever was not is whole or not at all."""
    await watched.look(MARI)
    views = {id_: await whole(watched, MARI, id_) for id_ in (INBOX, SENT, ARCHIVE)}
    rows = [
        row for id_ in (INBOX, ARCHIVE) for row in await watched.rows(MARI, id_, views[id_].uids, Want.BODY)
    ]
    ids = [row.letter_id for row in rows]
    assert len(ids) == len(set(ids))
    assert told.ids <= set(ids)
    assert all(row.body == b"hello" for row in rows)
    for id_, uids in ((INBOX, told.uids), (SENT, told.copies), (ARCHIVE, told.moved)):
        assert len(uids) == len(set(uids))
        assert max(uids, default=0) < views[id_].state.uidnext
    assert not set(told.gone) & set(views[SENT].uids)
    assert told.modseqs == sorted(told.modseqs)
    assert max(told.modseqs, default=0) <= views[INBOX].state.modseq


@pytest.mark.parametrize("instructions", [1_500, 3_000, 5_000, 9_000, 16_000])
async def test_sqlite_killed_within_a_transaction(tmp_path, instructions):
    """CASES H10: kill -9 after so many of SQLite's own steps, three times over: no letter lost or doubled, no UID twice."""
    url = f"sqlite://{tmp_path}/mailboxes.db"
    store = await open_mailboxes(url)
    watched, told = Watched(store), Told()
    for seed in range(3):
        process = child(WORKER, url, str(instructions), str(seed))
        for line in process.stdout:
            told.hear(line)
        assert process.wait(30) == -signal.SIGKILL
        process.stdout.close()
        await holds(watched, told)
    assert len(told.moved) > 5
    await store.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_a_worker_killed_at_any_moment(request, tmp_path, kind):
    """CASES H10: kill -9 between two words: everything acknowledged is there, counters are exact, MODSEQs only rise."""
    url = f"sqlite://{tmp_path}/mailboxes.db" if kind == "sqlite" else request.getfixturevalue("postgres_dsn")
    store = await open_mailboxes(url)
    watched, told = Watched(store), Told()
    for words in (3, 10, 21, 32):
        process = child(WORKER, url, "0", str(words))
        for _ in range(words):
            told.hear(process.stdout.readline())
        process.kill()
        for line in process.stdout.read().splitlines():
            told.hear(line)
        process.wait(30)
        process.stdout.close()
        await settled(store, kind)
        await holds(watched, told)
    await store.close()


async def settled(store, kind: str) -> None:
    """Until the server has noticed that a client is gone."""
    while kind == "postgres" and await store.pool.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND state <> 'idle'"
    ):
        await asyncio.sleep(0.02)


async def test_a_repetition_after_a_kill_finds_the_first_one(tmp_path):
    """CASES A11: whoever did not hear says it again to the process that comes after; there is one letter."""
    store = await SqliteMailboxes.open(tmp_path / "mailboxes.db")
    given = letter()
    script = """
        import asyncio, os, signal, sys
        from dataclasses import replace
        from uuid import UUID
        from tests.contract.mailboxes import letter
        from yubin.mailboxes.sqlite import SqliteMailboxes

        async def main():
            store = await SqliteMailboxes.open(sys.argv[1])
            ids = [UUID(text) for text in sys.argv[2:]]
            await store.deliver([replace(letter(), delivery_id=ids[0], letter_id=ids[1])])
            os.kill(os.getpid(), signal.SIGKILL)

        asyncio.run(main())
    """
    process = child(script, str(tmp_path / "mailboxes.db"), str(given.delivery_id), str(given.letter_id))
    assert process.wait(30) == -signal.SIGKILL
    process.stdout.close()
    (place,) = await store.deliver([given])
    assert (place.uid, place.fresh) == (1, False)
    assert list((await whole(store, MARI, 1)).uids) == [1]
    await store.close()


async def test_a_full_disk_truncates_nothing_and_passes(tmp_path):
    """CASES A9: SQLite runs out of pages: 452 4.3.1 for the batch and nothing of it; with room again all is whole."""
    store = await SqliteMailboxes.open(tmp_path / "mailboxes.db")
    watched = Watched(store)

    def pages(most):
        return store._file.write(lambda conn: conn.execute(f"PRAGMA max_page_count = {most}").fetchone())

    letters = [letter(body=os.urandom(30_000)) for _ in range(40)]
    letters = [replace(given, sha256=hashlib.sha256(given.body).digest()) for given in letters]
    await pages(150)
    kept = []

    async def fill():
        for n in range(0, 40, 4):
            await watched.deliver(letters[n : n + 4])
            kept.extend(letters[n : n + 4])

    with pytest.raises(Unavailable) as caught:
        await fill()
    assert (caught.value.code, caught.value.enhanced) == (452, "4.3.1")
    assert 0 < len(kept) < 40
    await watched.look(MARI)
    assert (await watched.mailbox(MARI, 1)).messages == len(kept)
    await pages(100_000)
    answers = await watched.deliver(letters)
    assert [isinstance(answer, Delivered) and answer.fresh for answer in answers] == [
        given not in kept for given in letters
    ]
    rows = await watched.rows(MARI, 1, range(1, 100), Want.BODY)
    assert [hashlib.sha256(row.body).digest() for row in rows] == [given.sha256 for given in letters]
    await store.close()


WRITER = """
    import asyncio, sys
    from tests.contract.mailboxes import MARI, letter
    from yubin.mailboxes.open import open_mailboxes
    from yubin.mailboxes.port import How

    async def main():
        store = await open_mailboxes(sys.argv[1])

        async def write():
            for _ in range(4):
                places = await store.deliver([letter(), letter()])
                uids = [place.uid for place in places]
                await store.store(MARI, 1, uids[:1], How.ADD, frozenset({"\\\\Seen"}))
                if uids[1] % 3 == 0:
                    await store.expunge(MARI, 1, uids[1:], only_deleted=False)
                print(*uids, flush=True)

        await asyncio.gather(*(write() for _ in range(5)))
        await store.close()

    asyncio.run(main())
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_twenty_writers_in_four_processes(request, tmp_path, kind):
    """CASES H10: no UID twice; nobody sees UID n+1 before n; who follows the MODSEQ misses no change."""
    url = f"sqlite://{tmp_path}/mailboxes.db" if kind == "sqlite" else request.getfixturevalue("postgres_dsn")
    store = await open_mailboxes(url)
    await store.mailboxes(MARI)
    writers = [child(WRITER, url) for _ in range(4)]
    have, since, looks = {}, 0, 0
    while True:
        last = all(process.poll() is not None for process in writers)
        news = await store.view(MARI, 1, since=since, limit=10_000)
        assert all(uid > max(have, default=0) for uid in news.uids if uid not in have)
        have |= dict(zip(news.uids, news.flags, strict=True))
        have |= dict.fromkeys(news.expunged or (), -1)
        since, looks = news.state.modseq, looks + 1
        if last:
            break
        await asyncio.sleep(0.001)
    given = [int(uid) for process in writers for uid in process.stdout.read().split()]
    for process in writers:
        process.stdout.close()
    assert [process.returncode for process in writers] == [0] * 4
    assert sorted(given) == list(range(1, 161))
    view = await whole(store, MARI, 1)
    assert {uid: bits for uid, bits in have.items() if bits >= 0} == dict(
        zip(view.uids, view.flags, strict=True)
    )
    assert looks > 10
    await Watched(store).look(MARI)
    await store.close()
