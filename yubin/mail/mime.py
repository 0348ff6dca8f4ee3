"""The MIME tree of a letter (RFC 2045, 2046): one walk over its bytes, and whatever stands there gives a tree.

Bodies are never copied. The walk stands at the beginning of a part: it asks where the next delimiter of an open
multipart is (yubin.mail.boundaries), reads the header up to there at most, and either finishes a leaf or opens a
multipart or a message and goes on inside. What a delimiter ends is closed with it, also when its own last one is missing.

Read as Dovecot reads it: of several fields the first counts; a Content-Type that cannot be read is text/plain in
us-ascii (RFC 2045 5.2), and so is a multipart without boundary; a multipart without parts has one that is empty. A
delimiter ends a header too. Beyond ``DEPTH_LIMIT`` levels a multipart or message is an opaque application/octet-stream,
behind ``PART_LIMIT`` parts the last one holds the rest (CASES G1, G2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from yubin.mail import fields
from yubin.mail.boundaries import BOUNDARY_LIMIT, Boundaries
from yubin.mail.header import Headers, unfold
from yubin.mail.parameters import content_type, disposition, extended, uncommented
from yubin.mail.part import Disposition, Parameters, Part

DEPTH_LIMIT = 100
PART_LIMIT = 10_000
KEPT_LIMIT = 1024 * 1024  # octets of text from headers of parts that one tree keeps
VALUE_LIMIT = 2048  # octets of an id, a description, a location
FIELD_VALUE_LIMIT = 16 * 1024  # octets of a field of a letter inside
ENVELOPE_FIELDS = frozenset(
    {"date", "subject", "from", "sender", "reply-to", "to", "cc", "bcc", "in-reply-to", "message-id"}
)
_IDENTITY = frozenset({"7bit", "8bit", "binary"})
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}+")
_US_ASCII: Parameters = (("charset", b"us-ascii"),)

Kind = tuple[str, str, Parameters]
_TEXT: Kind = ("text", "plain", _US_ASCII)
_MESSAGE: Kind = ("message", "rfc822", ())
_OPAQUE: Kind = ("application", "octet-stream", ())


class Letter(NamedTuple):
    headers: Headers
    part: Part


@dataclass
class _Open:
    """A multipart or message whose end is not known yet."""

    kind: Kind
    start: int
    body: int
    content: dict[str, bytes]
    children: list[Part] = field(default_factory=list)
    fields: Parameters = ()


def parse(raw: bytes) -> Part:
    """The whole letter as a part. Never raises."""
    return read(raw).part


def read(raw: bytes) -> Letter:
    """The letter's own header, and its tree."""
    walk = _Walk(raw)
    return Letter(walk.headers, walk.run())


