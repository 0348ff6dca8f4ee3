r"""What SEARCH can ask for (RFC 9051 6.4.4 and extensions), as values. How it is read: commands/search_keys.py.

NEW is ``And(Flag(\Recent), …)``, OLD is ``Flag(\\Recent, on=False)``; an OR whose right side is an OR is one
``Or`` of all of them, so that clients may write long chains.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from yubin.imap.sets import SequenceSet


class Key:
    """Any of the classes below."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class All(Key):
    pass


@dataclass(frozen=True, kw_only=True, slots=True)
class And(Key):
    keys: tuple[Key, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Or(Key):
    """Two or more."""

    keys: tuple[Key, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Not(Key):
    key: Key


@dataclass(frozen=True, kw_only=True, slots=True)
class Set(Key):
    """Sequence numbers."""

    set: SequenceSet


@dataclass(frozen=True, kw_only=True, slots=True)
class Uid(Key):
    set: SequenceSet


@dataclass(frozen=True, slots=True)
class Saved(Key):
    """The result that was kept (RFC 5182): "$"."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Flag(Key):
    """``name``: a system flag as RFC 9051 2.3.2 writes it (also Recent), or a keyword as the client wrote it."""

    name: str
    on: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Text(Key):
    """``where``: BCC, BODY, CC, FROM, HEADER, SUBJECT, TEXT or TO. ``field``: of HEADER, as the client wrote it.

    An empty ``text`` matches whatever has the field.
    """

    where: str
    text: str
    field: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Date(Key):
    """``which``: "internal", "sent" or "saved" (RFC 8514). ``op``: "before", "on" or "since"."""

    which: str
    op: str
    day: date


@dataclass(frozen=True, kw_only=True, slots=True)
class Size(Key):
    """``op``: ">" (LARGER) or "<" (SMALLER)."""

    op: str
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ModSeq(Key):
    """At least ``modseq`` (RFC 7162 3.1.5). ``entry``: the flag that a client names; we keep one MODSEQ for all flags."""

    modseq: int
    entry: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Younger(Key):
    """RFC 5032."""

    seconds: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Older(Key):
    """RFC 5032."""

    seconds: int


@dataclass(frozen=True, kw_only=True, slots=True)
class EmailId(Key):
    """RFC 8474 6."""

    id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ThreadId(Key):
    """RFC 8474 6."""

    id: str


@dataclass(frozen=True, slots=True)
class SaveDateSupported(Key):
    """RFC 8514 4.4."""
