"""SEARCH (RFC 3501 6.4.4, RFC 9051 6.4.4 and extensions): a key becomes a test, and reads as little as it must.

A test answers True, False, or None: not known yet. It is asked in three rounds, each about those that the last one left
open: by columns alone (flags, sizes, numbers, and what the index said), with each letter's row, with the letter itself.

    found = what the index said to lookup.lookups(key)
    test = compile_key(key, columns, now=now, found=found)
    test(place, None)
    test(place, Known(row))
    test(place, Known(row, letter))

``place`` is a sequence number less one.

AND, OR and NOT are those of three values (Kleene), so that a letter is read only when the answer depends on it; what is
cheap is asked first. All text is compared folded (yubin.imap.candidate). The last round always answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from yubin.imap import codes
from yubin.imap.candidate import Known
from yubin.imap.commands import keys
from yubin.imap.commands.keys import Key, Text
from yubin.imap.flaw import Flaw
from yubin.imap.lookup import Found, texts
from yubin.imap.search_terms import (
    OF_ROWS,
    Columns,
    Test,
    in_summary,
    is_message_id,
    of_columns,
    of_row,
    of_text,
)

LETTER_TEXTS = 100  # keys of one search that look into letters: each costs a pass over each text


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What the second round has to read (``row`` and what of it); the third: ``header`` alone, or ``body``, the whole letter."""

    row: bool
    letter_id: bool
    received: bool
    saved: bool
    thread: bool
    envelope: bool
    summary: bool
    header: bool
    body: bool
    modseq: bool  # the answer names the highest MODSEQ (RFC 7162 3.1.5)


def needs(key: Key) -> Needs:
    found = list(_leaves(key))
    shown = [one for one in found if isinstance(one, Text)]
    dates = {one.which for one in found if isinstance(one, keys.Date)}
    return Needs(
        row=any(isinstance(one, OF_ROWS) for one in found) or any(map(_beside, shown)),
        letter_id=any(isinstance(one, keys.EmailId) for one in found),
        received="internal" in dates or any(isinstance(one, keys.Younger | keys.Older) for one in found),
        saved="saved" in dates,
        thread=any(isinstance(one, keys.ThreadId) for one in found),
        envelope="sent" in dates or any(is_message_id(one) for one in shown),
        summary=any(in_summary(one) for one in shown),
        header=bool(shown),
        body=any(one.where in {"BODY", "TEXT"} for one in shown),
        modseq=any(isinstance(one, keys.ModSeq) for one in found),
    )


def compile_key(key: Key, columns: Columns, *, now: float, found: Iterable[Found] = ()) -> Test:
    """``now``: for YOUNGER and OLDER (RFC 5032). Raises Flaw ([LIMIT]) for too many keys that read letters."""
    if sum(1 for one in texts(key) if not in_summary(one)) > LETTER_TEXTS:
        raise Flaw(f"A search looks for at most {LETTER_TEXTS} texts", code=codes.LIMIT, status="NO")
    return _Compiler(columns, now, {one.lookup.key: one for one in found}).test(key)


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
        if isinstance(key, OF_ROWS):
            answers = of_row(key, self._now)
            return lambda _place, known: None if known is None else answers(known)
        return of_columns(key, self._columns)

    def _text(self, key: Text) -> Test:
        by_hand = of_text(key)
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


def _beside(key: Text) -> bool:
    return in_summary(key) or is_message_id(key)


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
        return 2 if _beside(key) else 3
    return 1 if isinstance(key, OF_ROWS) else 0
