"""What FETCH can ask for (RFC 9051 6.4.5 and extensions), as values. How it is read: commands/fetch_items.py."""

from __future__ import annotations

from dataclasses import dataclass


class Item:
    """Any of the classes below."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Flags(Item):
    pass


@dataclass(frozen=True, slots=True)
class Envelope(Item):
    pass


@dataclass(frozen=True, kw_only=True, slots=True)
class BodyStructure(Item):
    """``extended``: BODYSTRUCTURE; else BODY."""

    extended: bool


@dataclass(frozen=True, slots=True)
class InternalDate(Item):
    pass


@dataclass(frozen=True, slots=True)
class Size(Item):
    """RFC822.SIZE."""


@dataclass(frozen=True, slots=True)
class Uid(Item):
    pass


@dataclass(frozen=True, slots=True)
class ModSeq(Item):
    """RFC 7162 3.1.4."""


@dataclass(frozen=True, slots=True)
class EmailId(Item):
    """RFC 8474 5.1."""


@dataclass(frozen=True, slots=True)
class ThreadId(Item):
    """RFC 8474 5.2."""


@dataclass(frozen=True, slots=True)
class SaveDate(Item):
    """RFC 8514."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview(Item):
    """RFC 8970."""

    lazy: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Section(Item):
    """``kind``: "", HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT or MIME. ``fields`` as the client wrote them.

    ``offset``, ``length``: of ``<offset.length>``. ``rfc822``: RFC822, RFC822.HEADER or RFC822.TEXT, where it was asked
    for by that name.
    """

    path: tuple[int, ...] = ()
    kind: str = ""
    fields: tuple[bytes, ...] = ()
    offset: int | None = None
    length: int | None = None
    peek: bool = False
    rfc822: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Binary(Item):
    """RFC 3516 4.2."""

    path: tuple[int, ...] = ()
    offset: int | None = None
    length: int | None = None
    peek: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class BinarySize(Item):
    """RFC 3516 4.2."""

    path: tuple[int, ...] = ()
