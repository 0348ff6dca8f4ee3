"""SEARCH (RFC 3501 6.4.4, RFC 9051 6.4.4 and extensions): a key becomes a test, and reads as little as it must.

A test answers True, False, or None: not known yet. It is asked in three rounds, each about those that the last one left
open: by columns alone (flags, sizes, numbers, and what the index said), with each letter's row, with the letter itself.

    found = what the index said to lookup.lookups(key)
    test = compile_key(key, columns, now=now, found=found)
    yes, open_ = by_columns(test, len(columns.uids))
    … test(place, Known(row)) … test(place, Known(row, letter))

AND, OR and NOT are those of three values (Kleene), so that a letter is read only when the answer depends on it; what is
cheap is asked first. All text is compared folded (yubin.imap.candidate). The last round always answers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Protocol

from yubin.imap import codes
from yubin.imap.attributes import emailid
from yubin.imap.candidate import Known, normal
from yubin.imap.commands import keys
from yubin.imap.commands.keys import Key, Text
from yubin.imap.flags import bit
from yubin.imap.flaw import Flaw
from yubin.imap.lookup import Found, texts
from yubin.imap.sets import SequenceSet

LETTER_TEXTS = 100  # keys of one search that look into letters: each costs a pass over each text
_DAY = 86400.0

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


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What the second round has to read (``row`` and what of it); the third: ``header`` alone, or ``body``, the whole letter."""

    row: bool
    envelope: bool
    summary: bool
    header: bool
    body: bool
    modseq: bool  # the answer names the highest MODSEQ (RFC 7162 3.1.5)


def needs(key: Key) -> Needs:
    found = list(_leaves(key))
    shown = [one for one in found if isinstance(one, Text)]
    sent = any(isinstance(one, keys.Date) and one.which == "sent" for one in found)
    return Needs(
        row=any(isinstance(one, _OF_ROWS) for one in found) or any(map(_summary_field, shown)),
        envelope=sent or any(_is_message_id(one) for one in shown),
        summary=any(_summary_field(one) for one in shown),
        header=bool(shown),
        body=any(one.where in {"BODY", "TEXT"} for one in shown),
        modseq=any(isinstance(one, keys.ModSeq) for one in found),
    )


def compile_key(key: Key, columns: Columns, *, now: float, found: Iterable[Found] = ()) -> Test:
    """``now``: for YOUNGER and OLDER (RFC 5032). Raises Flaw ([LIMIT]) for too many keys that read letters."""
    if sum(1 for one in texts(key) if not _summary_field(one)) > LETTER_TEXTS:
        raise Flaw(f"A search looks for at most {LETTER_TEXTS} texts", code=codes.LIMIT, status="NO")
    return _Compiler(columns, now, {one.lookup.key: one for one in found}).test(key)


def by_columns(test: Test, count: int) -> tuple[list[int], list[int]]:
    """The first round: places (sequence numbers less one) that match, and those that are open."""
    yes: list[int] = []
    still: list[int] = []
    for place in range(count):
        answer = test(place, None)
        if answer:
            yes.append(place)
        elif answer is None:
            still.append(place)
    return yes, still


class _Compiler:
    def __init__(self, columns: Columns, now: float, found: Mapping[Text, Found]) -> None:
        self._columns, self._now, self._found = columns, now, found

    def test(self, key: Key) -> Test:
        if isinstance(key, keys.And):
            return _all([self.test(one) for one in sorted(key.keys, key=_cost)])
        if isinstance(key, keys.Or):
            return _any([self.test(one) for one in sorted(key.keys, key=_cost)])
        if isinstance(key, keys.Not):
            return _not(self.test(key.key))
        if isinstance(key, Text):
            return self._text(key)
        if isinstance(key, _OF_ROWS):
            of_row = self._of_row(key)
            return lambda _place, known: None if known is None else of_row(known)
        return self._of_columns(key)

    def _of_columns(self, key: Key) -> Test:
        columns = self._columns
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

    def _of_row(self, key: Key) -> Callable[[Known], bool]:
        match key:
            case keys.EmailId(id=wanted):
                return lambda known: emailid(known.row.letter_id) == wanted
            case keys.ThreadId(id=wanted):
                return lambda known: known.row.thread == wanted
            case keys.Younger(seconds=seconds):
                since = self._now - seconds
                return lambda known: known.row.received >= since
            case keys.Older(seconds=seconds):
                until = self._now - seconds
                return lambda known: known.row.received <= until
            case keys.Date(which=which, op=op, day=day):
                return _dated(which, *_span(op, day))
        raise TypeError(key)

    def _text(self, key: Text) -> Test:
        wanted = normal(key.text)
        by_hand = _shown_text(key, wanted) if _summary_field(key) else _letter_text(key, wanted)
        answer = self._found.get(key)
        if answer is None:
            return lambda _place, known: None if known is None else by_hand(known)
        uids, hits, unknown = self._columns.uids, answer.uids, answer.unknown
        exact = answer.lookup.exact

        def indexed(place: int, known: Known | None) -> bool | None:
            uid = uids[place]
            if uid in hits:
                if exact:
                    return True
            elif uid not in unknown:
                return False
            return None if known is None else by_hand(known)

        return indexed


def _all(tests: list[Test]) -> Test:
    def test(place: int, known: Known | None) -> bool | None:
        result: bool | None = True
        for one in tests:
            answer = one(place, known)
            if answer is False:
                return False
            if answer is None:
                result = None
        return result

    return test


def _any(tests: list[Test]) -> Test:
    def test(place: int, known: Known | None) -> bool | None:
        result: bool | None = False
        for one in tests:
            answer = one(place, known)
            if answer:
                return True
            if answer is None:
                result = None
        return result

    return test


def _not(inner: Test) -> Test:
    def test(place: int, known: Known | None) -> bool | None:
        answer = inner(place, known)
        return None if answer is None else not answer

    return test


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
    if not _is_message_id(key):
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


def _summary_field(key: Text) -> bool:
    """It can be answered without the letter, mostly."""
    return key.where in _SUMMARY or (key.where == "HEADER" and key.field.lower() == "subject")


def _is_message_id(key: Text) -> bool:
    return key.where == "HEADER" and key.field.lower() == "message-id"


def _leaves(key: Key) -> Iterable[Key]:
    waiting = [key]
    while waiting:
        here = waiting.pop()
        if isinstance(here, keys.And | keys.Or):
            waiting.extend(here.keys)
        elif isinstance(here, keys.Not):
            waiting.append(here.key)
        else:
            yield here


def _cost(key: Key) -> int:
    """Columns, rows, summaries, letters."""
    return max((_leaf_cost(one) for one in _leaves(key)), default=0)


def _leaf_cost(key: Any) -> int:
    if isinstance(key, Text):
        return 2 if _summary_field(key) else 3
    return 1 if isinstance(key, _OF_ROWS) else 0


_SUMMARY = frozenset({"SUBJECT", "FROM", "TO", "CC", "BCC"})
_OF_ROWS = (keys.Date, keys.Younger, keys.Older, keys.EmailId, keys.ThreadId)
