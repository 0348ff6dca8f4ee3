"""What a client has sent and nobody has read yet: command lines, letters after DATA, chunks of BDAT.

Octets go in with ``feed`` however the network cut them, and come out the same whole things at every cut:

- a command ends at CRLF and nowhere else; a bare LF raises at once, so that nothing behind it is ever a command;
- a letter ends at the first CRLF "." CRLF and nowhere else (RFC 5321 4.1.1.4; CASES E1). The CRLF may be the one that
  ended the DATA command: it is put back in front, and the letter found by one search for five octets. Each search
  begins where the last one stopped;
- what is above a limit is counted, thrown away as it comes, and reported when it has ended: a client is always read
  to the end of its letter, and never costs more memory than the limit.
"""

from __future__ import annotations

from yubin.errors import Invalid

HOLD = 64 * 1024  # the longest thing without a line end that is held (CASES E9)
_END = b"\r\n.\r\n"


class TooLong(Invalid):
    """``HOLD`` octets and no line end: not a client worth talking to."""


class Incoming:
    def __init__(self) -> None:
        self._held = bytearray()
        self._searched = 0
        self._lost = 0  # octets of the present letter that were thrown away

    def feed(self, data: bytes) -> None:
        self._held += data

    def __len__(self) -> int:
        return len(self._held)

    def clear(self) -> None:
        self._held.clear()
        self._searched = 0

    def line(self) -> bytes | None:
        """The next command line without its CRLF; None when it is not yet whole.

        Raises Invalid (500 5.5.2) for a bare LF and TooLong: after either, the stream means nothing any more.
        """
        held = self._held
        end = held.find(b"\n", self._searched)
        if end < 0:
            if len(held) > HOLD:
                raise TooLong("Line too long", code=500, enhanced="5.5.2")
            self._searched = len(held)
            return None
        if end == 0 or held[end - 1] != 13:
            raise Invalid("A line ends with CRLF, not with a bare LF", code=500, enhanced="5.5.2")
        line = bytes(memoryview(held)[: end - 1])
        self._drop(end + 1)
        return line

    def begin(self) -> None:
        """DATA was said: what follows is a letter."""
        self._held[0:0] = b"\r\n"
        self._searched = 0
        self._lost = 0

    def letter(self, limit: int) -> bytes | None:
        """The letter as it was sent, dots still stuffed; None when it is not yet whole, b"" … see ``lost``.

        Above ``limit`` octets it is thrown away as it comes; the answer is then b"" with ``lost`` set.
        """
        held = self._held
        end = held.find(_END, self._searched)
        if end < 0:
            if self._lost or len(held) > limit + 2 + len(_END):
                self._lose(max(0, len(held) - len(_END) + 1))
            self._searched = max(0, len(held) - len(_END) + 1)
            return None
        if self._lost or end > limit:
            self._lose(end)
            self._drop(len(_END))
            return b""
        letter = bytes(memoryview(held)[2 : end + 2])
        self._drop(end + len(_END))
        return letter

    @property
    def lost(self) -> int:
        """How many octets of the letter that just ended were thrown away."""
        return self._lost

    def peek(self, most: int) -> bytes:
        """The first octets, up to ``most`` of what is there; they stay."""
        return bytes(memoryview(self._held)[:most])

    def take(self, most: int) -> bytes:
        """Up to ``most`` octets of a chunk (RFC 3030), whatever is there."""
        taken = bytes(memoryview(self._held)[:most])
        self._drop(len(taken))
        return taken

    def _drop(self, count: int) -> None:
        del self._held[:count]
        self._searched = 0

    def _lose(self, count: int) -> None:
        self._lost += count
        self._drop(count)
