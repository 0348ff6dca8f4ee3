"""One command while it comes: its lines, the literals of its strings, and how much of them is too much."""

from __future__ import annotations

import re
from dataclasses import dataclass

from yubin.imap.flaw import Flaw
from yubin.imap.limits import NONSYNC, Limits

HUGE = 2**64  # larger than number64: of a number with too many digits
TAIL = 64  # octets of the end of a line that an announcement is looked for in, where the line was thrown away
_ANNOUNCEMENT = re.compile(rb"\{([0-9]++)(\+?)\}")
_DIGITS = re.compile(rb"[0-9]++\+\}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Announcement:
    """``sync``: the client waits for ``+`` (RFC 9051 4.3)."""

    size: int
    sync: bool


def announcement(line: bytes) -> Announcement | None:
    """Of the literal that comes behind the line, whatever else is in the line; of a cut line's end also."""
    if not line.endswith(b"}"):
        return None
    start = line.rfind(b"{")
    if start < 0:
        return Announcement(size=HUGE, sync=False) if _DIGITS.fullmatch(line) else None
    found = _ANNOUNCEMENT.fullmatch(line, start)
    if found is None:
        return None
    digits = found[1].lstrip(b"0") or b"0"
    return Announcement(size=int(digits) if len(digits) < 20 else HUGE, sync=not found[2])


class Gathering:
    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._octets = bytearray()
        self._lines = self._literals = self._count = 0

    def room(self, logged_in: bool) -> int:
        """For the next line."""
        if logged_in:
            return self._limits.line - self._lines
        return self._limits.before_login - self._lines - self._literals

    def text(self, line: bytes = b"") -> bytes:
        """All of it, with the line that came last; its literals lie where they were announced."""
        return bytes(self._octets + line) if self._octets else line

    def announce(self, line: bytes, found: Announcement, logged_in: bool) -> None:
        """Makes room for a literal. Raises Flaw where there is none (CASES H1, H2)."""
        room = self._limits.literal - self._literals if logged_in else self.room(False) - len(line)
        if found.size > room:
            raise Flaw("The literal is too large", code="TOOBIG")
        if not logged_in and not found.sync and found.size > NONSYNC:  # RFC 7888 5
            raise Flaw(f"A non-synchronizing literal has at most {NONSYNC} octets here", code="TOOBIG")
        if self._count == self._limits.literals:
            raise Flaw("The command has too many literals", code="LIMIT")
        self._octets += line
        self._octets += b"\r\n"
        self._lines += len(line) + 2
        self._literals += found.size
        self._count += 1

    def literal(self, octets: bytes) -> None:
        self._octets += octets
