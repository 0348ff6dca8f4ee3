"""FETCH items that are known beside a letter (RFC 9051 7.5.2): each becomes how it is written, and where its value is.

An item is looked up once for a command. Its value is taken ``one`` by one where a response has parts of the letter too, or
from the columns of ``many`` letters, which costs a fraction: then a response is one template and one tuple.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from math import floor
from operator import attrgetter
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from yubin import ids
from yubin.imap.bodystructure import bodystructure
from yubin.imap.commands import items
from yubin.imap.flags import Rendered
from yubin.imap.quoting import text
from yubin.imap.strings import NIL
from yubin.mail import structure, summary

_MONTHS = (
    b"",
    b"Jan",
    b"Feb",
    b"Mar",
    b"Apr",
    b"May",
    b"Jun",
    b"Jul",
    b"Aug",
    b"Sep",
    b"Oct",
    b"Nov",
    b"Dec",
)


class Row(Protocol):
    """What is kept beside a letter, as yubin.mailboxes.port.Row has it; times in Unix seconds."""

    @property
    def letter_id(self) -> UUID: ...
    @property
    def size(self) -> int: ...
    @property
    def received(self) -> float: ...
    @property
    def saved(self) -> float: ...
    @property
    def thread(self) -> str: ...
    @property
    def envelope(self) -> bytes: ...
    @property
    def structure(self) -> bytes: ...
    @property
    def summary(self) -> bytes: ...


class Entry(NamedTuple):
    """One line of FETCH. ``bits``: the flags, with yubin.imap.flags.RECENT where it is. ``row`` None: nothing asked for it."""

    seq: int
    uid: int
    bits: int
    modseq: int
    row: Row | None


class Rows(Protocol):
    """The same of many, as yubin.mailboxes.port.Rows has it; what nobody asked for is empty."""

    @property
    def letter_ids(self) -> Sequence[UUID]: ...
    @property
    def received(self) -> Sequence[float]: ...
    @property
    def saved(self) -> Sequence[float]: ...
    @property
    def threads(self) -> Sequence[str]: ...
    @property
    def envelopes(self) -> Sequence[bytes]: ...
    @property
    def structures(self) -> Sequence[bytes]: ...
    @property
    def summaries(self) -> Sequence[bytes]: ...


class Entries(NamedTuple):
    """Many lines, in columns. ``rows`` None: nothing was asked for but what the mailbox itself has."""

    seqs: Sequence[int]
    uids: Sequence[int]
    bits: Sequence[int]
    modseqs: Sequence[int]
    sizes: Sequence[int]
    rows: Rows | None


class Attribute(NamedTuple):
    """``form`` has a place for one value."""

    form: bytes
    one: Callable[[Entry], Any]
    many: Callable[[Entries], Iterable[Any]]


def attribute(item: items.Item, shown: Rendered, *, utf8: bool) -> Attribute | None:
    """None for an item that needs the letter."""
    if isinstance(item, items.Flags):
        return _value(b"FLAGS %b", "bits", "bits", shown.__getitem__)
    if isinstance(item, items.BodyStructure):
        return _WHOLE if item.extended else _BODY
    if isinstance(item, items.Preview):
        return _PREVIEW_UTF8 if utf8 else _PREVIEW
    return _FIXED.get(type(item))


def emailid(letter_id: UUID) -> str:
    """RFC 8474 5.1; the first character is a letter (4.1)."""
    return "M" + ids.number(letter_id)


def date_time(at: float) -> bytes:
    """RFC 3501 9 date-time, in quotes; letters are kept with a moment, not with its zone."""
    day, second = divmod(floor(at), 86400)
    return b'"%b %02d:%02d:%02d +0000"' % (_day(day), second // 3600, second // 60 % 60, second % 60)


@lru_cache(1024)
def _day(number: int) -> bytes:
    """Since 1970: most letters have theirs in common with others."""
    year, month, day, *_ = time.gmtime(number * 86400)
    return b"%2d-%b-%04d" % (day, _MONTHS[month], year)


def _body(packed: bytes) -> bytes:
    return bodystructure(structure.unpack(packed), extended=False)


def _whole(packed: bytes) -> bytes:
    return bodystructure(structure.unpack(packed), extended=True)


def _preview(packed: bytes) -> bytes:
    """RFC 8970 3.1; it was made on arrival, so that LAZY never has to be told NIL."""
    return text(summary.unpack(packed).preview, utf8=False)


def _preview_utf8(packed: bytes) -> bytes:
    return text(summary.unpack(packed).preview, utf8=True)


def _saved(at: float) -> bytes:
    """RFC 8514 4.2; NIL only where nobody knows."""
    return date_time(at) if at > 0 else NIL


def _value(form: bytes, one: str, many: str, shown: Callable[[Any], Any] | None = None) -> Attribute:
    """``one`` and ``many`` name it in Entry and Entries; ``shown``: what stands in the place."""
    of_one, of_many = attrgetter(one), attrgetter(many)
    if shown is None:
        return Attribute(form, of_one, of_many)
    return Attribute(form, lambda entry: shown(of_one(entry)), lambda entries: map(shown, of_many(entries)))


_BODY = _value(b"BODY %b", "row.structure", "rows.structures", _body)
_WHOLE = _value(b"BODYSTRUCTURE %b", "row.structure", "rows.structures", _whole)
_PREVIEW = _value(b"PREVIEW %b", "row.summary", "rows.summaries", _preview)
_PREVIEW_UTF8 = _value(b"PREVIEW %b", "row.summary", "rows.summaries", _preview_utf8)
_FIXED: Mapping[type[items.Item], Attribute] = {
    items.Uid: _value(b"UID %d", "uid", "uids"),
    items.ModSeq: _value(b"MODSEQ (%d)", "modseq", "modseqs"),  # RFC 7162 3.1.4.2
    items.Envelope: _value(b"ENVELOPE %b", "row.envelope", "rows.envelopes"),
    items.InternalDate: _value(b"INTERNALDATE %b", "row.received", "rows.received", date_time),
    items.Size: _value(b"RFC822.SIZE %d", "row.size", "sizes"),
    items.EmailId: _value(
        b"EMAILID (%b)", "row.letter_id", "rows.letter_ids", lambda id_: emailid(id_).encode()
    ),
    items.ThreadId: _value(b"THREADID (%b)", "row.thread", "rows.threads", str.encode),
    items.SaveDate: _value(b"SAVEDATE %b", "row.saved", "rows.saved", _saved),
}