class _Walk:
    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._boundaries = Boundaries(raw)
        self._open: list[_Open] = []
        self._parts = 0
        self._kept = KEPT_LIMIT
        self._root: Part | None = None
        self.headers = fields.read(raw)

    def run(self) -> Part:
        size = len(self._raw)
        position = self._part(0, self.headers, size)
        while self._open:
            at = size if self._parts >= PART_LIMIT else self._boundaries.next(position - 1)
            if at >= size:
                self._close(0, size)
                break
            owner, closing, position = self._boundaries.take(at)
            self._close(owner + 1, self._line_end(at))
            if not closing:
                stop = self._stop(position)
                position = self._part(position, fields.read(self._raw, position, stop), stop)
        return self._root if self._root is not None else Part(start=0, body=0, end=size)

    def _stop(self, position: int) -> int:
        """Where the part that begins at ``position`` ends at the latest, with the line feed before the delimiter."""
        size = len(self._raw)
        if self._parts + 1 >= PART_LIMIT:
            return size
        return min(self._boundaries.next(position - 1) + 1, size)

    def _line_end(self, at: int) -> int:
        """RFC 2046 5.1.1: the line end before a delimiter belongs to it."""
        return at - 1 if at and self._raw[at - 1] == 13 else at

    def _part(self, start: int, headers: Headers, stop: int) -> int:
        """Reads the part at ``start``, and those that begin with it; the walk goes on at what it returns."""
        default = self._default()
        while True:
            self._parts += 1
            content = _content(headers)
            kind = self._kind(content, default)
            if kind[0] not in {"multipart", "message"} or not self._goes_inside(kind, content):
                self._leaf(kind, start, headers.body, stop, content)
                return stop
            self._open.append(_Open(kind, start, headers.body, content))
            if kind[0] == "multipart":
                self._boundaries.push(_boundary(kind), len(self._open) - 1)
                return headers.body
            default, start = _TEXT, headers.body
            headers = fields.read(self._raw, start, stop)
            self._open[-1].fields = self._envelope(headers)

    def _leaf(self, kind: Kind, start: int, body: int, stop: int, content: dict[str, bytes]) -> None:
        """The header of a part is closed by its empty line, that of a letter inside a part ends with the part."""
        end = self._line_end(stop - 1) if stop < len(self._raw) else stop
        if self._open and _letter(self._open[-1].kind):
            body = min(body, max(end, start))
        self._add(self._made(kind, start, body, max(end, body), content))

    def _default(self) -> Kind:
        """RFC 2046 5.1.5: in a digest, letters."""
        return _MESSAGE if self._open and self._open[-1].kind[1] == "digest" else _TEXT

    def _kind(self, content: dict[str, bytes], default: Kind) -> Kind:
        value = content.get("type")
        if value is None:
            return default
        kind = content_type(value) or _TEXT
        if kind[0] == "multipart" and not _boundary(kind):
            return _TEXT
        if kind[0] == "multipart" or _letter(kind):
            deep = len(self._open) >= DEPTH_LIMIT or self._parts >= PART_LIMIT
            return _OPAQUE if deep else kind
        return kind

    def _goes_inside(self, kind: Kind, content: dict[str, bytes]) -> bool:
        """An encoded letter (RFC 6532 3.7 allows it for message/global) is not looked into."""
        return kind[0] == "multipart" or (_letter(kind) and _encoding(content) in _IDENTITY)

    def _close(self, keep: int, end: int) -> None:
        while len(self._open) > keep:
            node = self._open.pop()
            if not node.children:
                node.children.append(Part(start=end, body=end, end=end, params=_US_ASCII))
            end = max(end, node.children[-1].end)
            self._add(self._made(node.kind, node.start, node.body, end, node.content, node))

    def _add(self, part: Part) -> None:
        if self._open:
            self._open[-1].children.append(part)
        else:
            self._root = part

    def _made(
        self,
        kind: Kind,
        start: int,
        body: int,
        end: int,
        content: dict[str, bytes],
        node: _Open | None = None,
    ) -> Part:
        main, sub, params = kind
        counted = main == "text" or _letter(kind)
        lines = self._raw.count(b"\n", body, end) if counted else 0
        children = () if node is None else tuple(node.children)
        told = () if node is None else node.fields
        if len(content) <= 2 and content.keys() <= {"type", "transfer-encoding"}:  # most parts
            return Part(
                type=main,
                subtype=sub,
                params=self._params(params),
                start=start,
                body=body,
                end=end,
                lines=lines,
                encoding=_encoding(content),
                children=children,
                fields=told,
            )
        shown = disposition(content["disposition"]) if "disposition" in content else None
        return Part(
            type=main,
            subtype=sub,
            params=self._params(params),
            start=start,
            body=body,
            end=end,
            lines=lines,
            encoding=_encoding(content),
            id=self._text(content, "id"),
            description=self._text(content, "description"),
            md5=self._text(content, "md5"),
            disposition=None if shown is None else Disposition(shown[0], self._params(shown[1])),
            language=self._languages(content),
            location=self._location(content),
            children=children,
            fields=told,
        )

    def _params(self, params: Parameters) -> Parameters:
        if not params:
            return ()
        self._kept -= sum(len(name) + len(value) for name, value in params)
        return params if self._kept >= 0 else ()

    def _text(self, content: dict[str, bytes], name: str) -> bytes | None:
        value = content.get(name)
        if value is None:
            return None
        text = unfold(value[: VALUE_LIMIT * 2])[:VALUE_LIMIT]
        self._kept -= len(text)
        return text if self._kept >= 0 else None

    def _location(self, content: dict[str, bytes]) -> bytes | None:
        """RFC 2557 4.4.2: white space is of the folding, and no part of the URI."""
        text = self._text(content, "location")
        return None if text is None else b"".join(text.split())

    def _languages(self, content: dict[str, bytes]) -> tuple[bytes, ...]:
        """RFC 3282 2: tags, divided by commas."""
        tags = uncommented(self._text(content, "language") or b"").replace(b",", b" ").split()
        return tuple(tags[:20])

    def _envelope(self, headers: Headers) -> Parameters:
        """What bodystructure says about a letter inside."""
        kept: list[tuple[str, bytes]] = []
        for name, value, _, _ in headers.fields:
            if name in ENVELOPE_FIELDS and self._kept >= len(value):
                self._kept -= len(value)
                kept.append((name, value[:FIELD_VALUE_LIMIT]))
        return tuple(kept)


def _content(headers: Headers) -> dict[str, bytes]:
    """The Content- fields by what follows the hyphen; of several the first."""
    found: dict[str, bytes] = {}
    for entry in headers.fields:
        name = entry[0]
        if name.startswith("content-"):
            found.setdefault(name[8:], entry[1])
    return found


def _letter(kind: Kind) -> bool:
    return kind[0] == "message" and kind[1] in {"rfc822", "global"}


def _boundary(kind: Kind) -> bytes:
    """RFC 2046 5.1.1; a boundary does not end in a space. Empty when there is none."""
    for name, value in kind[2]:
        if name in {"boundary", "boundary*"}:
            text = extended(value)[0] if name[-1] == "*" else value
            return text[:BOUNDARY_LIMIT].rstrip()
    return b""


def _encoding(content: dict[str, bytes]) -> str:
    """RFC 2045 6; what stands behind the token is passed over."""
    value = content.get("transfer-encoding")
    return "7bit" if value is None else _mechanism(value[:100])


@lru_cache(256)
def _mechanism(value: bytes) -> str:
    m = _TOKEN.search(uncommented(value))
    return "7bit" if m is None else m[0].decode().lower()
