"""One key of a SEARCH as a test (RFC 9051 6.4.4 and extensions): of columns, of a row, or of text.

Tests of columns have a place and answer; those of rows have what is known of a letter; those of text answer None when it is
not enough.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, date, datetime
from typing import Protocol

from yubin.imap.attributes import emailid
from yubin.imap.candidate import Known, normal
from yubin.imap.commands import keys
from yubin.imap.commands.keys import Key, Text
from yubin.imap.flags import bit
from yubin.imap.sets import SequenceSet

_DAY = 86400.0
_SUMMARY = frozenset({"SUBJECT", "FROM", "TO", "CC", "BCC"})
OF_ROWS = (keys.Date, keys.Younger, keys.Older, keys.EmailId, keys.ThreadId)

Test = Callable[[int, Known | None], bool | None]


class Columns(Protocol):
    """The selected mailbox, as services.gateway.imap.selected has it."""

    @property
    def uids(self) -> Sequence[int]: ...
    @property
    def flags(self) -> Sequence[int]: ...
    @property
    def modseqs(self) -> Sequence[int]: ...
    @property
    def sizes(self) -> Sequence[int]: ...
    @property
    def keywords(self) -> tuple[str, ...]: ...
    @property
    def recent_from(self) -> int: ...
    @property
    def saved(self) -> Collection[int]: ...


def of_columns(key: Key, columns: Columns) -> Test:
    uids, flags, modseqs, sizes = columns.uids, columns.flags, columns.modseqs, columns.sizes
    match key:
        case keys.Set(set=numbers):
            holds = _member(numbers, len(uids))
            return lambda place, _: holds(place + 1)
        case keys.Uid(set=numbers):
            holds = _member(numbers, uids[-1] if uids else 0)
            return lambda place, _: holds(uids[place])
        case keys.Saved():
            saved = frozenset(columns.saved)
            return lambda place, _: uids[place] in saved
        case keys.Flag(name="\\Recent", on=on):
            first = columns.recent_from
            return lambda place, _: (uids[place] >= first) is on
        case keys.Flag(name=name, on=on):
            mask = bit(name, columns.keywords)
            return lambda place, _: (flags[place] & mask != 0) is on
        case keys.ModSeq(modseq=modseq):
            return lambda place, _: modseqs[place] >= modseq
        case keys.Size(op=op, size=size):
            return (
                (lambda place, _: sizes[place] > size)
                if op == ">"
                else (lambda place, _: sizes[place] < size)
            )
    return lambda _place, _known: True  # ALL; SAVEDATESUPPORTED (RFC 8514 4.3)


def of_row(key: Key, now: float) -> Callable[[Known], bool]:
    match key:
        case keys.EmailId(id=wanted):
            return lambda known: emailid(known.row.letter_id) == wanted
        case keys.ThreadId(id=wanted):
            return lambda known: known.row.thread == wanted
        case keys.Younger(seconds=seconds):
            since = now - seconds
            return lambda known: known.row.received >= since
        case keys.Older(seconds=seconds):
            until = now - seconds
            return lambda known: known.row.received <= until
        case keys.Date(which=which, op=op, day=day):
            return _dated(which, *_span(op, day))
    raise TypeError(key)


def of_text(key: Text) -> Callable[[Known], bool | None]:
    wanted = normal(key.text)
    return _shown_text(key, wanted) if in_summary(key) else _letter_text(key, wanted)


def _shown_text(key: Text, wanted: str) -> Callable[[Known], bool | None]:
    """What a summary answers; where it was cut, or is empty and anything is wanted, the header does."""
    where = key.where if key.where != "HEADER" else key.field.upper()

    def test(known: Known) -> bool | None:
        text = known.shown(where)
        if text is not None and (wanted or text):
            return wanted in text
        return _in(known.field(where.lower()), wanted)

    return test


def _letter_text(key: Text, wanted: str) -> Callable[[Known], bool | None]:
    if key.where == "HEADER":
        return _field_text(key, wanted)
    if key.where == "BODY":
        return lambda known: _in(_listed(known.body()), wanted)

    def test(known: Known) -> bool | None:
        header = known.header()
        if header is not None and wanted in header:
            return True
        return _in(_listed(known.body()), wanted)

    return test


def _field_text(key: Text, wanted: str) -> Callable[[Known], bool | None]:
    name = key.field.lower()
    if not is_message_id(key):
        return lambda known: _in(known.field(name), wanted)

    def test(known: Known) -> bool | None:
        """Clients look for one letter among all by it: the ENVELOPE has it."""
        text = known.message_id()
        return wanted in normal(text) if wanted and text is not None else _in(known.field(name), wanted)

    return test


def _in(where: list[str] | None, wanted: str) -> bool | None:
    return None if where is None else any(wanted in text for text in where)


def _listed(text: str | None) -> list[str] | None:
    return None if text is None else [text]


def _member(numbers: SequenceSet, largest: int) -> Callable[[int], bool]:
    """RFC 9051: numbers that are not there match nothing."""
    pairs = numbers.resolved(largest)
    starts = [low for low, _ in pairs]

    def holds(number: int) -> bool:
        at = bisect_right(starts, number)
        return at > 0 and number <= pairs[at - 1][1]

    return holds


def _span(op: str, day: date) -> tuple[float, float]:
    """Seconds from and until; a date without a zone is one of the server's, which is UTC."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    if op == "before":
        return float("-inf"), midnight
    return midnight, midnight + _DAY if op == "on" else float("inf")


def _dated(which: str, since: float, until: float) -> Callable[[Known], bool]:
    if which == "internal":
        return lambda known: since <= known.row.received < until
    if which == "saved":
        return lambda known: since <= known.row.saved < until

    def sent(known: Known) -> bool:
        at = known.sent()
        return at is not None and since <= at < until

    return sent


def in_summary(key: Text) -> bool:
    """It can be answered without the letter, mostly."""
    return key.where in _SUMMARY or (key.where == "HEADER" and key.field.lower() == "subject")


def is_message_id(key: Text) -> bool:
    return key.where == "HEADER" and key.field.lower() == "message-id"
