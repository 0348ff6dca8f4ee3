"""The header section of a letter (RFC 5322 2.2), found in one bounded, linear pass over its bytes.

``scan`` takes one field at a time with a possessive regular expression: a name, a colon, and everything up to the
first line end that no white space follows. Nothing is decoded and nothing is changed; a field knows its offsets, so
that a letter can be cut and completed without a copy of the rest. The section ends at the empty line, or, as in
Postfix, at the first line that is not a field (``closed`` is False then: whoever sends the letter on puts the missing
empty line in, and all readers agree about where the body begins). A line feed ends a line with or without a carriage
return before it: reception refuses bare ones, and a scanner that sees them as a lenient reader would is not fooled.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from yubin.errors import TooBig
from yubin.mail.mailboxes import mailboxes

__all__ = ["FIELD_LIMIT", "HEADER_LIMIT", "Field", "Headers", "mailboxes", "scan", "unfold"]

HEADER_LIMIT = 256 * 1024  # bytes of the whole section; Postfix cuts at 100 KiB, Exchange refuses above 256
FIELD_LIMIT = 2000

_FIELD = re.compile(rb"([!-9;-~]++)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)(?:\n|\Z)")
_FOLD = re.compile(rb"\r?\n(?=[ \t])")


class Field(NamedTuple):
    """``name`` in lower case; ``value`` as it stands behind the colon, folds and all; a tuple because it is made fast.

    ``start`` is the offset of the name, ``end`` that of the first byte behind the field's last line end.
    """

    name: str
    value: bytes
    start: int
    end: int

    @property
    def text(self) -> bytes:
        return unfold(self.value)


class Headers(NamedTuple):
    """``end`` is the offset behind the last field, ``body`` that of the first byte of the body."""

    fields: tuple[Field, ...]
    end: int
    body: int
    closed: bool

    def first(self, name: str) -> Field | None:
        wanted = name.lower()
        return next((field for field in self.fields if field.name == wanted), None)

    def all(self, name: str) -> list[Field]:
        wanted = name.lower()
        return [field for field in self.fields if field.name == wanted]


def unfold(value: bytes) -> bytes:
    """RFC 5322 2.2.3: line ends that white space follows go; the ends are trimmed."""
    return _FOLD.sub(b"", value).strip(b" \t\r\n")


def scan(raw: bytes | memoryview, limit: int = HEADER_LIMIT, fields: int = FIELD_LIMIT) -> Headers:
    """Every field of the header section; raises TooBig (552 5.3.4) above ``limit`` bytes or ``fields`` fields."""
    found: list[Field] = []
    match, position, bound = _FIELD.match, 0, min(len(raw), limit + 2)
    while (m := match(raw, position, bound)) is not None:
        if len(found) == fields:
            raise TooBig(f"the header has more than {fields} fields", enhanced="5.3.4")
        value = m[2]
        if value.endswith(b"\r"):
            value = value[:-1]
        position = m.end()
        found.append(Field(m[1].decode("ascii").lower(), value, m.start(), position))
    rest = bytes(raw[position : position + 2])
    gap = 2 if rest == b"\r\n" else 1 if rest.startswith(b"\n") else 0
    cut = not gap and b"\n" not in bytes(raw[position:bound])  # the limit cuts a line in two
    if len(raw) > bound and (position > limit or cut):
        raise TooBig(f"the header section is larger than {limit} bytes", enhanced="5.3.4")
    return Headers(tuple(found), position, position + gap, closed=gap > 0)
