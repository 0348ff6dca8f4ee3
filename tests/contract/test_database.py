"""The two databases beneath the ports: durable commits, migrations both ways, and what their errors become."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from yubin.database import postgres
from yubin.database.failures import CommitUnknown
from yubin.database.migrate import Migration, SchemaTooNew, plan
from yubin.database.sqlite import SqliteFile
from yubin.errors import Unavailable

FIRST = Migration(
    version=1, name="test", up=("CREATE TABLE word (text TEXT PRIMARY KEY)",), down=("DROP TABLE word",)
)
SECOND = Migration(
    version=2,
    name="more",
    up=("ALTER TABLE word ADD COLUMN n INTEGER",),
    down=("ALTER TABLE word DROP COLUMN n",),
)
THIRD = Migration(version=3, name="still more", up=("CREATE TABLE t3 (x INTEGER)",), down=("DROP TABLE t3",))


async def test_sqlite_commit_is_seen_by_another_process(tmp_path):
    """What write returned from is there for whoever opens the file next."""
    db = await SqliteFile.open(tmp_path / "q.db", [FIRST])
    await db.write(lambda conn: conn.execute("INSERT INTO word VALUES ('a')"))
    other = await SqliteFile.open(tmp_path / "q.db", [FIRST])
    assert await other.read(lambda conn: conn.execute("SELECT text FROM word").fetchall()) == [("a",)]
    await db.close()
    await other.close()


async def test_sqlite_rolls_back_what_raised(tmp_path):
    """An exception in the work leaves nothing behind, and the next write is not disturbed."""
    db = await SqliteFile.open(tmp_path / "q.db", [FIRST])

    def work(conn):
        conn.execute("INSERT INTO word VALUES ('a')")
        conn.execute("INSERT INTO word VALUES ('a')")

    with pytest.raises(sqlite3.IntegrityError):
        await db.write(work)
    await db.write(lambda conn: conn.execute("INSERT INTO word VALUES ('b')"))
    assert await db.read(lambda conn: conn.execute("SELECT text FROM word").fetchall()) == [("b",)]
    await db.close()


async def test_sqlite_a_cancelled_client_cancels_no_write(tmp_path):
    """Whoever leaves while its write waits in line finds it done all the same."""
    db = await SqliteFile.open(tmp_path / "q.db", [FIRST])
    waiting = [
        asyncio.create_task(
            db.write(lambda conn, n=n: conn.execute("INSERT INTO word VALUES (?)", (str(n),)))
        )
        for n in range(20)
    ]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    count = await db.write(lambda conn: conn.execute("SELECT count(*) FROM word").fetchone()[0])
    assert count == 20
    await db.close()


async def test_sqlite_writer_syncs_in_full(tmp_path):
    """CASES A4: the writer's own connection says WAL and FULL."""
    db = await SqliteFile.open(tmp_path / "q.db", [FIRST])
    assert await db.write(lambda conn: conn.execute("PRAGMA synchronous").fetchone()[0]) == 2
    assert await db.read(lambda conn: conn.execute("PRAGMA journal_mode").fetchone()[0]) == "wal"
    assert (tmp_path / "q.db").stat().st_mode & 0o077 == 0
    await db.close()


WRITER = """
import asyncio, sys
from yubin.database.migrate import Migration
from yubin.database.sqlite import SqliteFile
from yubin.errors import Unavailable

async def main():
    db = await SqliteFile.open(sys.argv[1], [Migration(version=1, name="t", up=("CREATE TABLE w (t)",), down=())])
    if sys.argv[2] == "NORMAL":
        db._writer.execute("PRAGMA synchronous=NORMAL")
    for n in range(int(sys.argv[3])):
        try:
            await db.write(lambda conn: conn.execute("INSERT INTO w VALUES (?)", (n,)))
            print("written", flush=True)
        except Unavailable as failure:
            print(failure.code, failure.enhanced, flush=True)
    try:
        await db.ping()
        print("ready")
    except Unavailable:
        print("unready")
    await db.close()

asyncio.run(main())
"""


