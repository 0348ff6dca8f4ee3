"""Ledgers whose users and servers are killed: everything or nothing, and nobody is told what is not so."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Self

import asyncpg
import pytest

from tests.contract.ledgers import START, TERMS, delivery, letter, make_world, result, ticket
from yubin.errors import Unavailable
from yubin.ids import uuid7
from yubin.queue.group import Grouped
from yubin.queue.port import NewDelivery, NewRecipient, OutcomeUnknown, Selection
from yubin.queue.postgres import PostgresLedger
from yubin.queue.sqlite import SqliteLedger

ROOT = Path(__file__).parents[2]


def thousand() -> tuple[NewDelivery, ...]:
    """One letter's recipients: twenty deliveries of fifty."""
    return tuple(
        NewDelivery(
            id=uuid7(), domain="example.org",
            recipients=tuple(NewRecipient(address=f"u{d}-{n}@example.org") for n in range(50)),
        )
        for d in range(20)
    )  # fmt: skip


def child(script: str, *args: str) -> subprocess.Popen[str]:
    """A Python process of our own; it is ended by whoever started it."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *args], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )


def killed(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait(10)
    process.stdout.close()


KILLED_WHILE_INSERTING = """
    import asyncio, os, signal, sys
    from tests.contract.ledgers import letter
    from tests.contract.test_ledger_crash import thousand
    from yubin.queue.sqlite import SqliteLedger

    async def main():
        ledger = await SqliteLedger.open(sys.argv[1])
        given = letter(*thousand())
        print(given.message.id, flush=True)
        ledger._file._writer.set_progress_handler(lambda: os.kill(os.getpid(), signal.SIGKILL), int(sys.argv[2]))
        await ledger.accept([given])

    asyncio.run(main())
"""


@pytest.mark.parametrize("instructions", [2_000, 10_000, 20_000])
async def test_sqlite_killed_while_inserting_leaves_nothing(tmp_path, instructions):
    """CASES A14: a thousand recipients, kill -9 after so many of SQLite's own steps: no row of it is there."""
    process = child(KILLED_WHILE_INSERTING, str(tmp_path / "q.db"), str(instructions))
    assert process.wait(30) == -signal.SIGKILL
    message_id = process.stdout.readline().strip()
    process.stdout.close()
    assert message_id
    ledger = await SqliteLedger.open(tmp_path / "q.db")
    for table in ("message", "body", "delivery", "recipient", "event"):
        (count,) = await ledger._file.read(
            lambda conn, t=table: conn.execute(f"SELECT count(*) FROM {t}").fetchone()
        )
        assert count == 0
    await ledger.accept([letter(*thousand())])
    assert len(await ledger.list(Selection(), limit=100)) == 20
    await ledger.close()


ACCEPTS_ONE = """
    import asyncio, sys
    from tests.contract.ledgers import letter
    from tests.contract.test_ledger_crash import thousand
    from yubin.queue.postgres import PostgresLedger

    async def main():
        ledger = await PostgresLedger.open(sys.argv[1])
        given = letter(*thousand())
        print(given.message.id, flush=True)
        await ledger.accept([given])

    asyncio.run(main())
"""
SLOW_INSERTS = """
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.001); RETURN NEW; END';
    CREATE TRIGGER slow BEFORE INSERT ON recipient FOR EACH ROW EXECUTE FUNCTION slow()
"""
BUSY = (
    "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%INSERT INTO message%'"
    " AND pid <> pg_backend_pid() AND datname = current_database()"
)


async def inserting(dsn: str) -> int:
    """The process id of the server's backend that is at work on an insert."""
    conn = await asyncpg.connect(dsn)
    try:
        while not (pid := await conn.fetchval(BUSY)):
            await asyncio.sleep(0.01)
        return pid
    finally:
        await conn.close()


async def counted(dsn: str) -> tuple[int, int, int]:
    conn = await asyncpg.connect(dsn)
    try:
        return tuple(
            [await conn.fetchval(f"SELECT count(*) FROM {t}") for t in ("message", "delivery", "recipient")]
        )
    finally:
        await conn.close()


async def quiet(dsn: str) -> None:
    """Until nobody inserts any more."""
    conn = await asyncpg.connect(dsn)
    while await conn.fetchval(BUSY):
        await asyncio.sleep(0.02)
    await conn.close()


