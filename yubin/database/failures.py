"""What the databases' errors mean to the rest of us: one table for each, and one failure that they add.

A full disk is ``Unavailable`` 452 4.3.1 and passes; a lost connection, a busy file or an input/output error is
``Unavailable`` 451 4.3.0. Whatever else a database says (a broken constraint, a wrong statement) is a fault of ours and
is raised as it came, so that a group can find the one row to blame.
"""

from __future__ import annotations

import sqlite3

import asyncpg

from yubin.errors import Unavailable

DISK_FULL = "the disk is full"
AWAY = "the database cannot be used now"


class CommitUnknown(Unavailable):
    """The connection went after the statement was sent: what it wrote may have been committed."""


_SQLITE_AWAY = (
    "SQLITE_BUSY",
    "SQLITE_LOCKED",
    "SQLITE_IOERR",
    "SQLITE_CANTOPEN",
    "SQLITE_READONLY",
    "SQLITE_PERM",
)
_SQLITE_LOST = ("SQLITE_IOERR_FSYNC", "SQLITE_IOERR_DIR_FSYNC", "SQLITE_CORRUPT", "SQLITE_NOTADB")
_POSTGRES_AWAY = (
    "08",  # connection
    "53",  # insufficient resources
    "57",  # operator intervention
    "58",  # system error
    "40",  # rolled back: serialization, deadlock
    "25006",  # a standby was asked to write
    "55P03",  # lock not available
)
_POSTGRES_GONE = ("08", "57P01", "57P02", "57P03")


def sqlite_lost(cause: sqlite3.Error) -> bool:
    """True when the file must not be used again before a restart (CASES A10): what fsync dropped is not written by the next."""
    return _sqlite_name(cause).startswith(_SQLITE_LOST)


def sqlite_failure(cause: sqlite3.Error) -> Exception:
    """The failure that stands for this error, or the error itself."""
    name = _sqlite_name(cause)
    if name.startswith("SQLITE_FULL"):
        return Unavailable(DISK_FULL, code=452, enhanced="4.3.1")
    if name.startswith(_SQLITE_AWAY + _SQLITE_LOST):
        return Unavailable(AWAY)
    return cause


def postgres_failure(cause: BaseException, *, sent: bool) -> BaseException:
    """``sent`` says that a statement that writes was on its way when the error came."""
    if isinstance(cause, asyncpg.PostgresError):
        state = cause.sqlstate or ""
        if state == "53100":
            return Unavailable(DISK_FULL, code=452, enhanced="4.3.1")
        if sent and state.startswith(_POSTGRES_GONE):
            return CommitUnknown(AWAY)
        return Unavailable(AWAY) if state.startswith(_POSTGRES_AWAY) else cause
    if isinstance(
        cause, asyncpg.DataError | ValueError
    ):  # an argument that does not fit; an InterfaceError too
        return cause
    if isinstance(cause, OSError | TimeoutError | asyncpg.InterfaceError | asyncpg.InternalClientError):
        return CommitUnknown(AWAY) if sent else Unavailable(AWAY)
    return cause


def _sqlite_name(cause: sqlite3.Error) -> str:
    return getattr(cause, "sqlite_errorname", None) or ""
