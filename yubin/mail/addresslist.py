"""Address lists as they come (RFC 5322 3.4, 4.4), for showing: whatever can be read of them is.

``mailboxes`` is for what goes out, and refuses; this refuses nothing. Most lists are cut by one pattern for one address
at a time; where it does not fit, the rest is cut into tokens and read element by element as Dovecot does: what stands
before ``<`` is a name, a comment is one where there is no other, an element without ``@`` is a local part without a
domain, a semicolon outside a group divides like a comma. A quote or a comment without an end is one odd character. Octets are
kept as they are; encoded words stay encoded. ``VALUE_LIMIT`` octets and ``LIMIT`` addresses of a field are read
(CASES G4).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

LIMIT = 1000
VALUE_LIMIT = 64 * 1024

_ATOM = rb"[^\x00-\x20()<>@,;:\\\".\[\]\x7f]"
_COMMON = re.compile(
    rb"""\s*+ (?: (?: "((?:[^"\\\r\n]|\\.)*+)" | ([^\x00-\x1f"(),:;<>@\[\\\]\x7f]*+) )
           [ \t\r\n]*+ <([^\x00-\x20()<>@,;:\\"\[\]\x7f]++)@([^\x00-\x20()<>@,;:\\"\[\]\x7f]++)>
         | ([^\x00-\x20()<>@,;:\\"\[\]\x7f]++)@([^\x00-\x20()<>@,;:\\"\[\]\x7f]++) )
        \s*+ (?:,|\Z)""",
    re.VERBOSE,
)
_TOKEN = re.compile(
    rb"""([\s\x00]++) | (\() | "((?:[^"\\]|\\.)*+)" | (\[[^\[\]\r\n]*+\]) | ([<>,;:@.]) | ([^\x00-\x20()<>@,;:\\".\[\]\x7f]++)
      | [\x00-\xff]""",
    re.VERBOSE | re.DOTALL,
)
_COMMENT = re.compile(rb"(?:[^()\\]|\\.)*+([()])", re.DOTALL)
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_SPACE = re.compile(rb"[\s\x00]++")
_KINDS = ("", "space", "comment", "quoted", "literal", "special", "atom")

Token = tuple[str, bytes]


class Address(NamedTuple):
    """As RFC 3501 7.4.2 has it: ``host`` None begins a group that ``local`` names, or, with ``local`` None, ends it."""

    name: bytes | None
    route: bytes | None
    local: bytes | None
    host: bytes | None


MISSING_LOCAL = b"MISSING_MAILBOX"  # Dovecot's words: NIL would begin or end a group
MISSING_HOST = b"MISSING_DOMAIN"
GROUP_END = Address(None, None, None, None)


def read(value: bytes, limit: int = LIMIT) -> list[Address]:
    """At most ``limit`` addresses, and the marks of the groups that they are in. Never raises."""
    value = value[:VALUE_LIMIT]
    found: list[Address] = []
    position, size = 0, len(value)
    while position < size and len(found) < limit:
        m = _COMMON.match(value, position)
        if m is None:
            found.extend(_List(value[position:], limit - len(found)).read())
            break
        position = m.end()
        quoted, bare, local, host, local_alone, host_alone = m.groups()
        if local is None:
            found.append(Address(None, None, local_alone, host_alone))
            continue
        name = bare if quoted is None else _ESCAPE.sub(rb"\1", quoted) if b"\\" in quoted else quoted
        name = b" ".join(name.split()) if quoted is None else name
        found.append(Address(name or None, None, local, host))
    return found


def _tokens(value: bytes) -> Iterator[Token]:
    """Spaces too; a comment comes with its text. ``odd`` is what opened and never closed."""
    position, size = 0, len(value)
    closed = True  # False once a comment had no end: no later one has
    while position < size:
        m = _TOKEN.match(value, position)
        if m is None:
            return
        position = m.end()
        kind = _KINDS[m.lastindex or 0]
        if kind == "comment":
            end = _comment_end(value, position) if closed else 0
            closed = end > 0
            if end:
                yield kind, value[position : end - 1]
                position = end
        elif kind:
            yield kind, m[m.lastindex or 0]


def _comment_end(value: bytes, position: int) -> int:
    """RFC 5322 3.2.2: comments nest. 0 when this one has no end."""
    depth = 1
    while depth:
        m = _COMMENT.match(value, position)
        if m is None:
            return 0
        depth += 1 if m[1] == b"(" else -1
        position = m.end()
    return position


class _List:
    def __init__(self, value: bytes, limit: int) -> None:
        if value.count(b'"') % 2:  # only then can a quote lack its end
            value = _paired(value)
        self._tokens = _tokens(value)
        self._limit = limit
        self._found: list[Address] = []
        self._grouped = False

    def read(self) -> list[Address]:
        element: list[Token] = []
        angle = False
        for token in self._tokens:
            kind, text = token
            special = text if kind == "special" else b""
            if special == b":" and not angle and not self._grouped and not _has_at(element):
                self._group(element)
                element = []
            elif (special == b"," and not (angle and _route(element))) or special == b";":
                self._element(element, end=special == b";")
                element, angle = [], False
            else:
                angle = special == b"<" or (angle and special != b">")
                element.append(token)
            if len(self._found) >= self._limit:
                break
        self._element(element, end=True)
        return self._found

    def _group(self, element: list[Token]) -> None:
        self._found.append(Address(None, None, _phrase(element) or b"", None))
        self._grouped = True

    def _element(self, element: list[Token], *, end: bool) -> None:
        if any(kind not in {"space", "comment"} for kind, _ in element) and len(self._found) < self._limit:
            self._found.append(_address(element))
        if end and self._grouped:
            self._found.append(GROUP_END)
            self._grouped = False


def _paired(value: bytes) -> bytes:
    """Without the last quotation mark, which has no end."""
    at = value.rfind(b'"')
    return value[:at] + b" " + value[at + 1 :]


def _has_at(element: list[Token]) -> bool:
    return ("special", b"@") in element


def _route(element: list[Token]) -> bool:
    """True within ``<@a,@b:``."""
    behind = element[_index(element, b"<") + 1 :]
    words = [token for token in behind if token[0] != "space"]
    return bool(words) and words[0] == ("special", b"@") and ("special", b":") not in words


def _index(element: list[Token], special: bytes) -> int:
    try:
        return element.index(("special", special))
    except ValueError:
        return len(element)


def _address(element: list[Token]) -> Address:
    """``name <@route:local@host>``, ``local@host (name)``, and what is left of them."""
    opened = _index(element, b"<")
    comment = next((text for kind, text in element if kind == "comment" and text.strip()), None)
    if opened == len(element):
        local, host = _spec(element)
        return Address(_tidy(comment), None, local, host)
    inside = element[opened + 1 :]
    inside = inside[: _index(inside, b">")]
    name = _phrase(element[:opened])
    route = None
    colon = _index(inside, b":")
    if colon < len(inside) and next((t for t in inside if t[0] != "space"), None) == ("special", b"@"):
        route, inside = _text(inside[:colon]), inside[colon + 1 :]
    local, host = _spec(inside)
    return Address(name or _tidy(comment), route, local, host)


def _spec(element: list[Token]) -> tuple[bytes, bytes]:
    """The last ``@`` divides; without one, it is a local part."""
    at = len(element) - 1 - _index(element[::-1], b"@")
    if at < 0:
        return _phrase(element) or MISSING_LOCAL, MISSING_HOST
    return _text(element[:at]) or MISSING_LOCAL, _text(element[at + 1 :]) or MISSING_HOST


def _text(element: list[Token]) -> bytes:
    """Without spaces and comments; what was quoted is itself."""
    return b"".join(_unquoted(token) for token in element if token[0] not in {"space", "comment"})


def _phrase(element: list[Token]) -> bytes | None:
    """Words with one space between those that had some (RFC 5322 3.2.5); dots and signs stay where they were."""
    parts = [b" " if kind in {"space", "comment"} else _unquoted((kind, text)) for kind, text in element]
    return _tidy(b"".join(parts))


def _unquoted(token: Token) -> bytes:
    kind, text = token
    return _ESCAPE.sub(rb"\1", text) if kind == "quoted" and b"\\" in text else text


def _tidy(text: bytes | None) -> bytes | None:
    return None if text is None else _SPACE.sub(b" ", text).strip() or None
