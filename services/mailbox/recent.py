"""Small letters that were delivered or read lately: a new letter is read at once, by each device of its reader.

A letter never changes, so that what lies here is right for as long as an entry leads to it; whether one does is asked of
the store each time. The least lately used give way when there is too much. Another pod has its own.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple
from uuid import UUID

from services.mailbox import meters
from yubin.mailboxes.port import ROW_LIMIT

COST = 500  # octets of one besides its body, about


class Letter(NamedTuple):
    """``origin``: the traceparent with which it came, or ""."""

    body: bytes
    origin: str


class Recent:
    """``limit`` in octets; 0: nothing is kept."""

    def __init__(self, limit: int) -> None:
        self._limit, self._octets = limit, 0
        self._letters: OrderedDict[tuple[str, UUID], Letter] = OrderedDict()  # the last one was used last

    def find(self, account: str, letter_id: UUID) -> Letter | None:
        key = account, letter_id
        if (found := self._letters.get(key)) is not None:
            self._letters.move_to_end(key)
        return found

    def keep(self, account: str, letter_id: UUID, letter: Letter) -> None:
        """Larger ones than a row holds are not kept."""
        key = account, letter_id
        if len(letter.body) > ROW_LIMIT or key in self._letters:
            return
        self._letters[key] = letter
        self._octets += COST + len(letter.body)
        while self._octets > self._limit:
            _, old = self._letters.popitem(last=False)
            self._octets -= COST + len(old.body)
        meters.RECENT.set(self._octets)
