"""What a server says, as values (RFC 9051 9): octets go in, whole responses come out.

    inbox = Inbox()
    inbox.feed(octets)                                   # * 2 FETCH (UID 7 FLAGS ($Forwarded))
    inbox.next().fetched() == {"UID": 7, "FLAGS": [b"$Forwarded"]}

Values are None (NIL), int, bytes (atoms, quoted strings and literals alike) and lists. ValueError where something is no
response at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

Value = None | int | bytes | list["Value"]

STATUS = {"OK", "NO", "BAD", "BYE", "PREAUTH"}
_LITERAL_FOLLOWS = re.compile(rb"~?\{(\d+)\}\r\n\Z")
_LITERAL = re.compile(rb"~?\{(\d+)\}\r\n")
_QUOTED = re.compile(rb'"((?:[^"\\\r\n]|\\["\\])*)"')
_ITEM = re.compile(rb'[A-Z0-9.]+\[[^\]]*\](?:<\d+>)?|[^ ()"\r\n]+')  # BODY[HEADER.FIELDS (FROM)]<0> is one
_CODE_ATOM = re.compile(rb'[^ ()\]"\r\n]+')
_NUMBER = re.compile(rb"\d+\Z")


@dataclass(frozen=True, kw_only=True)
class Response:
    """``tag``: a command's, ``*``, or ``+``. ``name``: of the status or of the data, in upper case; ``""`` behind ``+``.

    ``code`` has the words of a response code: ``[b"APPENDUID", 38505, 3955]``; ``text`` is what people read.
    """

    tag: bytes
    name: str = ""
    number: int | None = None
    code: list[Value] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    text: bytes = b""

    @property
    def code_name(self) -> str:
        first = self.code[0] if self.code else b""
        return first.decode().upper() if isinstance(first, bytes) else ""

    def fetched(self) -> dict[str, Value]:
        """The items of FETCH, by name in upper case."""
        items = self.values[0]
        if not isinstance(items, list) or len(items) % 2:
            raise ValueError(f"no pairs: {items!r:.100}")
        names = [_name(name) for name in items[::2]]
        if len(set(names)) != len(names):
            raise ValueError(f"an item twice: {names}")
        return dict(zip(names, items[1::2], strict=True))


def _name(value: Value) -> str:
    if not isinstance(value, bytes):
        raise ValueError(f"no name: {value!r:.100}")
    return value.decode().upper()


class Inbox:
    """``_start``: of the response that is not whole yet; ``_at``: where its next line begins."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._at = 0
        self._searched = 0

    def feed(self, octets: bytes) -> None:
        self._held += octets

    def next(self) -> Response | None:
        """The next one, or None until more octets come."""
        whole = self._whole()
        return None if whole is None else read(whole)

    def _whole(self) -> bytes | None:
        """A line, and as many more as literals end them."""
        while True:
            end = self._held.find(b"\r\n", max(self._at, self._searched))
            if end < 0:
                self._searched = max(self._at, len(self._held) - 1)
                return None
            end += 2
            found = _LITERAL_FOLLOWS.search(self._held, max(self._at, end - 30), end)
            if not found:
                break
            self._at = end + int(found[1])
            if len(self._held) < self._at:
                self._searched = 0
                return None
        whole = bytes(self._held[:end])
        del self._held[:end]
        self._at = self._searched = 0
        return whole


def read(whole: bytes) -> Response:
    """One response with its literals."""
    tag, _, rest = whole.partition(b" ")
    if tag.rstrip(b"\r\n") == b"+":
        return Response(tag=b"+", text=rest.rstrip(b"\r\n"))
    cursor = _Cursor(whole, len(tag) + 1)
    first = cursor.atom()
    if _NUMBER.match(first):
        cursor.space()
        name = cursor.atom().decode().upper()
        return Response(tag=tag, name=name, number=int(first), values=cursor.rest())
    name = first.decode().upper()
    if name not in STATUS:
        return Response(tag=tag, name=name, values=cursor.rest())
    code = cursor.code()
    return Response(tag=tag, name=name, code=code, text=cursor.line())


class _Cursor:
    def __init__(self, octets: bytes, at: int) -> None:
        self._octets, self._at = octets, at

    def _wrong(self, what: str) -> ValueError:
        return ValueError(
            f"{what} in {self._octets[:80]!r}… at {self._at}: {self._octets[self._at :][:40]!r}"
        )

    def _peek(self, octets: bytes) -> bool:
        return self._octets.startswith(octets, self._at)

    def _match(self, pattern: re.Pattern[bytes], what: str) -> re.Match[bytes]:
        found = pattern.match(self._octets, self._at)
        if not found:
            raise self._wrong(f"no {what}")
        self._at = found.end()
        return found

    def atom(self) -> bytes:
        return self._match(_ITEM, "atom")[0]

    def space(self) -> None:
        if not self._peek(b" "):
            raise self._wrong("no space")
        self._at += 1

    def line(self) -> bytes:
        return self._octets[self._at :].strip(b" \r\n")

    def rest(self) -> list[Value]:
        """Values until the line ends; each behind one space."""
        found: list[Value] = []
        while not self._peek(b"\r\n"):
            self.space()
            if not found and self._peek(b"\r\n"):
                break  # "* SEARCH " with nothing behind it is written by some
            found.append(self.value())
        return found

    def code(self) -> list[Value]:
        """RFC 9051 7.1: ``[NAME …]`` in front of the text."""
        if not self._peek(b" ["):
            return []
        self._at += 2
        found = [self.value(_CODE_ATOM)]
        while not self._peek(b"]"):
            self.space()
            found.append(self.value(_CODE_ATOM))
        self._at += 1
        return found

    def value(self, atom: re.Pattern[bytes] = _ITEM) -> Value:
        if self._peek(b"("):
            return self._list(atom)
        if self._peek(b'"'):
            return re.sub(rb"\\(.)", rb"\1", self._match(_QUOTED, "quoted string")[1])
        if literal := _LITERAL.match(self._octets, self._at):
            self._at = literal.end() + int(literal[1])
            return self._octets[literal.end() : self._at]
        word = self._match(atom, "value")[0]
        if word == b"NIL":
            return None
        return int(word) if _NUMBER.match(word) else word

    def _list(self, atom: re.Pattern[bytes]) -> list[Value]:
        """RFC 9051 9: one space between two, but none between two lists of a BODYSTRUCTURE or of an ENVELOPE."""
        self._at += 1
        found: list[Value] = []
        while not self._peek(b")"):
            if found and not (self._octets[self._at - 1 : self._at] == b")" and self._peek(b"(")):
                self.space()
            found.append(self.value(atom))
        self._at += 1
        return found