def traced(tmp_path: Path, mode: str, writes: int, *strace: str) -> tuple[list[str], str]:
    """What a process that writes said, and its system calls."""
    script = tmp_path / "writer.py"
    script.write_text(textwrap.dedent(WRITER))
    log = tmp_path / "strace.log"
    command = [
        "strace",
        "-f",
        "-y",
        "-o",
        str(log),
        *strace,
        sys.executable,
        str(script),
        str(tmp_path / "q.db"),
    ]
    try:
        done = subprocess.run(
            [*command, mode, str(writes)], check=False, capture_output=True, text=True, cwd=Path(__file__).parents[2],
            env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
    except FileNotFoundError:
        pytest.fail("no strace on the PATH: install the Debian package strace", pytrace=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1], log.read_text()


def syncs(trace: str) -> int:
    return sum("q.db-wal" in line for line in trace.splitlines())


def test_sqlite_syncs_the_log_at_each_commit(tmp_path):
    """CASES A4: ten commits are ten syncs of the log, counted by the kernel; were it NORMAL there would be fewer."""
    said, trace = traced(tmp_path, "FULL", 10, "-e", "trace=fdatasync,fsync")
    assert said.count("written") == 10
    assert syncs(trace) >= 10


def test_sqlite_the_durability_test_can_fail(tmp_path):
    """CASES A4, the test of the test: with synchronous=NORMAL the same count falls short."""
    said, trace = traced(tmp_path, "NORMAL", 10, "-e", "trace=fdatasync,fsync")
    assert said.count("written") == 10
    assert syncs(trace) < 10


def test_sqlite_a_failed_sync_makes_the_instance_unready(tmp_path):
    """CASES A10: EIO from the sync is a 451, the file is not synced again by this process, and it says so."""
    said, trace = traced(
        tmp_path, "FULL", 8, "-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync:error=EIO:when=9+"
    )
    assert said[-1] == "unready"
    assert "451 4.3.0" in said
    assert "written" not in said[said.index("451 4.3.0") :]
    assert sum("EIO" in line for line in trace.splitlines()) == 1


def test_sqlite_a_full_disk_passes(tmp_path):
    """CASES A9: ENOSPC on the log is 452 4.3.1; the process lives, and writes when there is room again."""
    said, _ = traced(
        tmp_path,
        "FULL",
        8,
        "-P",
        str(tmp_path / "q.db-wal"),
        "-e",
        "inject=pwrite64:error=ENOSPC:when=14..15",
    )
    assert "452 4.3.1" in said
    assert said[-2:] == ["written", "ready"]


async def test_sqlite_many_processes_start_at_once(tmp_path):
    """Each migrates; one does it and the others find it done."""
    files = await asyncio.gather(*(SqliteFile.open(tmp_path / "q.db", [FIRST, SECOND]) for _ in range(8)))
    assert await files[0].read(lambda conn: conn.execute("SELECT count(*) FROM migration").fetchone()[0]) == 2
    await asyncio.gather(*(file.close() for file in files))


OTHER = """
import asyncio, sys
from yubin.database.sqlite import SqliteFile
from yubin.database.migrate import Migration

async def main():
    db = await SqliteFile.open(sys.argv[1], [])
    print(await db.read(lambda conn: conn.execute("SELECT count(*) FROM word").fetchone()[0]))
    await db.close()

asyncio.run(main())
"""


async def test_sqlite_opened_twice_keeps_its_log(tmp_path):
    """A second opening in one process drops none of the first one's locks, so that no other process deletes the log."""
    path = tmp_path / "q.db"
    first = await SqliteFile.open(path, [FIRST])
    await first.write(lambda conn: conn.execute("INSERT INTO word VALUES ('a')"))
    second = await SqliteFile.open(path, [FIRST])

    def seen_elsewhere():
        command = [sys.executable, "-c", OTHER, str(path)]
        return subprocess.run(
            command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2]
        ).stdout

    assert seen_elsewhere().strip() == "1"
    await first.write(lambda conn: conn.execute("INSERT INTO word VALUES ('b')"))
    assert seen_elsewhere().strip() == "2"
    await first.close()
    await second.close()


