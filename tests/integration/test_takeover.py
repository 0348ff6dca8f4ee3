"""A standby of PostgreSQL takes over: the primary is killed or hangs, the standby is promoted, and pods go on by themselves.

Both servers are real, the standby is a synchronous one, and every address names both. Nothing is started again but what
was killed. What was answered as stored was on both disks, so that it is there afterwards, once, under its UID.
"""

import asyncio
import shutil
import socket
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.contract.ledgers import delivery
from tests.contract.ledgers import letter as ledger_letter
from tests.integration.mailbox import bodies, house, letter
from tests.servers.postgres import Postgres
from yubin.database import postgres
from yubin.errors import Unavailable
from yubin.mailboxes.port import Delivered
from yubin.mailboxes.remote import Terms
from yubin.queue.port import OutcomeUnknown
from yubin.queue.port import Terms as LedgerTerms
from yubin.queue.postgres import PostgresLedger
from yubin.queue.schema import POSTGRES

LETTERS = 600
AWAY = 1.0  # seconds without a primary
SILENCE = 1.0  # seconds for a statement, where a server hangs
SOON = 15.0  # seconds from the promotion to the first letter that is stored
WORD = postgres.Migration(
    version=1, name="word", up=["CREATE TABLE word (text text)"], down=["DROP TABLE word"]
)


class Pair:
    """A primary and its synchronous standby. ``dsn(database)`` names both, the primary first."""

    def __init__(self, folder):
        for name in ("first", "second"):
            (folder / name).mkdir()
        folder.chmod(0o755)
        self.primary = Postgres(folder / "first")
        self.standby = Postgres(folder / "second", cluster_name="second")

    def start(self):
        self.primary.init()
        self.primary.start()
        self.standby.follow(self.primary)
        self.standby.start()
        self.primary.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'second'")
        self.primary.sql("postgres", "SELECT pg_reload_conf()")
        while self.primary.sql("postgres", "SELECT sync_state FROM pg_stat_replication") != "sync":
            time.sleep(0.05)

    def dsn(self, database):
        return f"postgresql://yubin@127.0.0.1:{self.primary.port},127.0.0.1:{self.standby.port}/{database}"

    def fresh(self):
        return self.dsn(self.primary.fresh().rpartition("/")[2])

    def stop(self):
        for server in (self.primary, self.standby):
            if server.running:
                server.crash()


@contextmanager
def servers():
    folder = Path(tempfile.mkdtemp(prefix="yubin-pg-"))
    made = Pair(folder)
    try:
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def pair():
    with servers() as made:
        yield made


class Post:
    """Letters that are said again under the same ids until they are stored. ``stored``: when, and where, by number."""

    def __init__(self, deliveries, account):
        self.deliveries = deliveries
        self.letters = [letter(f"Subject: {n}\r\n\r\n{n}\r\n", account) for n in range(LETTERS)]
        self.stored, self.refused = {}, []

    async def bring(self, numbers):
        for n in numbers:
            while n not in self.stored:
                try:
                    (answer,) = await self.deliveries.deliver(self.letters[n])
                except Unavailable as failure:
                    answer = failure
                if isinstance(answer, Delivered):
                    self.stored[n] = time.monotonic(), answer.uid
                else:
                    self.refused.append(answer)
                await asyncio.sleep(0.1)

    async def reached(self, count):
        async with asyncio.timeout(60):
            while len(self.stored) < count:
                await asyncio.sleep(0.02)


async def watch(account, seen):
    """A reader all the while: what it has once seen stays what and where it was."""
    while True:
        with suppress(Unavailable):
            found = await bodies(account)
            assert seen.items() <= found.items()
            seen.update(found)
        await asyncio.sleep(0.2)


