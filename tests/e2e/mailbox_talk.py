"""How a client of the mailbox chaos talks to the pod: a journal's line is said, and comes back with its answer.

``LOST`` is what a client hears when the pod dies under its request, or is not there: done or not, nobody knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from typing import TypeVar

from tests.e2e.mailbox_journal import Line
from yubin.errors import Failure, Unavailable
from yubin.mailboxes.account import Account
from yubin.mailboxes.deliveries import Deliveries, Inbound
from yubin.mailboxes.flags import names
from yubin.mailboxes.port import Delivered, How, Want

T = TypeVar("T")
Place = tuple[int, int]  # mailbox and UID
LOST = Unavailable
PAUSE = 0.1  # seconds before it is tried again


async def say(account: Account, line: Line) -> Line:
    """A store, copy, move or expunge; raises ``LOST``."""
    uids = [uid for uid, _ in line.asked]
    if line.kind == "store":
        stored = await account.store(line.source, uids, How(line.how), frozenset(line.flags))
        flags = [sorted(names(bits, stored.keywords)) for bits in stored.flags]
        return replace(line, answer=[*zip(stored.uids, flags, strict=True)], modseq=stored.modseq)
    if line.kind == "expunge":
        gone = await account.expunge(line.source, uids, only_deleted=line.only_deleted)
        return replace(line, answer=[*gone.uids], modseq=gone.modseq)
    copied = await account.copy(line.source, uids, line.target, move=line.kind == "move")
    return replace(line, answer=[*zip(copied.sources, copied.targets, strict=True)], modseq=copied.modseq)


async def hand_over(deliveries: Deliveries, letter: Inbound) -> Delivered:
    """To its only account."""
    (answer,) = await deliveries.deliver(letter)
    if isinstance(answer, Failure):
        raise answer
    return answer


async def ids(account: Account, mailbox: int, uids: Sequence[int]) -> list[tuple[int, str]]:
    """Which letters these are; those that are gone are left out."""
    return [(row.uid, str(row.letter_id)) async for row in account.rows(mailbox, uids, Want.NOTHING)]


async def look(
    account: Account, mailboxes: Collection[int], mine: Collection[str]
) -> list[tuple[int, int, str, list[str]]]:
    """Mailbox, UID, letter and flags. SELECT writes, and so comes after whatever of ours is still under way."""
    found = []
    for mailbox in sorted(set(mailboxes)):
        await account.select(mailbox)
        flags: dict[int, list[str]] = {}
        async for page in account.view(mailbox):
            shown = (sorted(names(bits, page.keywords)) for bits in page.flags)
            flags |= dict(zip(page.uids, shown, strict=True))
        known = await ids(account, mailbox, [*flags])
        found += [(mailbox, uid, letter, flags[uid]) for uid, letter in known if letter in mine]
    return found


async def insist(ask: Callable[[], Awaitable[T]]) -> tuple[T, int]:
    """Until an answer comes; how often it was asked."""
    tries = 0
    while True:
        tries += 1
        try:
            return await ask(), tries
        except LOST:
            await asyncio.sleep(PAUSE)
