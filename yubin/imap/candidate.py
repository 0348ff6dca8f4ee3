"""A letter as SEARCH looks at it: what is known of it so far, as folded text, made when it is first asked for.

``Known`` grows with what was read: a row, then the letter's header or all of it. What is not known is None, and the test
that asked stays open (yubin.imap.search). Text is folded for comparison (yubin.mail.folding) with its white space made
single spaces, so that what a line end divides is found too.
"""

from __future__ import annotations

import re
from functools import lru_cache

from yubin.imap.attributes import Row
from yubin.mail import date, fields, mime, structure, summary, words
from yubin.mail.encoded import display
from yubin.mail.folding import fold
from yubin.mail.header import Field
from yubin.mail.summary import ADDRESSES, TEXT_LIMIT, Summary

_FIRST = re.compile(rb'\((?:"((?:[^"\\]|\\.)*+)"|NIL)')
_USUAL = re.compile(  # a Date as nearly everybody writes it: (day) (time) zone
    rb'\("(?:[A-Z][a-z]{2}, )?(\d{1,2} [A-Z][a-z]{2} \d{4}) ([01]\d|2[0-3]):([0-5]\d):([0-5]\d) [+-]\d{4}"'
)
_ESCAPE = re.compile(rb"\\(.)")
_ZONE = re.compile(r"\s*(?:[+-]\d{4}|(?<=[\s\d])[A-Za-z]{1,5})?\s*(?:\([^()]*\)\s*)?\Z")
_SHOWN = {"SUBJECT": "subject", "FROM": "from_", "TO": "to", "CC": "cc", "BCC": "bcc"}


def normal(text: str) -> str:
    return " ".join(fold(text).split())


class Known:
    """``raw``: the letter, or with ``header_only`` its beginning to the end of the header."""

    __slots__ = ("_body", "_fields", "_header", "_shown", "_summary", "header_only", "raw", "row")

    def __init__(self, row: Row, raw: bytes | None = None, *, header_only: bool = False) -> None:
        self.row, self.raw, self.header_only = row, raw, header_only
        self._summary: Summary | None = None
        self._shown: dict[str, str | None] = {}
        self._fields: tuple[Field, ...] | None = None
        self._header: str | None = None
        self._body: str | None = None

    def shown(self, where: str) -> str | None:
        """SUBJECT, FROM, TO, CC or BCC from the summary; None where that was cut short."""
        if where not in self._shown:
            if self._summary is None:
                self._summary = summary.unpack(self.row.summary)
            text: str = getattr(self._summary, _SHOWN[where])
            cut = len(text) >= TEXT_LIMIT if where == "SUBJECT" else text.count(",") >= ADDRESSES - 1
            self._shown[where] = None if cut else normal(text)
        return self._shown[where]

    def field(self, name: str) -> list[str] | None:
        """Each field of a name in lower case (RFC 3501 6.4.4 HEADER)."""
        found = self._all_fields()
        return None if found is None else [normal(display(one.value)) for one in found if one.name == name]

    def header(self) -> str | None:
        found = self._all_fields()
        if found is None:
            return None
        if self._header is None:
            self._header = normal("\n".join([f"{one.name}: {display(one.value)}" for one in found]))
        return self._header

    def body(self) -> str | None:
        """What a reader sees of all parts: texts, names of attachments, headers of letters inside (RFC 9051 6.4.4 BODY)."""
        if self.raw is None or self.header_only:
            return None
        if self._body is None:
            packed = self.row.structure
            root = structure.unpack(packed) if packed else mime.parse(self.raw)
            self._body = normal("\n".join(words.texts(self.raw, root)))
        return self._body

    def message_id(self) -> str | None:
        """The field's text from the ENVELOPE; None where it is written in an unusual way."""
        known = self.row.envelope
        if known.endswith(b" NIL)"):
            return ""
        start = known.rfind(b'"', 0, -2)
        plain = known.endswith(b'")') and start > 0 and known[start - 1] == 32 and b"\\" not in known[start:]
        return known[start + 1 : -2].decode("latin-1") if plain else None

    def sent(self) -> float | None:
        """The Date field's day in its own zone (RFC 3501 6.4.4: time and zone are disregarded), as seconds; None: no date."""
        usual = _USUAL.match(self.row.envelope)
        if usual is not None and (day := _midnight(usual[1])) is not None:
            return day + int(usual[2]) * 3600 + int(usual[3]) * 60 + int(usual[4])
        text = _string(_FIRST.match(self.row.envelope))
        if not text:
            return None
        local = date.parse(_ZONE.sub("", text[:200]))
        return date.parse(text) if local is None else local

    def _all_fields(self) -> tuple[Field, ...] | None:
        if self._fields is None and self.raw is not None:
            self._fields = fields.read(self.raw).fields
        return self._fields


@lru_cache(1024)
def _midnight(day: bytes) -> float | None:
    """Most letters share their day with others."""
    return date.parse(day.decode("ascii") + " 00:00")


def _string(found: re.Match[bytes] | None) -> str | None:
    """Of a quoted string; "" for NIL."""
    if found is None:
        return None
    return _ESCAPE.sub(rb"\1", found[1] or b"").decode("latin-1")
