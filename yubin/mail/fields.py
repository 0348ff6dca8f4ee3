"""The header section of a letter, or of a part, as a reader must take it: whatever stands there, something is read.

``header.scan`` is for what goes out, and refuses; this is for what has come in, and refuses nothing. A line that is no
field (no colon, a space in its name, ">From …") is passed over and the section goes on to its empty line, as in Dovecot.
What lies beyond ``HEADER_LIMIT`` bytes or ``FIELD_LIMIT`` lines of a section is not looked at, a field that the limit
cuts in two counts with what it has; then only the empty line is searched for. One pass, and possessive patterns.
"""

from __future__ import annotations

import re

from yubin.mail.header import FIELD_LIMIT, HEADER_LIMIT, Field, Headers

_FIELD = re.compile(rb"([!-9;-~]++)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*)(?:\n|\Z)")
_JUNK = re.compile(rb"(?:(?!\r?\n|[!-9;-~]++[ \t]*+:)[^\n]*+(?:\n|\Z))+")
_EMPTY = re.compile(rb"\n\r?\n")

_BOM = b"\xef\xbb\xbf"


def read(raw: bytes, start: int = 0, bound: int | None = None) -> Headers:
    """The fields of ``raw[start:bound]``; offsets are those of ``raw``. Never raises."""
    bound = len(raw) if bound is None else bound
    if start < bound and raw[start] == 10:
        return Headers((), start, start + 1, closed=True)
    stop = min(bound, start + HEADER_LIMIT)
    found: list[Field] = []
    match, left = _FIELD.match, FIELD_LIMIT
    position = start + 3 if raw.startswith(_BOM, start, stop) else start  # an editor's work
    while position < stop and left:
        left -= 1
        m = match(raw, position, stop)
        if m is None:
            if raw[position] == 10 or raw.startswith(b"\r\n", position):
                break
            junk = _JUNK.match(raw, position, stop)
            position = junk.end() if junk else stop
            continue
        name, value = m.groups()
        if value[-1:] == b"\r":
            value = value[:-1]
        end = m.end()
        found.append(Field(name.decode("ascii").lower(), value, position, end))
        position = end
    return _ended(raw, tuple(found), position, bound)


def _ended(raw: bytes, found: tuple[Field, ...], position: int, bound: int) -> Headers:
    """Where the body begins: behind the empty line, or at the end where there is none."""
    if position < bound and raw[position] == 10:
        return Headers(found, position, position + 1, closed=True)
    if raw.startswith(b"\r\n", position, bound):
        return Headers(found, position, position + 2, closed=True)
    empty = _EMPTY.search(raw, max(position - 1, 0), bound) if position < bound else None
    if empty is None:
        return Headers(found, bound, bound, closed=False)
    return Headers(found, empty.start() + 1, empty.end(), closed=True)