@pytest.mark.alone
@pytest.mark.timeout(240)
async def test_letters_are_delivered_all_the_while(pair, tmp_path):
    """CASES H11: what was stored is there once, nothing a reader saw is lost, no UID comes twice, each refusal was for a while."""
    async with (
        house(tmp_path, pair.fresh()) as h,
        h.mailbox.deliveries(terms=Terms(deadline=5.0)) as deliveries,
        h.account() as account,
    ):
        post, seen = Post(deliveries, h.ids["anna"]), {}
        reading = asyncio.create_task(watch(account, seen))
        work = asyncio.gather(*(post.bring(range(n, LETTERS, 20)) for n in range(20)))
        await post.reached(100)
        await asyncio.to_thread(pair.primary.crash)
        await asyncio.sleep(AWAY)
        await asyncio.to_thread(pair.standby.promote)
        began = time.monotonic()
        async with asyncio.timeout(120):
            await work
        assert not reading.done()
        reading.cancel()
        later = min(at for at, _ in post.stored.values() if at > began) - began
        print(f"the first letter {later:.1f} s after the promotion, {len(post.refused)} refusals")
        assert later < SOON
        assert post.refused
        assert all(isinstance(failure, Unavailable) and failure.code == 451 for failure in post.refused)
        assert h.mailbox.process.poll() is None
        there = await bodies(account)
        assert there == {uid: post.letters[n].body for n, (_, uid) in post.stored.items()}
        assert len(there) == LETTERS
        assert seen.items() <= there.items()


async def test_a_primary_that_hangs_is_left(pair):
    """Its connections stay open and say nothing: those that wait have their time, and then everybody goes to the new one."""
    pool = await postgres.open_pool(pair.fresh(), POSTGRES, size=4, timeout=SILENCE)
    ledger = PostgresLedger(pool, LedgerTerms(), "now()")
    await asyncio.gather(*(ledger.accept([ledger_letter(delivery())]) for _ in range(4)))
    await asyncio.to_thread(pair.primary.pause)
    with pytest.raises(OutcomeUnknown):
        await ledger.accept([ledger_letter(delivery())])
    await asyncio.to_thread(pair.standby.promote)
    began = time.monotonic()
    await until_answered(lambda: ledger.accept([ledger_letter(delivery())]))
    assert time.monotonic() - began < SOON
    assert await port(pool) == pair.standby.port
    await ledger.close()


async def test_a_letter_that_only_the_primary_has_is_not_known(pair):
    """DESIGN I1: while the standby hangs nothing is accepted, and looking afterwards does not say that it was: what is on
    one disk alone would be lost with it. It is known when the standby has it, and after that one has taken over.
    """
    pool = await postgres.open_pool(pair.fresh(), POSTGRES, timeout=SILENCE)
    ledger = PostgresLedger(pool, LedgerTerms(), "now()")
    one = ledger_letter(delivery())
    await asyncio.to_thread(pair.standby.pause)
    with pytest.raises(OutcomeUnknown):
        await ledger.accept([one])
    assert (await ledger.message(one.message.id)).id == one.message.id  # it lies there, on one disk
    with pytest.raises(Unavailable):
        await ledger.known([one.message.id])
    await asyncio.to_thread(pair.standby.go_on)
    assert await until_answered(lambda: ledger.known([one.message.id])) == {one.message.id}
    await asyncio.to_thread(pair.primary.crash)
    await asyncio.to_thread(pair.standby.promote)
    assert await until_answered(lambda: ledger.known([one.message.id])) == {one.message.id}
    await ledger.close()


async def test_the_writable_host_is_found_wherever_it_stands(pair):
    """A pool goes to the primary past a standby, and past a host that accepts connections and is silent. A standby alone
    is no database to open: Unavailable.
    """
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        ports = silent.getsockname()[1], pair.standby.port, pair.primary.port
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        async with asyncio.timeout(9):
            pool = await postgres.open_pool(f"postgresql://yubin@{hosts}/postgres", [])
        assert await port(pool) == pair.primary.port
        await pool.close()
    await asyncio.to_thread(pair.primary.crash)
    with pytest.raises(Unavailable):
        await postgres.open_pool(pair.dsn("postgres"), [])


async def port(pool):
    """Of the server that answers."""
    return (await postgres.query(pool, "SELECT inet_server_port()"))[0][0]


async def until_answered(ask):
    async with asyncio.timeout(60):
        while True:
            with suppress(Unavailable):
                return await ask()
            await asyncio.sleep(0.1)
