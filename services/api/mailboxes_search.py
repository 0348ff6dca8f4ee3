"""Letters that have all the words: by the index, and by looking at letters that are not in it yet.

A letter is indexed some seconds after it came, after an import some minutes. Those that are not are read here, with the
tokenizer that the index uses, at most ``LOOKED_AT`` of them for one question and few at a time, so that no question
costs more than a second or two; how many were left is said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from yubin.mail.words import QueryWord
from yubin.mailboxes.account import Account
from yubin.mailboxes.port import Mailbox, Row, Want, Word
from yubin.mailboxes.reading import index_words

LOOKED_AT = 500
THREAD_ABOVE = 256 * 1024  # octets of a letter that is read beside the event loop


@dataclass(frozen=True, kw_only=True)
class Found:
    """``more``: the limit was reached. ``unknown`` letters were not looked at."""

    rows: list[tuple[Mailbox, Row]]
    more: bool
    unknown: int


class Search:
    """``reading`` bounds how many letters are in memory for it."""

    def __init__(self, account: Account, wanted: Sequence[QueryWord], reading: asyncio.Semaphore) -> None:
        self._account, self._wanted, self._reading = account, wanted, reading
        self._looked_at = 0

    async def run(self, chosen: Sequence[Mailbox], limit: int) -> Found:
        rows: list[tuple[Mailbox, Row]] = []
        unknown = 0
        for box in chosen:
            uids, unread = await self._matching(box, limit + 1 - len(rows))
            unknown += unread
            found = {row.uid: row async for row in self._account.rows(box.id, sorted(uids), Want.SUMMARY)}
            rows += [(box, found[uid]) for uid in uids if uid in found]
            if len(rows) > limit:
                break
        return Found(rows=rows[:limit], more=len(rows) > limit, unknown=unknown)

    async def _matching(self, box: Mailbox, most: int) -> tuple[list[int], int]:
        """UIDs, the newest first, and how many could not be looked at."""
        words = [Word(text=word.text, prefix=word.prefix) for word in self._wanted]
        match = await self._account.match(box.id, words)
        known, uids, unread = set(match.uids), list[int](), 0
        for uid in sorted(known.union(match.unknown), reverse=True):
            if uid not in known and self._looked_at >= LOOKED_AT:
                unread += 1
            elif uid in known or await self._has(box.id, uid):
                uids.append(uid)
                if len(uids) == most:
                    break
        return uids, unread

    async def _has(self, mailbox_id: int, uid: int) -> bool:
        self._looked_at += 1
        async with self._reading:
            async for some in self._account.letters(mailbox_id, [uid]):
                (raw,) = some.bodies
                if len(raw) > THREAD_ABOVE:
                    header, body = await asyncio.to_thread(index_words, raw)
                else:
                    header, body = index_words(raw)
                return all(_occurs(word, header | body) for word in self._wanted)
        return False


def _occurs(word: QueryWord, words: frozenset[str]) -> bool:
    return word.text in words or (word.prefix and any(other.startswith(word.text) for other in words))
