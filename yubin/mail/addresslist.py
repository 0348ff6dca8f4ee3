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
from itertools import islice
from typing import NamedTuple

LIMIT = 1000
VALUE_LIMIT = 64 * 1024
TOKENS = 20_000  # of an odd list: more than a thousand addresses have

_COMMON = re.compile(
    rb"""\s*+ (?: (?: "((?:[^"\\\r\n]++|\\.)*)" | ([^\x00-\x1f"(),:;<>@\[\\\]\x7f]*+) )
           [ \t\r\n]*+ <([^\x00-\x20()<>@,;:\\"\[\]\x7f]++)@([^\x00-\x20()<>@,;:\\"\[\]\x7f]++)>
         | ([^\x00-\x20()<>@,;:\\"\[\]\x7f]++)@([^\x00-\x20()<>@,;:\\"\[\]\x7f]++) )
        \s*+ (?:,|\Z)""",
    re.VERBOSE,
)
_TOKENS = rb"""([\s\x00]++) | (\() | "((?:[^"\\]++|\\.)*)" | (\[[^\[\]\r\n]*+\]) | ([<>,;:@.])
      | ([^\x00-\x20()<>@,;:\\".\[\]\x7f]++) | [\x00-\xff]"""
_TOKEN = re.compile(_TOKENS, re.VERBOSE | re.DOTALL)
_TOKEN_NO_QUOTE = re.compile(_TOKENS.replace(b'"((', b'(?!)"(('), re.VERBOSE | re.DOTALL)
_COMMENT = re.compile(rb"(?:[^()\\]++|\\.)*([()])", re.DOTALL)
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_SPACE = re.compile(rb"[\s\x00]++")
_KINDS = ("", "space", "comment", "quoted", "literal", "special", "atom")

_COMMENT_KIND = 2

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
    """Spaces and comments too. What opens and never closes is passed over, and so is all of its kind behind it."""
    position, size, pattern, comments = 0, len(value), _TOKEN, True
    while position < size:
        for m in pattern.finditer(value, position):
            position, kind = m.end(), m.lastindex
            if kind == _COMMENT_KIND and comments:
                end = _comment_end(value, position)
                comments = end > 0
                if comments:
                    yield "comment", value[position : end - 1]
                    position = end
                    break
            elif kind and kind != _COMMENT_KIND:
                yield _KINDS[kind], m[kind]
            elif pattern is _TOKEN and m[0] == b'"':
                pattern = _TOKEN_NO_QUOTE
                break


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
    """Elements are cut at commas and semicolons, but not at those of a route (RFC 5322 4.4)."""

    def __init__(self, value: bytes, limit: int) -> None:
        self._tokens = islice(_tokens(value), TOKENS)
        self._limit = limit
        self._found: list[Address] = []
        self._grouped = False
        self._begin()

    def _begin(self) -> None:
        self._words: list[Token] = []
        self._angle = self._at = self._route = False

    def read(self) -> list[Address]:
        for kind, text in self._tokens:
            if kind != "special" or not self._special(text):
                self._words.append((kind, text))
            if len(self._found) >= self._limit:
                break
        self._element(end=True)
        return self._found

    def _special(self, sign: bytes) -> bool:
        """True when it ended something; else it is part of the element."""
        if sign == b";" or (sign == b"," and not self._route):
            self._element(end=sign == b";")
            return True
        if sign == b":" and not (self._angle or self._at):
            if not self._grouped:  # groups do not nest
                self._found.append(Address(None, None, _phrase(self._words) or b"", None))
            self._grouped = True
            self._begin()
            return True
        if sign == b"@":
            self._route = self._angle and not self._at
            self._at = True
        elif sign == b":":
            self._route = False
        elif sign in b"<>":
            self._angle, self._at, self._route = sign == b"<", sign == b">", False
        return False

    def _element(self, *, end: bool) -> None:
        if (
            any(kind not in {"space", "comment"} for kind, _ in self._words)
            and len(self._found) < self._limit
        ):
            self._found.append(_address(self._words))
        if end and self._grouped:
            self._found.append(GROUP_END)
            self._grouped = False
        self._begin()


def _index(element: list[Token], special: bytes) -> int:
    try:
        return element.index(("special", special))
    except ValueError:
        return len(element)


def _address(element: list[Token]) -> Address:
    """``name <@route:local@host>``, ``local@host (name)``, and what is left of them."""
    opened = _index(element, b"<")
    comment = next((text for kind, text in reversed(element) if kind == "comment" and text.strip()), None)
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
    local = element[:at]
    empty = b"" if ("quoted", b"") in local else MISSING_LOCAL
    return _text(local) or empty, _text(element[at + 1 :]) or MISSING_HOST


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
