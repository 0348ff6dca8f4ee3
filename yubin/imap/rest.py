"""What is read and thrown away: the rest of a command that is refused, its non-synchronizing literals included.

So that none of it is taken for the next command (RFC 7888 4), and no more than a bound is read for it (CASES H2).
"""

from __future__ import annotations

from yubin.imap.flaw import Flaw
from yubin.imap.gathering import TAIL, announcement
from yubin.imap.held import Held


class Rest:
    """Begins with ``octets`` of a literal, then comes a line."""

    def __init__(self, octets: int, bound: int) -> None:
        self._left, self._room = octets, bound - octets
        self._tail = b""
        self._ended = False

    def read(self, held: Held) -> bool:
        """True: the command has ended; False: more octets are needed. Raises Flaw above the bound."""
        while not self._ended:
            waits = not self._literal(held) or not self._line(held)
            if self._room < 0:
                raise Flaw("The command is too long", code="TOOBIG")
            if waits:
                return False
        return True

    def _literal(self, held: Held) -> bool:
        """False when more of it has to come."""
        self._left -= len(held.take(min(self._left, len(held))))
        return not self._left

    def _line(self, held: Held) -> bool:
        """False when its end has to come. Who waits for ``+`` sees BAD or NO instead, and has ended the command."""
        end = held.line_end()
        taken = held.take(end + 1 if end >= 0 else len(held))
        self._room -= len(taken)
        self._tail = (self._tail + taken)[-TAIL:]
        if end < 0:
            return False
        found = announcement(self._tail.removesuffix(b"\n").removesuffix(b"\r"))
        self._tail = b""
        if found is None or found.sync:
            self._ended = True
        else:
            self._left, self._room = found.size, self._room - found.size
        return True
