"""ENVELOPE and BODYSTRUCTURE as values, so that what is compared is what they say (RFC 9051 7.5.2 and 9).

``parse`` reads the text of an answer: lists, numbers, NIL, quoted strings and literals; with ``strict`` it refuses what
no server may send. The expectations of ``odd/`` are written in the same text, with four ways to say what would be hard
to read: ``cp932"件名"`` (the octets of a Python codec), ``hex"00ff"``, ``100x"ab"`` (that text a hundred times) and
``30*(…)`` (that element thirty times). Plain quoted strings are UTF-8 there.

``envelope`` and ``body`` check the number and kind of the elements against the grammar, and make lower case of what is
case-insensitive: types, parameter names, encodings, dispositions, charsets and hosts, and no more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

Value = None | int | bytes | list["Value"]

_STRING = re.compile(rb'(\d+x|[a-z0-9_]*)"((?:[^"\\]|\\.)*)"', re.DOTALL)
_LITERAL = re.compile(rb"\{(\d+)\}\r\n")
_NUMBER = re.compile(rb"(\d+)(\*?)")
_LETTERS = {("message", "rfc822"), ("message", "global")}  # RFC 9051 9: media-message
ADDRESSES = 6  # from, sender, reply-to, to, cc, bcc


def parse(text: bytes, *, strict: bool = False) -> Value:
    """The one value that ``text`` is; raises ValueError."""
    reader = _Reader(text, strict)
    value = reader.value()
    reader.blanks()
    if reader.rest():
        raise ValueError(f"something follows: {reader.rest()[:40]!r}")
    return value


class _Reader:
    def __init__(self, text: bytes, strict: bool) -> None:
        self._text, self._at, self._strict = text, 0, strict

    def rest(self) -> bytes:
        return self._text[self._at :]

    def blanks(self) -> None:
        """In an answer at most one space, in an expectation line ends too."""
        allowed, most = (b" ", 1) if self._strict else (b" \n", len(self._text))
        end = min(self._at + most, len(self._text))
        while self._at < end and self._text[self._at] in allowed:
            self._at += 1

    def value(self) -> Value:
        self.blanks()
        if self._text.startswith(b"(", self._at):
            return self._list()
        if self._text.startswith(b"NIL", self._at):
            self._at += 3
            return None
        if m := _STRING.match(self._text, self._at):
            self._at = m.end()
            return self._string(m[1].decode(), m[2])
        if m := _LITERAL.match(self._text, self._at):
            self._at = m.end() + int(m[1])
            return self._literal(self._text[m.end() : self._at], int(m[1]))
        if m := _NUMBER.match(self._text, self._at):
            self._at = m.end()
            return int(m[1])
        raise ValueError(f"no value: {self.rest()[:40]!r}")

    def _list(self) -> list[Value]:
        self._at += 1
        found: list[Value] = []
        while True:
            self.blanks()
            if self._text.startswith(b")", self._at):
                self._at += 1
                return found
            m = _NUMBER.match(self._text, self._at)
            times = 1
            if m and m[2]:
                self._at, times = m.end(), int(m[1])
            found += [self.value()] * times

    def _string(self, how: str, text: bytes) -> bytes:
        """RFC 9051 9: quoted; 8-bit text in quotes only for a client that has asked for UTF8=ACCEPT."""
        if self._strict and (how or re.search(rb"[^\x01-\x09\x0b\x0c\x0e-\x7f]", text)):
            raise ValueError(f"not a quoted string: {text[:40]!r}")
        plain = re.sub(rb"\\(.)", rb"\1", text, flags=re.DOTALL)
        if not how:
            return plain
        if how == "hex":
            return bytes.fromhex(plain.decode())
        return plain * int(how[:-1]) if how[0].isdigit() else plain.decode().encode(how)

    def _literal(self, text: bytes, size: int) -> bytes:
        if len(text) < size or b"\0" in text:
            raise ValueError(f"not a literal of {size} octets: {text[:40]!r}")
        return text


def envelope(value: Value) -> list[Value]:
    """Ten: date subject from sender reply-to to cc bcc in-reply-to message-id."""
    fields = _items(value, 10)
    lists = [_addresses(one) for one in fields[2 : 2 + ADDRESSES]]
    return [_nstring(fields[0]), _nstring(fields[1]), *lists, _nstring(fields[8]), _nstring(fields[9])]


def _addresses(value: Value) -> Value:
    """NIL or 1*address, never an empty list."""
    if value is None:
        return None
    found: list[Value] = []
    for one in _items(value, None):
        name, route, local, host = (_nstring(part) for part in _items(one, 4))
        found.append([name, route, local, host.lower() if host else host])
    return found or _wrong(value)


def body(value: Value, *, extended: bool) -> dict[str, Value | object]:
    """A part by name; ``extended``: with the data that only BODYSTRUCTURE has."""
    items = _items(value, None)
    if items and isinstance(items[0], list):
        return _multipart(items, extended)
    kind = (_token(items[0]), _token(items[1]))
    found: dict[str, Value | object] = {
        "type": "/".join(kind),
        "parameters": _parameters(items[2]),
        "id": _nstring(items[3]),
        "description": _nstring(items[4]),
        "encoding": _token(items[5]),
        "octets": _number(items[6]),
    }
    rest = items[7:]
    if kind in _LETTERS:
        found |= {"envelope": envelope(rest[0]), "body": body(rest[1], extended=extended)}
        rest = rest[2:]
    if kind in _LETTERS or kind[0] == "text":
        found["lines"] = _number(rest[0])
        rest = rest[1:]
    if extended:
        md5, *rest = rest
        return found | {"md5": _nstring(md5)} | _tail(rest)
    return found if not rest else _wrong(value)


def _multipart(items: Sequence[Value], extended: bool) -> dict[str, Value | object]:
    """RFC 9051 9: body-type-mpart, at least one part."""
    parts = [one for one in items if isinstance(one, list)]
    count = next(i for i, one in enumerate(items) if not isinstance(one, list))
    found: dict[str, Value | object] = {
        "type": f"multipart/{_token(items[count])}",
        "parts": [body(part, extended=extended) for part in parts[:count]],
    }
    rest = list(items[count + 1 :])
    if extended:
        return found | {"parameters": _parameters(rest[0])} | _tail(rest[1:])
    return found if not rest else _wrong(list(items))


def _tail(items: Sequence[Value]) -> dict[str, Value | object]:
    """body-fld-dsp, body-fld-lang (one language may stand without parentheses), body-fld-loc."""
    disposition, language, location = _items(list(items), 3)
    if disposition is not None:
        kind, parameters = _items(disposition, 2)
        disposition = [_token(kind).encode(), *_parameters(parameters)]
    return {
        "disposition": disposition,
        "language": [language] if isinstance(language, bytes) else language,
        "location": _nstring(location),
    }


def _parameters(value: Value) -> list[tuple[str, bytes]]:
    """By name. The value of an extended one (RFC 2231 4) is compared as octets, however many of them are escaped."""
    items = _items(value, None) if value is not None else []
    pairs = [(_token(items[i]), _octets(items[i + 1])) for i in range(0, len(items), 2)]
    if value == []:
        _wrong(value)
    return sorted((name, _parameter(name, octets)) for name, octets in pairs)


def _parameter(name: str, octets: bytes) -> bytes:
    if name.endswith("*"):
        return unquote_to_bytes(octets)
    return octets.lower() if name == "charset" else octets


def _items(value: Value, count: int | None) -> list[Value]:
    if not isinstance(value, list) or count not in {None, len(value)}:
        _wrong(value)
    return value


def _octets(value: Value) -> bytes:
    return value if isinstance(value, bytes) else _wrong(value)


def _token(value: Value) -> str:
    return _octets(value).decode().lower()


def _nstring(value: Value) -> bytes | None:
    return None if value is None else _octets(value)


def _number(value: Value) -> int:
    return value if isinstance(value, int) else _wrong(value)


def _wrong(value: Value):
    raise ValueError(f"not as RFC 9051 9 has it: {value!r:.200}")