async def test_postgres_whose_client_is_killed_writes_all_or_nothing(postgres_dsn):
    """CASES A14: kill -9 of the client in the middle of a thousand recipients."""
    ledger = await PostgresLedger.open(postgres_dsn)
    await ledger.pool.execute(SLOW_INSERTS)
    process = child(ACCEPTS_ONE, postgres_dsn)
    await inserting(postgres_dsn)
    killed(process)
    await quiet(postgres_dsn)
    assert await counted(postgres_dsn) in {(0, 0, 0), (1, 20, 1000)}
    await ledger.close()


async def test_postgres_whose_backend_ends_writes_nothing_and_the_retry_is_accepted(postgres_dsn):
    """CASES A6, A14: the database goes in the middle of the statement: 451, no row; the same letter again is taken."""
    ledger = await PostgresLedger.open(postgres_dsn)
    await ledger.pool.execute(SLOW_INSERTS)
    group = Grouped(ledger, pauses=(0, 0))
    given = letter(*thousand())
    accepting = asyncio.create_task(group.accept(given))
    pid = await inserting(postgres_dsn)
    conn = await asyncpg.connect(postgres_dsn)
    await conn.execute("SELECT pg_terminate_backend($1)", pid)
    with pytest.raises(Unavailable) as caught:
        await accepting
    assert caught.value.code == 451
    assert await counted(postgres_dsn) == (0, 0, 0)
    await conn.execute("DROP TRIGGER slow ON recipient")
    await conn.close()
    await group.accept(given)
    assert await counted(postgres_dsn) == (1, 20, 1000)
    await group.close()


async def test_postgres_that_is_killed_and_comes_back(postgres_server, postgres_dsn):
    """CASES A6: the whole server goes down at once: 451 while it is away, accepted when it is back, nothing lost."""
    group = Grouped(await PostgresLedger.open(postgres_dsn), pauses=(0, 0))
    before, after = letter(), letter()
    await group.accept(before)
    postgres_server.kill()
    try:
        with pytest.raises(Unavailable):
            await group.accept(after)
        with pytest.raises(Unavailable):
            await group.ping()
    finally:
        postgres_server.start()
    await group.accept(after)
    ids = [before.message.id, after.message.id]
    assert await group.known(ids) == set(ids)
    await group.close()


