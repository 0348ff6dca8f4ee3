"""FETCH items that are known beside a letter (RFC 9051 7.5.2): each becomes a function from an entry to ``NAME value``.

An item is looked up once for a command, its function is called for each letter, and so does as little as it can.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
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


Attribute = Callable[[Entry], bytes]


def attribute(item: items.Item, shown: Rendered, *, utf8: bool) -> Attribute | None:
    """None for an item that needs the letter."""
    if isinstance(item, items.Flags):
        return lambda entry: b"FLAGS %b" % shown[entry.bits]
    if isinstance(item, items.BodyStructure):
        return _whole if item.extended else _body
    if isinstance(item, items.Preview):
        return _preview_utf8 if utf8 else _preview
    return _FIXED.get(type(item))


def emailid(letter_id: UUID) -> str:
    """RFC 8474 5.1; the first character is a letter (4.1)."""
    return "M" + ids.number(letter_id)


def date_time(at: float) -> bytes:
    """RFC 3501 9 date-time, in quotes; letters are kept with a moment, not with its zone."""
    year, month, day, hour, minute, second, *_ = time.gmtime(at)
    return b'"%2d-%b-%04d %02d:%02d:%02d +0000"' % (day, _MONTHS[month], year, hour, minute, second)


def _envelope(entry: Entry) -> bytes:
    return b"ENVELOPE %b" % _row(entry).envelope


def _body(entry: Entry) -> bytes:
    return b"BODY %b" % bodystructure(structure.unpack(_row(entry).structure), extended=False)


def _whole(entry: Entry) -> bytes:
    return b"BODYSTRUCTURE %b" % bodystructure(structure.unpack(_row(entry).structure), extended=True)


def _preview(entry: Entry) -> bytes:
    """RFC 8970 3.1; it was made on arrival, so that LAZY never has to be told NIL."""
    return b"PREVIEW %b" % text(summary.unpack(_row(entry).summary).preview, utf8=False)


def _preview_utf8(entry: Entry) -> bytes:
    return b"PREVIEW %b" % text(summary.unpack(_row(entry).summary).preview, utf8=True)


def _savedate(entry: Entry) -> bytes:
    """RFC 8514 4.2; NIL only where nobody knows."""
    saved = _row(entry).saved
    return b"SAVEDATE %b" % (date_time(saved) if saved > 0 else NIL)


def _row(entry: Entry) -> Any:
    """A caller without a row asked for nothing of it: ``Wants.row`` said so."""
    return entry.row


_FIXED: Mapping[type[items.Item], Attribute] = {
    items.Uid: lambda entry: b"UID %d" % entry.uid,
    items.ModSeq: lambda entry: b"MODSEQ (%d)" % entry.modseq,  # RFC 7162 3.1.4.2
    items.Envelope: _envelope,
    items.InternalDate: lambda entry: b"INTERNALDATE %b" % date_time(_row(entry).received),
    items.Size: lambda entry: b"RFC822.SIZE %d" % _row(entry).size,
    items.EmailId: lambda entry: b"EMAILID (%b)" % emailid(_row(entry).letter_id).encode(),
    items.ThreadId: lambda entry: b"THREADID (%b)" % _row(entry).thread.encode(),
    items.SaveDate: _savedate,
}
