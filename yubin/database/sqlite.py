"""One SQLite file for one port: a writer thread, a reader thread, and a commit that is on the disk.

Every write is a plain function of the connection; it runs inside BEGIN IMMEDIATE … COMMIT on the one writer thread of
this process, never across an await, and is seen through even when whoever asked for it is cancelled. Other processes
write the same file: SQLite's lock and the busy timeout take care of that. WAL with synchronous=FULL: COMMIT returns after
fdatasync of the log (CASES A4). When a sync fails, the kernel may have dropped what it could not write, and a second
sync would say all is well: so from then on the file is lost to this process, which answers Unavailable and reports
itself unready until it is restarted (CASES A10).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from yubin.database.failures import AWAY, sqlite_failure, sqlite_lost
from yubin.database.migrate import Migration, migrate_sqlite
from yubin.errors import Unavailable

T = TypeVar("T")
BUSY_TIMEOUT = 10.0  # seconds that a writer waits for another process
LOG_SIZE_LIMIT = 64 * 1024 * 1024  # the write-ahead log is cut back to this after a checkpoint


class SqliteFile:
    """Made by ``open``."""

    def __init__(self, writer: sqlite3.Connection, reader: sqlite3.Connection, threads: _Threads) -> None:
        self._writer, self._reader, self._threads = writer, reader, threads
        self._lost = False
        self._closed = False

    @classmethod
    async def open(
        cls, path: Path | str, migrations: Sequence[Migration], target: int | None = None
    ) -> SqliteFile:
        """Create the file (mode 0600, its folder must exist), migrate it. ``target``: the schema version to go to."""
        threads = _Threads()
        try:
            writer = await threads.run(threads.writer, lambda: _open_writer(Path(path), migrations, target))
            reader = await threads.run(threads.reader, lambda: _connect(Path(path), readonly=True))
        except sqlite3.Error as cause:
            threads.stop()
            raise sqlite_failure(cause) from cause
        except BaseException:
            threads.stop()
            raise
        return cls(writer, reader, threads)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` in a transaction; its exception rolls back. Durable on return."""
        return await self._threads.run(self._threads.writer, lambda: self._write(work))

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` on the reader thread, in one snapshot."""
        return await self._threads.run(self._threads.reader, lambda: self._read(work))

    async def ping(self) -> None:
        """Raises Unavailable when the file cannot be used."""
        await self.read(lambda conn: conn.execute("SELECT count(*) FROM sqlite_master").fetchone())

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self._threads.run(self._threads.reader, self._reader.close)
        if self._lost:
            _leave_open(self._writer)
        else:
            await self._threads.run(self._threads.writer, self._writer.close)
        self._threads.stop()

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        self._usable()
        conn = self._writer
        try:
            conn.execute("BEGIN IMMEDIATE")
            try:
                result = work(conn)
                conn.execute("COMMIT")
            except BaseException:
                if conn.in_transaction:
                    conn.execute("ROLLBACK")
                raise
            return result
        except sqlite3.Error as cause:
            self._lost = self._lost or sqlite_lost(cause)
            raise sqlite_failure(cause) from cause

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        self._usable()
        conn = self._reader
        try:
            conn.execute("BEGIN")
            try:
                return work(conn)
            finally:
                conn.execute("ROLLBACK")
        except sqlite3.Error as cause:
            self._lost = self._lost or sqlite_lost(cause)
            raise sqlite_failure(cause) from cause

    def _usable(self) -> None:
        if self._lost or self._closed:
            raise Unavailable(AWAY)


class _Threads:
    """One thread for each connection; what was handed over is done, whether or not anybody still waits for it."""

    def __init__(self) -> None:
        self.writer = ThreadPoolExecutor(1, thread_name_prefix="sqlite-writer")
        self.reader = ThreadPoolExecutor(1, thread_name_prefix="sqlite-reader")

    async def run(self, thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        try:
            future = asyncio.get_running_loop().run_in_executor(thread, work)
        except RuntimeError as cause:  # the thread was stopped
            raise Unavailable(AWAY) from cause
        return await asyncio.shield(future)

    def stop(self) -> None:
        self.writer.shutdown(wait=False)
        self.reader.shutdown(wait=False)


def _open_writer(path: Path, migrations: Sequence[Migration], target: int | None) -> sqlite3.Connection:
    _create(path)
    conn = _connect(path, readonly=False)
    try:
        conn.execute("BEGIN IMMEDIATE")
        migrate_sqlite(conn, migrations, target)
        conn.execute("COMMIT")
    except BaseException as cause:
        if isinstance(cause, sqlite3.Error) and sqlite_lost(cause):
            _leave_open(conn)
        else:
            conn.close()
        raise
    return conn


def _leave_open(conn: sqlite3.Connection) -> None:
    """Closing would sync the log once more: leave that to the kernel when the process ends."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(conn))


def _create(path: Path) -> None:
    """For our eyes only, and its name durable before anything is.

    A file that is there is not touched: closing any descriptor of it would drop the locks of this process's other
    connections (fcntl(2)), and another process, thinking itself the last one, would then delete the log under them.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _connect(path: Path, *, readonly: bool) -> sqlite3.Connection:
    conn = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    try:
        if readonly:
            conn.execute("PRAGMA query_only=ON")
        else:
            _set_wal(conn)
            conn.execute("PRAGMA synchronous=FULL")
            conn.execute(f"PRAGMA journal_size_limit={LOG_SIZE_LIMIT}")
    except BaseException:
        conn.close()
        raise
    return conn


def _set_wal(conn: sqlite3.Connection) -> None:
    """The change to WAL does not obey the busy timeout when several processes make it at once."""
    deadline = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            conn.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as cause:
            if time.monotonic() > deadline or not (cause.sqlite_errorname or "").startswith("SQLITE_BUSY"):
                raise
            time.sleep(0.02)
