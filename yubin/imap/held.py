"""Octets that were fed and not yet read."""

from __future__ import annotations


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
