"""Octets that were fed and not yet read. A line ends with CRLF; a bare LF is taken for one too."""

from __future__ import annotations

from yubin.imap.flaw import Flaw


class Held:
    def __init__(self) -> None:
        self._octets = bytearray()
        self._searched = 0  # no end of a line before this

    def __len__(self) -> int:
        return len(self._octets)

    def feed(self, octets: bytes) -> None:
        self._octets += octets

    def line_end(self) -> int:
        """Where the next LF is; -1 when it has not come."""
        end = self._octets.find(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._octets)
        return end

    def line(self, room: int) -> bytes | None:
        """The next line without its end; None: it has not come. Raises Flaw when it is longer (CASES H4)."""
        end = self.line_end()
        if (end if end >= 0 else len(self._octets)) > room:
            raise Flaw("The line is too long", code="LIMIT")
        return self.take(end + 1)[:-1].removesuffix(b"\r") if end >= 0 else None

    def begin(self, most: int) -> bytes:
        """A look at the first octets."""
        return bytes(self._octets[:most])

    def take(self, count: int) -> bytes:
        taken = bytes(memoryview(self._octets)[:count])
        del self._octets[:count]
        self._searched = 0
        return taken

    def clear(self) -> None:
        self._octets.clear()
        self._searched = 0
