"""Rows in columns, made of what a database gives for each: its UID, then what is wanted, in the order of COLUMNS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

from yubin.mailboxes.port import COLUMNS, ROWS_LIMIT, Rows, Want


def gathered(found: Iterable[Sequence[Any]], want: Want, letter_id: Callable[[Any], UUID]) -> Rows:
    """``found`` is read up to the first row that does not fit any more, and may itself end behind one that reaches the limit.

    ``letter_id`` makes one of the value.
    """
    parts = [part for part in COLUMNS if part in want]
    given, more = _fitting(found, [n for n, part in enumerate(parts, 1) if part in Want.PARSED])
    uids, *columns = zip(*given, strict=True) if given else ((), *[()] * len(parts))
    named: dict[str, Any] = {COLUMNS[part][0]: column for part, column in zip(parts, columns, strict=True)}
    if Want.LETTER_ID in want:
        named["letter_ids"] = tuple([letter_id(value) for value in named["letter_ids"]])
    return Rows(uids=uids, more=more, **named)


def _fitting(found: Iterable[Sequence[Any]], heavy: Sequence[int]) -> tuple[Sequence[Sequence[Any]], bool]:
    """At least one, where there is one; and whether there may be more. ``heavy``: where parsed values are."""
    if not heavy:
        return [*found], False
    given: list[Sequence[Any]] = []
    held = 0
    for row in found:
        for n in heavy:
            held += len(row[n])
        if held > ROWS_LIMIT and given:
            return given, True
        given.append(row)
    return given, held >= ROWS_LIMIT
