"""Group commit for mailboxes: letters come one by one, and go in by the batch (yubin.database.group).

A group is sorted by account and mailbox, so that all pods lock in one order. When the outcome of a commit is unknown it
is simply delivered again: who is there already hears his place. ``mailboxes`` is the store for everything else.
"""

from __future__ import annotations

from collections.abc import Sequence

from yubin.database.failures import CommitUnknown
from yubin.database.group import GROUP_LIMIT, PAUSES, Line, look, meters
from yubin.errors import Failure
from yubin.mailboxes.again import Again
from yubin.mailboxes.port import Delivered, Mailboxes, NewLetter

_METERS = meters("mailboxes", "mailboxes")


class Grouped:
    """``deliver`` is for one letter. What may be said twice is, in ``mailboxes`` too."""

    def __init__(
        self, mailboxes: Mailboxes, *, limit: int = GROUP_LIMIT, pauses: Sequence[float] = PAUSES
    ) -> None:
        self.mailboxes: Mailboxes = Again(mailboxes, pauses=pauses)
        self._store, self._pauses = mailboxes, pauses
        self._line: Line[NewLetter, Delivered | Failure] = Line("deliver", self._deliver, limit, _METERS)

    async def deliver(self, letter: NewLetter) -> Delivered:
        """Durable on return. Raises what the store answers; Unavailable when nobody can tell."""
        answer = await self._line.put(letter)
        if isinstance(answer, Failure):
            raise answer
        return answer

    async def close(self) -> None:
        """Sees through what was asked for, then closes the store."""
        await self._line.drained()
        await self._store.close()

    async def _deliver(self, letters: Sequence[NewLetter]) -> Sequence[Delivered | Failure]:
        order = sorted(range(len(letters)), key=lambda n: _place(letters[n]))
        batch = [letters[n] for n in order]
        try:
            answers = await self._store.deliver(batch)
        except CommitUnknown:
            answers = await look(lambda: self._store.deliver(batch), self._pauses)
        by_place = dict(zip(order, answers, strict=True))
        return [by_place[n] for n in range(len(letters))]


def _place(letter: NewLetter) -> tuple[str, int, str]:
    return letter.account, letter.mailbox_id or 0, letter.special_use