async def test_sqlite_a_second_opening_in_one_process_costs_no_commit(tmp_path):
    """fcntl(2): closing any descriptor of a file drops the process's locks on it; the log must not vanish under us."""
    db = await SqliteFile.open(tmp_path / "q.db", [FIRST])
    second = await SqliteFile.open(tmp_path / "q.db", [FIRST])
    await second.close()
    last_one_out = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM word').fetchall(); c.close()"
    path = str(tmp_path / "q.db")
    subprocess.run([sys.executable, "-c", last_one_out, path], check=True, timeout=30)
    await db.write(lambda conn: conn.execute("INSERT INTO word VALUES ('kept')"))
    seen = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('SELECT * FROM word').fetchall())"
    done = subprocess.run(
        [sys.executable, "-c", seen, path], capture_output=True, text=True, check=True, timeout=30
    )
    assert "kept" in done.stdout
    await db.close()


async def test_sqlite_migrates_forward_and_one_back(tmp_path):
    """DESIGN I8: a step back undoes the newest; the older program runs beside a schema one step newer."""
    path = tmp_path / "q.db"
    await (await SqliteFile.open(path, [FIRST])).close()
    await (await SqliteFile.open(path, [FIRST, SECOND])).close()
    old = await SqliteFile.open(path, [FIRST])
    await old.write(lambda conn: conn.execute("INSERT INTO word (text) VALUES ('a')"))
    await old.close()
    back = await SqliteFile.open(path, [FIRST, SECOND], target=1)
    assert await back.read(lambda conn: conn.execute("SELECT * FROM word").fetchall()) == [("a",)]
    await back.close()


async def test_sqlite_closed_file_is_unavailable(tmp_path):
    """Late callers at shutdown get a 4xx, not a crash."""
    db = await SqliteFile.open(tmp_path / "q.db", [FIRST])
    await db.close()
    with pytest.raises(Unavailable):
        await db.write(lambda conn: None)


def test_plan_refuses_a_schema_two_steps_newer():
    """A program two versions old would write rows that the new one cannot read."""
    assert plan(2, [FIRST]) == []
    with pytest.raises(SchemaTooNew):
        plan(3, [FIRST])
    with pytest.raises(SchemaTooNew):
        plan(3, [FIRST, SECOND, THIRD], target=1)


async def test_postgres_migrates_once_for_many_pods(postgres_dsn):
    """Eight pods that start at the same moment leave one schema."""
    pools = await asyncio.gather(*(postgres.open_pool(postgres_dsn, [FIRST, SECOND]) for _ in range(8)))
    rows = await postgres.query(pools[0], "SELECT version FROM migration ORDER BY version")
    assert [row["version"] for row in rows] == [1, 2]
    await asyncio.gather(*(pool.close() for pool in pools))


async def test_postgres_goes_one_back(postgres_dsn):
    """DESIGN I8: the newest step can be undone, and no more than that at once."""
    await (await postgres.open_pool(postgres_dsn, [FIRST, SECOND, THIRD])).close()
    with pytest.raises(SchemaTooNew):
        await postgres.open_pool(postgres_dsn, [FIRST, SECOND, THIRD], target=1)
    pool = await postgres.open_pool(postgres_dsn, [FIRST, SECOND, THIRD], target=2)
    assert await postgres.query(pool, "SELECT to_regclass('t3') AS t") == [(None,)]
    await pool.close()


async def test_postgres_waits_for_the_disk(postgres_dsn):
    """DESIGN I1: synchronous_commit is on whatever the server's default says."""
    pool = await postgres.open_pool(postgres_dsn, [FIRST])
    assert (await postgres.query(pool, "SHOW synchronous_commit"))[0][0] == "on"
    await pool.close()