class Cut:
    """A proxy before PostgreSQL that can swallow: what the client asks, or what the server answers."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.swallow = ""
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.current_task())
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._port)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await asyncio.gather(
                self._pump("ask", reader, up_writer, writer), self._pump("answer", up_reader, writer, writer)
            )
        for side in (up_writer, writer):
            side.close()

    async def _pump(self, what: str, source, sink, client) -> None:
        while data := await source.read(65536):
            if self.swallow == what:
                self.swallow = ""
                client.transport.abort()
                if what == "ask":
                    sink.transport.abort()
                return
            sink.write(data)
            await sink.drain()
        sink.close()


@pytest.fixture
async def cut(postgres_server):
    async with Cut(postgres_server.port) as proxy:
        yield proxy


def through(cut: Cut, dsn: str) -> str:
    return dsn.replace(dsn.rpartition(":")[2].partition("/")[0], str(cut.port))


async def test_a_commit_whose_answer_is_lost_is_found(cut, postgres_dsn):
    """CASES A6: the server committed, its answer was cut off: the id is looked up and the letter is accepted, once."""
    plain = await PostgresLedger.open(through(cut, postgres_dsn), size=2)
    first, second = letter(), letter()
    cut.swallow = "answer"
    with pytest.raises(OutcomeUnknown):
        await plain.accept([first])
    group = Grouped(plain, pauses=(0, 0.01, 0.1, 0.5))
    await group.accept(first)
    cut.swallow = "answer"
    await group.accept(second)
    assert len(await plain.list(Selection(), limit=9)) == 2
    await group.close()


async def test_a_commit_that_never_arrived_is_refused_and_may_be_retried(cut, postgres_dsn):
    """CASES A6: cut off before the server saw it: 451, no row, and the retry is accepted."""
    group = Grouped(await PostgresLedger.open(through(cut, postgres_dsn), size=2), pauses=(0, 0.01))
    await group.accept(letter())
    given = letter()
    cut.swallow = "ask"
    with pytest.raises(Unavailable):
        await group.accept(given)
    assert await group.known([given.message.id]) == set()
    await group.accept(given)
    await group.close()


CLAIMS_AND_DIES = """
    import asyncio, os, signal, sys
    from yubin.queue.open import open_ledger

    async def main():
        ledger = await open_ledger(sys.argv[1])
        claims = await ledger.claim_due({"~example.org": 3}, owner="doomed", lease=0.2)
        print(len(claims), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(main())
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_a_worker_killed_between_claim_and_finish_loses_nothing(request, tmp_path, kind):
    """CASES B1: its rows come back when the lease has run out, once each, and say that they lost their worker."""
    url = f"sqlite://{tmp_path}/ledger.db" if kind == "sqlite" else request.getfixturevalue("postgres_dsn")
    from yubin.queue.open import open_ledger

    ledger = await open_ledger(url)
    await ledger.accept([letter() for _ in range(5)])
    process = child(CLAIMS_AND_DIES, url)
    assert process.wait(30) == -signal.SIGKILL
    assert process.stdout.readline().strip() == "3"
    process.stdout.close()
    assert len(await ledger.claim_due({"~example.org": 9}, owner="w", lease=60)) == 2
    async with asyncio.timeout(10):
        while not await ledger.due_sites(5):
            await asyncio.sleep(0.05)
    assert await ledger.claim_due({"~example.org": 9}, owner="w", lease=60) == []
    await ledger.flush(Selection())
    again = await ledger.claim_due({"~example.org": 9}, owner="w", lease=60)
    assert [(claim.crashes, claim.recovered) for claim in again] == [(1, True)] * 3
    await ledger.finish([result(claim) for claim in again])
    await ledger.close()


async def test_a_locked_row_holds_nobody_up(postgres_dsn):
    """A claim passes over what another transaction has in hand, by ticket and by due."""
    ledger = await PostgresLedger.open(postgres_dsn, TERMS)
    rows = [delivery() for _ in range(3)]
    await ledger.accept([letter(new) for new in rows])
    conn = await asyncpg.connect(postgres_dsn)
    async with conn.transaction():
        await conn.execute("SELECT 1 FROM delivery WHERE id = $1 FOR UPDATE", rows[0].id)
        async with asyncio.timeout(5):
            by_ticket = await ledger.claim([ticket(rows[0]), ticket(rows[1])], owner="w", lease=60)
            by_due = await ledger.claim_due({"~example.org": 9}, owner="w", lease=60)
    await conn.close()
    assert [claim and claim.delivery_id for claim in by_ticket] == [None, rows[1].id]
    assert [claim.delivery_id for claim in by_due] == [rows[2].id]
    await ledger.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@pytest.mark.parametrize("glance", [2000, 3])
async def test_no_wake_up_is_lost(request, tmp_path, monkeypatch, kind, glance):
    """What is accepted while others look for work is found by looking, in the short way and in the long one."""
    monkeypatch.setattr(f"yubin.queue.{kind}.GLANCE", glance)
    world = await make_world(request, kind, tmp_path, TERMS)
    ledgers = [world.ledger, await world.another()]
    found = []

    async def produce(ledger, part):
        for n in range(15):
            await ledger.accept([letter(delivery(domain=f"d{part}-{n % 5}.example")) for _ in range(4)])

    async def consume(ledger, owner):
        while len(found) < 120:
            sites = await ledger.due_sites(100)
            claims = await ledger.claim_due(dict.fromkeys(sites, 3), owner=owner, lease=60)
            await ledger.finish([result(claim) for claim in claims])
            found.extend(claim.delivery_id for claim in claims)
            await asyncio.sleep(0)

    async with asyncio.timeout(60):
        await asyncio.gather(
            produce(ledgers[0], "a"),
            produce(ledgers[1], "b"),
            consume(ledgers[0], "w1"),
            consume(ledgers[1], "w2"),
        )
    assert len(found) == len(set(found)) == 120
    assert await ledgers[0].due_sites(100) == []
    assert (await ledgers[0].depth()).oldest_due == 0
    assert world.now == START
    await asyncio.gather(*(ledger.close() for ledger in ledgers))
