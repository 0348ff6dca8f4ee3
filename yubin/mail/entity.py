"""What the header of an entity says (RFC 2045 2.4: a letter, or a part of one), put into a ``Part``.

Fields are read as Dovecot reads them: of several the first counts, a Content-Type that cannot be read is text/plain in
us-ascii (RFC 2045 5.2), and so is a multipart without boundary. One tree keeps ``KEPT_LIMIT`` octets of text from headers;
parts beyond that have no parameters, descriptions and envelopes any more.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from yubin.mail.header import Headers, unfold
from yubin.mail.parameters import content_type, disposition, extended, uncommented
from yubin.mail.part import Disposition, Parameters, Part

KEPT_LIMIT = 1024 * 1024
VALUE_LIMIT = 2048  # octets of an id, a description, a location
FIELD_VALUE_LIMIT = 16 * 1024  # octets of a field of a letter inside
BOUNDARY_LIMIT = 256  # octets; RFC 2046 allows 70, programs write more
ENVELOPE_FIELDS = frozenset(
    {"date", "subject", "from", "sender", "reply-to", "to", "cc", "bcc", "in-reply-to", "message-id"}
)
_IDENTITY = frozenset({"7bit", "8bit", "binary"})
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}+")

Kind = tuple[str, str, Parameters]
US_ASCII: Parameters = (("charset", b"us-ascii"),)
TEXT: Kind = ("text", "plain", US_ASCII)
MESSAGE: Kind = ("message", "rfc822", ())
OPAQUE: Kind = ("application", "octet-stream", ())


class Entity(NamedTuple):
    """``content`` are the Content- fields by what follows the hyphen; the body begins at ``body``."""

    kind: Kind
    content: dict[str, bytes]
    start: int
    body: int

    @property
    def multipart(self) -> bool:
        return self.kind[0] == "multipart"

    @property
    def letter(self) -> bool:
        return is_letter(self.kind)

    @property
    def readable(self) -> bool:
        """An encoded letter (RFC 6532 3.7 allows it for message/global) is not looked into."""
        return self.multipart or (self.letter and encoding(self.content) in _IDENTITY)


def read(headers: Headers, start: int, default: Kind) -> Entity:
    """``default`` is what it is without a Content-Type."""
    content: dict[str, bytes] = {}
    for entry in headers.fields:
        name = entry[0]
        if name.startswith("content-"):
            content.setdefault(name[8:], entry[1])
    value = content.get("type")
    kind = default if value is None else content_type(value) or TEXT
    if kind[0] == "multipart" and not boundary(kind):
        kind = TEXT
    return Entity(kind, content, start, headers.body)


class Parts:
    """Makes the parts of one tree, within its limits."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._kept = KEPT_LIMIT

    def part(
        self, entity: Entity, end: int, children: tuple[Part, ...] = (), fields: Parameters = ()
    ) -> Part:
        kind, content, start, body = entity
        main, sub, params = kind
        counted = main == "text" or is_letter(kind)
        lines = self._raw.count(b"\n", body, end) if counted else 0
        if not content and not children:  # ten thousand empty parts are made so
            return Part(type=main, subtype=sub, params=params, start=start, body=body, end=end, lines=lines)
        shown = disposition(content["disposition"]) if "disposition" in content else None
        return Part(
            type=main,
            subtype=sub,
            params=self._params(params),
            start=start,
            body=body,
            end=end,
            lines=lines,
            encoding=encoding(content),
            id=self._text(content, "id"),
            description=self._text(content, "description"),
            md5=self._text(content, "md5"),
            disposition=None if shown is None else Disposition(shown[0], self._params(shown[1])),
            language=self._languages(content) if "language" in content else (),
            location=self._location(content) if "location" in content else None,
            children=children,
            fields=fields,
        )

    def envelope(self, headers: Headers) -> Parameters:
        """What bodystructure says about a letter inside."""
        kept: list[tuple[str, bytes]] = []
        for name, value, _, _ in headers.fields:
            if name in ENVELOPE_FIELDS and self._kept >= len(value):
                self._kept -= len(value)
                kept.append((name, value[:FIELD_VALUE_LIMIT]))
        return tuple(kept)

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


def is_letter(kind: Kind) -> bool:
    return kind[0] == "message" and kind[1] in {"rfc822", "global"}


def boundary(kind: Kind) -> bytes:
    """RFC 2046 5.1.1; a boundary does not end in a space. Empty when there is none."""
    for name, value in kind[2]:
        if name in {"boundary", "boundary*"}:
            text = extended(value)[0] if name[-1] == "*" else value
            return text[:BOUNDARY_LIMIT].rstrip()
    return b""


def encoding(content: dict[str, bytes]) -> str:
    """RFC 2045 6; what stands behind the token is passed over."""
    value = content.get("transfer-encoding")
    return "7bit" if value is None else _mechanism(value[:100])


@lru_cache(256)
def _mechanism(value: bytes) -> str:
    m = _TOKEN.search(uncommented(value))
    return "7bit" if m is None else m[0].decode().lower()