async def test_postgres_that_is_not_there_is_unavailable():
    """A refused connection is a 451, whoever opens the pool."""
    with pytest.raises(Unavailable) as caught:
        await postgres.open_pool("postgresql://yubin@127.0.0.1:1/none", [])
    assert caught.value.code == 451


async def test_postgres_cut_off_in_a_statement_is_an_unknown_outcome(postgres_dsn):
    """CASES A6: the backend is ended while it works; the caller learns that it does not know."""
    pool = await postgres.open_pool(postgres_dsn, [FIRST], size=2)
    writing = asyncio.create_task(
        postgres.statement(pool, "INSERT INTO word SELECT 'a' FROM (SELECT pg_sleep(30)) AS s")
    )
    cut = (
        "SELECT pg_terminate_backend(pid) AS cut FROM pg_stat_activity"
        " WHERE query LIKE 'INSERT%' AND state = 'active' AND pid <> pg_backend_pid() AND datname = current_database()"
    )
    while not await postgres.query(pool, cut):
        await asyncio.sleep(0.01)
    with pytest.raises(CommitUnknown):
        await writing
    await postgres.statement(pool, "INSERT INTO word VALUES ('a')")
    await pool.close()


async def test_postgres_a_cancelled_client_cancels_no_statement(postgres_dsn):
    """Whoever leaves finds it done all the same."""
    pool = await postgres.open_pool(postgres_dsn, [FIRST], size=1)
    task = asyncio.create_task(postgres.statement(pool, "INSERT INTO word SELECT 'a' FROM pg_sleep(0.1)"))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await postgres.query(pool, "SELECT count(*) FROM word"))[0][0] == 1
    await pool.close()


async def test_postgres_constraint_is_no_outage(postgres_dsn):
    """A row that breaks a constraint is our fault and comes back as it is, so that a group can find it."""
    pool = await postgres.open_pool(postgres_dsn, [FIRST])
    await postgres.statement(pool, "INSERT INTO word VALUES ('a')")
    with pytest.raises(Exception, match="duplicate key") as caught:
        await postgres.statement(pool, "INSERT INTO word VALUES ('a')")
    assert not isinstance(caught.value, Unavailable)
    await pool.close()


async def test_postgres_a_deadlock_is_tried_again(postgres_dsn):
    """The loser of a deadlock wrote nothing, so that the statement may be said again; after a few times it is a 451."""
    pool = await postgres.open_pool(postgres_dsn, [FIRST])
    await pool.execute("CREATE SEQUENCE turns")
    await pool.execute(
        "CREATE FUNCTION loses(times integer) RETURNS text LANGUAGE plpgsql AS $$ BEGIN"
        " IF nextval('turns') <= times THEN RAISE EXCEPTION USING ERRCODE = '40P01'; END IF; RETURN 'a'; END $$"
    )
    await postgres.statement(pool, "INSERT INTO word SELECT loses(2)")
    assert (await postgres.query(pool, "SELECT count(*) FROM word"))[0][0] == 1
    with pytest.raises(Unavailable):
        await postgres.statement(pool, "INSERT INTO word SELECT loses(1000)")
    await pool.close()


async def test_postgres_a_server_that_became_a_standby_is_left(postgres_dsn):
    """After a failover the pool connects anew instead of writing to the old primary for ever."""
    pool = await postgres.open_pool(postgres_dsn, [FIRST], size=1)
    before = (await postgres.query(pool, "SELECT pg_backend_pid()"))[0][0]
    await pool.execute("SET default_transaction_read_only = on")
    with pytest.raises(Unavailable):
        await postgres.statement(pool, "INSERT INTO word VALUES ('a')")
    await postgres.statement(pool, "INSERT INTO word VALUES ('a')")
    assert (await postgres.query(pool, "SELECT pg_backend_pid()"))[0][0] != before
    await pool.close()
