"""SORT (RFC 5256 3, and DISPLAYFROM, DISPLAYTO of RFC 5957): the order of letters by one criterion after the other.

A ``Sorting`` is given letters one at a time, in the order of the mailbox, and keeps a column for each criterion and
nothing else of them. Letters that are equal stay in the order of the mailbox, also under REVERSE.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from yubin.imap.collation import collate
from yubin.imap.commands.sort import Criterion
from yubin.mail.summary import Summary

_COLUMNS_ALONE = frozenset({"ARRIVAL", "SIZE"})
_BARE = re.compile(r"([^<>@,;]*)@[^<>@,;\s]*(?=, |;|\Z)")
_NAMED = re.compile(r"(.*?) ?<([^<>]*)>(?=, |;|\Z)")
_GROUP = re.compile(r"([^<>@,;]*): ")

Key = float | int | str


class Sorting:
    def __init__(self, criteria: Sequence[Criterion]) -> None:
        self._criteria = tuple(criteria)
        self._numbers: list[int] = []
        self._columns: list[list[Key]] = [[] for _ in criteria]

    @property
    def needs_summary(self) -> bool:
        return any(one.name not in _COLUMNS_ALONE for one in self._criteria)

    def add(self, number: int, *, received: float, size: int, summary: Summary) -> None:
        """``number``: what the result shall name. ``summary``: an empty one where none is needed."""
        self._numbers.append(number)
        for criterion, column in zip(self._criteria, self._columns, strict=True):
            column.append(_KEYS[criterion.name](received, size, summary))

    def order(self) -> list[int]:
        places = list(range(len(self._numbers)))
        for criterion, column in zip(reversed(self._criteria), reversed(self._columns), strict=True):
            places.sort(key=column.__getitem__, reverse=criterion.reverse)
        return [self._numbers[place] for place in places]


def first_mailbox(shown: str) -> str:
    """addr-mailbox of the first address of a summary's list; of a group, its name, as an ENVELOPE has it there."""
    return _first(shown)[1]


def first_display(shown: str) -> str:
    """RFC 5957 3: the display name, or else the address."""
    name, mailbox, address = _first(shown)
    return name or address or mailbox


def _first(shown: str) -> tuple[str, str, str]:
    """Name, mailbox and address of the first one in a list as yubin.mail.summary writes it."""
    m = _GROUP.match(shown)
    if m is not None:
        return m[1], m[1], ""
    m = _BARE.match(shown)
    if m is not None:
        return "", m[1], m[0]
    m = _NAMED.match(shown)
    if m is not None:
        return m[1], m[2].rpartition("@")[0] or m[2], m[2]
    return "", shown, shown


def _sent(received: float, _size: int, about: Summary) -> Key:
    """RFC 5256 2.2: the internal date where there is no valid Date."""
    return received if about.date is None else about.date


_KEYS: Mapping[str, Callable[[float, int, Summary], Key]] = {
    "ARRIVAL": lambda received, _size, _about: received,
    "SIZE": lambda _received, size, _about: size,
    "DATE": _sent,
    "SUBJECT": lambda _received, _size, about: collate(about.base),
    "FROM": lambda _received, _size, about: collate(first_mailbox(about.from_)),
    "TO": lambda _received, _size, about: collate(first_mailbox(about.to)),
    "CC": lambda _received, _size, about: collate(first_mailbox(about.cc)),
    "DISPLAYFROM": lambda _received, _size, about: collate(first_display(about.from_)),
    "DISPLAYTO": lambda _received, _size, about: collate(first_display(about.to)),
}
