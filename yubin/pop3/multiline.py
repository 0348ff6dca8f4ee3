r"""Multi-line responses (RFC 1939 3): stored octets, in pieces however they were cut, into lines that end with CRLF.

``Stuffing`` makes of a bare CR or LF a CRLF (what is taken for a line end by some and not by others is how text gets out
of a letter), ends the last line, doubles a dot that begins a line, and puts the final dot. No loop over lines: finding
and replacing are done by the C code of ``bytes``. A CR at the end of a piece waits for the next, so that CRLF is never
cut, in what comes out as little as in what goes in. ``Top`` ends such a stream some lines behind the header.
"""

from __future__ import annotations

import re

END = b".\r\n"
_BARE = re.compile(rb"\r\n|\r|\n")


class Stuffing:
    def __init__(self) -> None:
        self._cr = False  # the last piece ended with a CR
        self._fresh = True  # what comes next begins a line

    def feed(self, piece: bytes) -> bytes:
        if not piece:
            return b""
        if self._cr:
            piece = b"\r" + piece
        self._cr = piece.endswith(b"\r")
        if self._cr:
            piece = piece[:-1]
        if piece.replace(b"\r", b"").replace(b"\n", b"\r\n") != piece:  # half of what looking for CRLF costs
            piece = _BARE.sub(b"\r\n", piece)
        return self._stuffed(piece)

    def _stuffed(self, piece: bytes) -> bytes:
        """RFC 1939 3: "byte-stuffed"."""
        if not piece:
            return b""
        piece = piece.replace(b"\r\n.", b"\r\n..")  # by now there is a CR before each LF
        if self._fresh and piece.startswith(b"."):
            piece = b"." + piece
        self._fresh = piece.endswith(b"\n")
        return piece

    def end(self) -> bytes:
        """The end of the last line, and the line that ends the response."""
        return END if self._fresh and not self._cr else b"\r\n" + END


class Top:
    """The header, the empty line, and the first lines of the body (RFC 1939 7). Pieces are those of ``Stuffing``.

    Stored octets that end with a CR lack their last line end, as in ``Stuffing``, whose ``end`` gives it.
    """

    def __init__(self, lines: int) -> None:
        self._left = lines
        self._header = True
        self._fresh = True
        self.done = False

    def feed(self, piece: bytes) -> bytes:
        """What of it belongs to the answer; ``done`` when nothing behind it does."""
        if not self._header:
            return self._body(piece, 0)
        end = self._header_end(piece)
        self._fresh = piece.endswith(b"\n") if piece else self._fresh
        if end < 0:
            return piece
        self._header = False
        return self._body(piece, end)

    def _header_end(self, piece: bytes) -> int:
        """Where the body begins; -1 when not in this piece."""
        if self._fresh and piece.startswith(b"\r\n"):
            return 2
        found = piece.find(b"\n\r\n")
        return found + 3 if found >= 0 else -1

    def _body(self, piece: bytes, start: int) -> bytes:
        inside = piece.count(b"\n", start)
        if inside < self._left:
            self._left -= inside
            return piece
        rest = piece[start:].split(b"\n", self._left)[-1]
        self._left, self.done = 0, True
        return piece[: len(piece) - len(rest)]
