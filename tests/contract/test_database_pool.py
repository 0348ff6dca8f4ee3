"""A connection that was used a moment ago is at hand (yubin.database.pool); needs PostgreSQL."""

import asyncio

import pytest
import pytest_asyncio

from yubin.database import pool as pools
from yubin.database import postgres

ME = "SELECT pg_backend_pid() AS pid"


@pytest_asyncio.fixture
async def pool(postgres_dsn):
    made = await postgres.open_pool(postgres_dsn, [], size=2)
    yield made
    async with asyncio.timeout(5):
        await made.close()


async def pid(pool):
    return (await postgres.query(pool, ME))[0]["pid"]


async def test_one_after_another_use_one_connection(pool):
    """It is not given back in between: the pool has none that is idle."""
    assert len({await pid(pool) for _ in range(5)}) == 1
    assert pool.get_size() - pool.get_idle_size() == 1


async def test_what_lies_at_hand_goes_back_after_a_moment(pool, monkeypatch):
    """The pool sees to its age."""
    monkeypatch.setattr(pools, "KEPT", 0.01)
    await pid(pool)
    async with asyncio.timeout(5):
        while pool.get_idle_size() < pool.get_size():
            await asyncio.sleep(0.01)


async def test_many_at_once_all_have_their_turn(pool):
    """Who waits is given what others are done with, and nobody waits for what only lies there."""
    async with asyncio.timeout(5):
        found = await asyncio.gather(*(postgres.query(pool, ME + ", pg_sleep(0.01)") for _ in range(20)))
    assert len({rows[0]["pid"] for rows in found}) <= 2


async def test_who_takes_one_by_himself_does_not_wait(pool):
    """``acquire`` has all of them at once, also those at hand."""
    await asyncio.gather(pid(pool), pid(pool))
    async with asyncio.timeout(0.9):
        async with pool.acquire() as first, pool.acquire() as second:
            assert await first.fetchval("SELECT 1") == await second.fetchval("SELECT 1")


async def test_who_leaves_in_the_middle_of_a_statement(pool):
    """His connection goes back to the pool, which ends what it was doing; the next one hears his own answer."""
    left = asyncio.create_task(postgres.query(pool, "SELECT pg_sleep(30)"))
    await asyncio.sleep(0.1)
    left.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await left
        assert (await postgres.query(pool, "SELECT 7 AS n"))[0]["n"] == 7


async def test_what_has_expired_is_not_used_again(pool):
    """Neither what lies at hand nor what is under way meanwhile (a server that is none any more)."""
    before = await pid(pool)
    await pool.expire_connections()
    assert await pid(pool) != before
    under_way = asyncio.create_task(postgres.query(pool, ME + ", pg_sleep(0.2)"))
    await asyncio.sleep(0.1)
    await pool.expire_connections()
    old = (await under_way)[0]["pid"]
    assert await pid(pool) != old


async def test_one_that_has_died_at_hand_is_not_used(pool, postgres_dsn):
    """The server was restarted, say: the next statement goes over a new connection and nobody hears of it."""
    before = await pid(pool)
    other = await postgres.open_pool(postgres_dsn, [], size=1)
    await postgres.query(other, "SELECT pg_terminate_backend($1)", before)
    await other.close()
    await asyncio.sleep(0.1)
    assert await pid(pool) != before


async def test_a_transaction_that_failed_leaves_nothing_behind(pool):
    """The next one begins anew, also on the same connection."""

    async def work(conn):
        await conn.execute("CREATE TEMP TABLE half (n integer)")
        raise KeyError

    with pytest.raises(KeyError):
        await postgres.transaction(pool, work)
    assert (await postgres.query(pool, "SELECT to_regclass('half') AS at"))[0]["at"] is None
