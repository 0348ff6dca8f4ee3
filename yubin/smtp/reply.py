"""Replies of an SMTP server (RFC 5321 4.2), read with bounded memory.

``feed`` takes bytes however the network cut them, ``next`` gives one whole reply or None. A stranger may send
anything: a line is kept to 2 KiB, a reply to 64 KiB and 100 lines, a NUL or a line that does not begin with a code ends
the conversation (``ProtocolViolation``). A bare LF ends a line, as every client allows. What a reply means is decided
by its first digit (RFC 5321 4.2.1); an enhanced status code (RFC 2034, RFC 3463) is believed only where its class
agrees with that digit. Text is made safe for logs and DSNs: one line of printable ASCII.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LINE_KEPT = 2048
REPLY_OCTETS = 64 * 1024
REPLY_LINES = 100
TEXT_KEPT = 500

_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?: +|$)")
_PRINTABLE = bytes(c if 0x20 <= c < 0x7F else 0x20 if c == 0x09 else 0x3F for c in range(256))


class ProtocolViolation(Exception):  # noqa: N818 - it says what the peer did
    """The peer does not speak SMTP, or speaks without end; the connection is of no more use."""


@dataclass(frozen=True, slots=True)
class Reply:
    """``lines`` are the texts behind the code, as sent."""

    code: int
    lines: tuple[bytes, ...]

    @property
    def digit(self) -> int:
        return self.code // 100

    @property
    def positive(self) -> bool:
        return self.code < 300

    @property
    def permanent(self) -> bool:
        return self.code >= 500

    @property
    def enhanced(self) -> str:
        """``class.subject.detail``; ``class.0.0`` when there is none or when it contradicts the reply code."""
        match = _ENHANCED.match(printable(self.lines[0]))
        if match is None or int(match[1]) != self.digit:
            return f"{self.digit}.0.0"
        return ".".join(match.groups())

    @property
    def text(self) -> str:
        """One printable line without the codes; "" when the peer said nothing."""
        stated = f"{self.enhanced} "
        texts = (f"{printable(line).strip()} ".removeprefix(stated) for line in self.lines[:10])
        return " ".join(" ".join(texts).split())[:TEXT_KEPT]

    def __str__(self) -> str:
        return f"{self.code} {self.enhanced} {self.text}".rstrip()


def printable(raw: bytes) -> str:
    """ASCII that is safe in a log line; everything else becomes a question mark."""
    return raw.translate(_PRINTABLE).decode("ascii")


class ReplyParser:
    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0  # no LF before this
        self._octets = 0  # of the unfinished reply's whole lines
        self._lines: list[bytes] = []

    @property
    def pending(self) -> bool:
        """True when bytes are left over."""
        return bool(self._buffer) or bool(self._lines)

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next(self) -> Reply | None:
        """The next whole reply; None when more bytes are needed; raises ProtocolViolation."""
        while (line := self._line()) is not None:
            match = _LINE.fullmatch(line)
            if match is None:
                raise ProtocolViolation(f"not a reply: {printable(line[:80])}")
            self._lines.append((match[3] or b"")[:LINE_KEPT])
            if match[2] != b"-":  # RFC 5321 4.2: the last line's code counts where lines disagree
                reply = Reply(int(match[1]), tuple(self._lines))
                self._lines.clear()
                self._octets = 0
                return reply
            if len(self._lines) >= REPLY_LINES:
                raise ProtocolViolation(f"a reply of more than {REPLY_LINES} lines")
        return None

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\n", self._scanned)
        length = len(self._buffer) if end < 0 else end + 1
        if self._octets + length > REPLY_OCTETS:
            raise ProtocolViolation(f"a reply of more than {REPLY_OCTETS} octets")
        if self._buffer.find(b"\0", 0 if end >= 0 else self._scanned, length) >= 0:
            raise ProtocolViolation("a NUL in a reply")
        if end < 0:
            self._scanned = length
            return None
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        del self._buffer[:length]
        self._scanned = 0
        self._octets += length
        return line
