"""What a client has sent and nobody has read yet, as command lines, at every cut of the network the same.

A line ends with CRLF; a bare LF is taken for one too, as other servers do: a command carries no text of others, so
that nothing can hide behind it. What is longer than a line of its kind is thrown away as it comes and reported when it has
ended, so that a client costs no more memory than that: 64 KiB for AUTH and for what answers a challenge (10,000 strangers:
640 MiB at most, until their login time is over), and for all else little.
"""

from __future__ import annotations

from yubin.errors import Invalid

LINE_LIMIT = 255  # octets of a command, CRLF included (RFC 2449 4)
JUNK_LIMIT = 12288  # of what no command is; it is thrown away from there on
AUTH_LIMIT = 64 * 1024  # of AUTH and of what answers a challenge (RFC 5034 4: as much as the mechanisms need)
_AUTH = b"AUTH "


class Lines:
    """``answers``: the next line answers a challenge."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._searched = 0
        self._lost = False  # the beginning of the present line was thrown away
        self.answers = False

    def feed(self, data: bytes) -> None:
        self._held += data

    def __len__(self) -> int:
        return len(self._held)

    def clear(self) -> None:
        self._held.clear()
        self._searched, self._lost = 0, False

    def line(self) -> bytes | None:
        """The next line without its end; None when it is not yet whole. Raises Invalid for one that was too long."""
        if not self._held:
            return None
        end = self._held.find(b"\n", self._searched)
        if end < 0:
            self._wait()
            return None
        lost = self._lost or self._full(end)
        line = bytes(self._held[:end])
        del self._held[: end + 1]
        self._searched, self._lost = 0, False
        if lost:
            raise Invalid("The line is too long")
        return line.removesuffix(b"\r")

    def _wait(self) -> None:
        if self._full(len(self._held)):
            self._lost = True
            self._held.clear()
        self._searched = len(self._held)

    def _full(self, octets: int) -> bool:
        """So many are too many for the present line, of which the beginning is held."""
        return octets >= JUNK_LIMIT and octets >= self._room()

    def _room(self) -> int:
        """Octets of the present line. What is left of a line that was lost is no AUTH, whatever it looks like."""
        auth = not self._lost and self._held[: len(_AUTH)].upper() == _AUTH
        return AUTH_LIMIT if self.answers or auth else JUNK_LIMIT
