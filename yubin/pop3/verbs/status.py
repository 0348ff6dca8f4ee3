"""STAT, and the verbs that do nothing or undo: NOOP, RSET (RFC 1939 5)."""

from __future__ import annotations

from yubin.pop3.command import nothing
from yubin.pop3.dialogue import Dialogue


def stat(d: Dialogue, argument: str) -> None:
    """Marked messages are not counted; exactly two numbers, for clients that read no further."""
    nothing(argument)
    d.ok(f"{d.maildrop.count} {d.maildrop.octets}")


def noop(d: Dialogue, argument: str) -> None:
    nothing(argument)
    d.ok("Done")


def rset(d: Dialogue, argument: str) -> None:
    """Unmarks what DELE has marked."""
    nothing(argument)
    d.maildrop.deleted.clear()
    d.ok(f"{d.maildrop.count} messages ({d.maildrop.octets} octets)")
