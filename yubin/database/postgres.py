"""A pool of PostgreSQL connections whose commits are on the disk, and the two ways to write through it.

``statement`` runs one SQL statement, which is its own transaction and one round trip; ``transaction`` runs several. Both
are seen through when whoever asked for them is cancelled. An error that leaves open whether a commit happened is
``CommitUnknown`` (a kind of Unavailable); the caller looks before it answers, by a statement that writes (a row lock is
enough): that one waits for the synchronous standby, behind what it has seen, and a mere look would not.

The address may name several hosts (``hosts``). When the primary is lost, each call fails as Unavailable until one of them
takes writes, and goes there from then on. After a statement that was not answered in time no older connection is used
any more: a machine that is gone closes none of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

import asyncpg

from yubin.database import hosts
from yubin.database import pool as pools
from yubin.database.failures import postgres_failure
from yubin.database.migrate import Migration, migrate_postgres
from yubin.errors import Unavailable

T = TypeVar("T")
Pool = Any  # pools.Pool; asyncpg carries no types
Connection = Any
TRIES = 4  # of a statement that deadlocks
_MOVED = (asyncpg.ReadOnlySQLTransactionError, TimeoutError)  # a standby now; perhaps a machine that is gone
SESSION = {
    "application_name": "yubin",
    "synchronous_commit": "on",  # DESIGN I1; "on" waits for synchronous standbys too
    "jit": "off",  # compiling costs more than any of our statements
}


async def open_pool(
    dsn: str,
    migrations: Sequence[Migration],
    *,
    size: int = 8,
    timeout: float = 30.0,  # noqa: ASYNC109 - of the driver, for each statement
    target: int | None = None,
    session: Mapping[str, str] | None = None,
) -> Pool:
    """Connect, migrate. ``timeout``: seconds for any one statement; ``session``: more settings. Raises Unavailable."""
    try:
        pool = await pools.Pool(
            dsn,
            min_size=1,
            max_size=size,
            max_queries=50_000,
            max_inactive_connection_lifetime=300.0,
            loop=None,
            record_class=asyncpg.Record,
            connect=hosts.Hosts(dsn).connect,
            connection_class=hosts.Connection,
            command_timeout=timeout,
            server_settings=SESSION | dict(session or {}),
            reset=_reset,
        )
    except Exception as cause:
        raise postgres_failure(cause, sent=False) from cause
    try:
        async with pool.acquire() as conn:
            await migrate_postgres(conn, migrations, target)
    except BaseException as cause:
        pool.terminate()
        raise postgres_failure(cause, sent=False) from cause
    return pool


async def statement(pool: Pool, sql: str, *args: object) -> list[Any]:
    """The rows of one statement that writes; tried again when it lost to another (a deadlock), which wrote nothing."""
    return await _seen_through(_tried(pool, sql, args))


async def query(pool: Pool, sql: str, *args: object) -> list[Any]:
    """The rows of one statement that only reads."""
    return await _with(pool, lambda conn: conn.fetch(sql, *args), writes=False)


async def transaction(pool: Pool, work: Callable[[Connection], Awaitable[T]]) -> T:
    """Run ``work`` between BEGIN and COMMIT; its exception rolls back."""

    async def inside(conn: Connection) -> T:
        async with conn.transaction():
            return await work(conn)

    return await _seen_through(_with(pool, inside, writes=True))


async def _tried(pool: Pool, sql: str, args: tuple[object, ...]) -> list[Any]:
    for _ in range(TRIES - 1):
        try:
            return await _with(pool, lambda conn: conn.fetch(sql, *args), writes=True)
        except Unavailable as failure:
            if not isinstance(failure.__cause__, asyncpg.DeadlockDetectedError | asyncpg.SerializationError):
                raise
    return await _with(pool, lambda conn: conn.fetch(sql, *args), writes=True)


async def _with(pool: Pool, work: Callable[[Connection], Awaitable[T]], *, writes: bool) -> T:
    sent = taken = False
    try:
        async with pool.lent() as conn:
            sent, taken = writes, True
            result = await work(conn)
            sent = False  # a connection that dies on its way back to the pool changes nothing
        return result
    except Exception as cause:
        if taken and isinstance(cause, _MOVED):  # connect anew, to the primary
            await pool.expire_connections()
        failure = postgres_failure(cause, sent=sent)
        if failure is cause:
            raise
        raise failure from cause


async def _seen_through(work: Coroutine[Any, Any, T]) -> T:
    return await asyncio.shield(asyncio.get_running_loop().create_task(work))


async def _reset(_conn: Connection) -> None:
    """Nothing is left on a connection of ours, so nothing is reset: asyncpg's default costs a round trip."""
