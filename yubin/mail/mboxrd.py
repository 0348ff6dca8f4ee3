"""One letter as it stands in an mbox file, written in pieces; mbox.py says how, and reads it.

``Writing`` holds a few octets only. Whoever has a letter in pieces asks ``Tidy`` first, and reads it twice.
"""

from __future__ import annotations

import re
import time

from yubin.mail.mbox import HEADER_END, MARKS

LAST = 253_402_300_799.0  # the last second that has a year of four digits
_QUOTABLE = re.compile(rb"^(>*)(?=From )", re.MULTILINE)
_RETURN_PATH = re.compile(rb"^Return-Path:[ \t]*<([^<>\s]{1,500})>", re.IGNORECASE | re.MULTILINE)
_BEGUN = (b"F", b"Fr", b"Fro", b"From")


class Tidy:
    """Whether a letter that comes in pieces has CRLF line ends only, and one at its end."""

    def __init__(self) -> None:
        self._so_far, self._rest, self._ended = True, b"", True

    def piece(self, data: bytes) -> None:
        data = self._rest + data
        self._rest = b"\r" if data.endswith(b"\r") else b""
        data = data[: len(data) - len(self._rest)]
        if data:
            self._ended = data.endswith(b"\n")
        self._so_far = self._so_far and data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r")

    def __bool__(self) -> bool:
        return self._so_far and not self._rest and self._ended


def tidy(raw: bytes) -> bool:
    found = Tidy()
    found.piece(raw)
    return bool(found)


class Writing:
    """One letter in pieces, the first of which holds its header. ``as_text``: what Tidy says of the whole of it."""

    def __init__(self, *, received: float, flags: frozenset[str], as_text: bool) -> None:
        self._received, self._flags, self._as_text = received, flags, as_text
        self._begun, self._at_start, self._held = False, True, b""

    def piece(self, data: bytes) -> bytes:
        front = b"" if self._begun else self._front(data)
        self._begun = True
        if self._as_text:  # every CR stands before an LF
            data = data.replace(b"\r", b"")
        return front + self._quoted(self._held + data)

    def end(self) -> bytes:
        front = b"" if self._begun else self._front(b"")
        return front + self._held + (b"\n" if self._as_text else b"\r\n")

    def _front(self, data: bytes) -> bytes:
        m = _RETURN_PATH.search(data[: _end_of_header(data)])
        sender = m[1] if m else b"MAILER-DAEMON"
        marks = "".join(mark for mark, flag in MARKS.items() if flag in self._flags)
        keywords = sorted(f for f in self._flags if not f.startswith("\\") and f.split() == [f])
        seen = "R" if "\\Seen" in self._flags else ""
        lines = (f"Status: {seen}O", f"X-Status: {marks}", " ".join(("X-Keywords:", *keywords)))
        end = "\n" if self._as_text else "\r\n"
        return b"From %s %s\n" % (sender, _asctime(self._received)) + "".join(
            line + end for line in lines
        ).encode("utf-8", "replace")

    def _quoted(self, data: bytes) -> bytes:
        """What may become a From_ line with the next piece is held; a run of ">" may go, the new one joins it."""
        start = data.rfind(b"\n") + 1
        open_ = start > 0 or self._at_start
        last = data[start:].lstrip(b">") if open_ else b"x"
        self._held = last if last in _BEGUN else b""
        data = data[: len(data) - len(self._held)]
        quoted = _quote(data, self._at_start)
        self._at_start = not last or bool(self._held)
        return quoted


def write(raw: bytes, *, received: float, flags: frozenset[str]) -> bytes:
    """A whole letter, as it stands in the file."""
    writing = Writing(received=received, flags=flags, as_text=tidy(raw))
    return writing.piece(raw) + writing.end()


def _quote(data: bytes, at_start: bool) -> bytes:
    if b"From " not in data:
        return data
    if at_start:
        return _QUOTABLE.sub(rb"\1>", data)
    first, end, rest = data.partition(b"\n")
    return first + end + _QUOTABLE.sub(rb"\1>", rest)


def _end_of_header(data: bytes) -> int:
    m = HEADER_END.search(data)
    return m.start() if m else len(data)


def _asctime(received: float) -> bytes:
    """In UTC, whatever the locale."""
    return time.asctime(time.gmtime(min(max(received, 0.0), LAST))).encode()
