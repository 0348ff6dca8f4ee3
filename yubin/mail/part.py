"""One node of a letter's MIME tree (RFC 2045, 2046): what its header says, and where it lies in the letter.

Offsets are those of the whole letter, so that a section is a slice. Text is kept as the header has it (octets, encoded
words and RFC 2231 values unread): that is what IMAP shows. A msgspec struct, because thousands are made for one letter
and all are packed (yubin.mail.structure); fields are only ever added, at the end, with a default.
"""

from __future__ import annotations

import msgspec

Parameters = tuple[tuple[str, bytes], ...]


class Disposition(msgspec.Struct, frozen=True, array_like=True):
    """RFC 2183; ``kind`` in lower case."""

    kind: str
    params: Parameters = ()


class Part(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """``raw[start:body]`` is the header with its empty line, ``raw[body:end]`` the body.

    ``type``, ``subtype`` and ``encoding`` are in lower case; continuations of parameters are joined, and a value that is
    encoded (RFC 2231) has a name that ends in ``*``. ``lines`` counts line feeds of the body of text and message/rfc822.
    A multipart has one child or more. A message has one, the letter inside, with its header in ``start`` to ``body``;
    ``fields`` are then those of its header that make an envelope. It has none when its content is encoded.
    """

    type: str = "text"
    subtype: str = "plain"
    params: Parameters = ()
    start: int
    body: int
    end: int
    lines: int = 0
    encoding: str = "7bit"
    id: bytes | None = None
    description: bytes | None = None
    md5: bytes | None = None
    disposition: Disposition | None = None
    language: tuple[bytes, ...] = ()
    location: bytes | None = None
    children: tuple[Part, ...] = ()
    fields: Parameters = ()

    @property
    def size(self) -> int:
        """Octets of the body as it lies there, not decoded."""
        return self.end - self.body

    @property
    def multipart(self) -> bool:
        return self.type == "multipart"

    @property
    def message(self) -> bool:
        """message/rfc822, or message/global (RFC 6532 3.7)."""
        return self.type == "message" and self.subtype in {"rfc822", "global"}

    def param(self, name: str) -> bytes | None:
        return next((value for key, value in self.params if key == name), None)
