r"""Many letters in one file (RFC 4155, mbox(5)), read as it is found in the world; mboxrd.py writes it.

A letter begins with a From_ line, which says the envelope sender and a date in UTC, and ends with an empty line. Lines
of a letter that look like a From_ line, quoted or not, get one ">" more; in mboxo only unquoted ones do, so that its
reader takes ">From " alone back. Content-Length is not believed. A From_ line is one with a date, wherever it stands,
or behind an empty line one with an address, "-" or nothing.

Letters are kept with CRLF line ends, a file has LF: each turns into the other and back without a loss. What we write
begins with ``Status``, ``X-Status`` and ``X-Keywords``, in this order and always all three, which other programs know,
and which are taken away again. A letter with other line ends, or without a last one, is written octet by octet, and
those three lines end in CRLF to say so. Of other programs' files the same three are taken from anywhere in the header,
and every line end becomes CRLF.

``letters`` holds one letter at a time, and passes over those above a limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from yubin.errors import Invalid
from yubin.mail import date

LINE = 1000  # octets of a From_ line
_MONTH = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_ZONE = r"(?: +([A-Z]{1,5}|[+-]\d{4}))?"
_DATE = re.compile(
    rf" ({_MONTH}) +(\d{{1,2}}) +(\d{{1,2}}:\d\d(?::\d\d)?){_ZONE} +(\d{{4}}){_ZONE}\s*$".encode()
)
_UNDATED = re.compile(rb"From (?:-|\S+@\S+)?\s*")
_OURS = re.compile(rb"Status: (R?)O(\r?)\nX-Status: ([ADFT]*)\2\nX-Keywords:([^\r\n]*)\2\n")
_THEIRS = re.compile(
    rb"^(?:(Status):[ \t]*([ROD]*)|(X-Status):[ \t]*([ADFTN]*)|(X-Keywords):([^\r\n]*))[ \t]*\r?\n",
    re.IGNORECASE | re.MULTILINE,
)
HEADER_END = re.compile(rb"^\r?\n", re.MULTILINE)
MARKS = {  # of X-Status
    "A": "\\Answered",
    "F": "\\Flagged",
    "D": "\\Deleted",
    "T": "\\Draft",
}


class Quoting(Enum):
    """What the reader takes back."""

    MBOXRD = re.compile(rb"^>(?=>*From )", re.MULTILINE)
    MBOXO = re.compile(rb"^>(?=From )", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Letter:
    """``received`` is the date of the From_ line, Unix seconds; ``number`` counts from 1, ``offset`` octets of the file."""

    raw: bytes
    received: float | None
    flags: frozenset[str]
    number: int
    offset: int


@dataclass(frozen=True, kw_only=True)
class Broken:
    """One that was passed over."""

    number: int
    offset: int
    why: str


def letters(
    chunks: Iterable[bytes], *, limit: int, quoting: Quoting = Quoting.MBOXRD
) -> Iterator[Letter | Broken]:
    """``limit`` in octets of one letter as it stands in the file. Raises Invalid for what is no mbox."""
    for number, (offset, size, text) in enumerate(_cut(chunks, limit), 1):
        if text is None:
            yield Broken(number=number, offset=offset, why=f"it has {size} octets, the most is {limit}")
        else:
            yield _letter(text, number, offset, quoting)


def _cut(chunks: Iterable[bytes], limit: int) -> Iterator[tuple[int, int, bytes | None]]:
    """Offset, size, and From_ line with letter, or None for one above the limit."""
    held = bytearray()
    offset, passed = 0, 0  # of the letter; octets of it that are gone
    seen = 0  # octets of ``held`` that were looked at
    for chunk in chunks:
        held += chunk
        if not offset and not passed and not held.startswith(b"From "):
            held = held.lstrip(b"\r\n")
            if not held.startswith(b"From "[: len(held)]):
                raise Invalid("it does not begin with a From_ line: this is no mbox")
        while (at := _next(held, seen)) >= 0:
            size, begin = passed + at, offset
            text = _begin(held, at) if size <= limit else None
            del held[:at]
            offset, passed, seen = begin + size, 0, 1
            yield begin, size, text
        seen = max(seen, len(held) - LINE)
        if len(held) > limit + LINE:
            gone = len(held) - LINE
            passed, seen = passed + gone, max(0, seen - gone)
            del held[:gone]
    if held:
        size = passed + len(held)
        yield offset, size, bytes(held) if size <= limit else None


def _begin(held: bytearray, size: int) -> bytes:
    """Copied once."""
    with memoryview(held) as whole, whole[:size] as part:
        return bytes(part)


def _next(held: bytearray, seen: int) -> int:
    """Where the next From_ line begins; -1 where that cannot be told yet."""
    at = held.find(b"\nFrom ", max(0, seen - 1))
    while at >= 0:
        end = held.find(b"\n", at + 1, at + LINE)
        if end >= 0 and _separates(bytes(held[at + 1 : end]), held[max(0, at - 2) : at]):
            return at + 1
        at = held.find(b"\nFrom ", at + 1)
    return -1


def _separates(line: bytes, before: bytes | bytearray) -> bool:
    if _DATE.search(line):
        return True
    return before.endswith((b"\n", b"\n\r")) and _UNDATED.fullmatch(line) is not None


def _letter(text: bytes, number: int, offset: int, quoting: Quoting) -> Letter:
    begin = text.find(b"\n") + 1 or len(text)
    ours = _OURS.match(text, begin)
    raw, flags = _exactly(text, ours, quoting) if ours else _leniently(text[begin:], quoting)
    return Letter(raw=raw, received=_when(text[:begin]), flags=flags, number=number, offset=offset)


def _exactly(text: bytes, ours: re.Match[bytes], quoting: Quoting) -> tuple[bytes, frozenset[str]]:
    raw = quoting.value.sub(b"", text[ours.end() :])
    flags = _flags(ours[1] + ours[3], ours[4])
    if ours[2]:
        return raw.removesuffix(b"\r\n"), flags
    return with_crlf(raw.removesuffix(b"\n")), flags


def _leniently(rest: bytes, quoting: Quoting) -> tuple[bytes, frozenset[str]]:
    raw = quoting.value.sub(b"", rest)
    for ending in (b"\r\n", b"\n"):
        if raw == ending or raw.endswith(b"\n" + ending):
            raw = raw.removesuffix(ending)
            break
    end = HEADER_END.search(raw)
    header, body = (raw[: end.start()], raw[end.start() :]) if end else (raw, b"")
    marks, keywords = b"", b""
    for m in _THEIRS.finditer(header):
        marks += (m[2] or b"").replace(b"D", b"") + (m[4] or b"")
        keywords += m[6] or b""
    return with_crlf(_THEIRS.sub(b"", header) + body), _flags(marks, keywords)


def with_crlf(raw: bytes) -> bytes:
    """Every line end; a CR alone is none."""
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _flags(marks: bytes, keywords: bytes) -> frozenset[str]:
    known = {flag for mark, flag in MARKS.items() if mark.encode() in marks.upper()}
    seen = {"\\Seen"} if b"R" in marks.upper() else set()
    return frozenset(known | seen | set(keywords.decode("utf-8", "replace").split()))


def _when(line: bytes) -> float | None:
    """Without a zone it is UTC."""
    m = _DATE.search(line)
    if m is None:
        return None
    month, day, clock, before, year, behind = (part.decode() if part else "" for part in m.groups())
    return date.parse(f"{day} {month} {year} {clock} {before or behind}".strip())
