"""SORT and THREAD (RFC 5256): letters in the order of the mailbox, given one by one to what keeps of them what it compares."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar

from services.gateway.imap.ahead import ahead, batches
from yubin.imap.references import References
from yubin.imap.sort import Sorting
from yubin.imap.threads import OrderedSubject, Threading, thread
from yubin.mail.summary import Summary, unpack
from yubin.mailboxes.port import Row, Want

if TYPE_CHECKING:
    from services.gateway.imap.session import Session

BATCH = 250  # rows
LONG = 5000  # letters; to order more takes milliseconds
THREADINGS: Mapping[str, Callable[[], Threading]] = {
    "ORDEREDSUBJECT": OrderedSubject,
    "REFERENCES": References,
}
Add = Callable[[int, Row, Summary], None]
T = TypeVar("T")
_EMPTY = Summary()


async def ordered(session: Session, places: Sequence[int], sorting: Sorting) -> list[int]:
    """``places`` as SORT wants them; those of letters that are gone are left out."""
    await _each(
        session,
        places,
        lambda place, row, about: sorting.add(place, received=row.received, size=row.size, summary=about),
        summary=sorting.needs_summary,
    )
    return await _slowly(sorting.order, len(places))


async def threaded(session: Session, places: Sequence[int], algorithm: str, *, uid: bool) -> bytes:
    """The untagged response."""
    threading, uids = THREADINGS[algorithm](), session.box.uids
    await _each(
        session,
        places,
        lambda place, row, about: threading.add(
            uids[place] if uid else place + 1, received=row.received, summary=about
        ),
        summary=True,
    )
    return await _slowly(lambda: thread(threading.forest()), len(places))


async def _each(session: Session, places: Sequence[int], add: Add, *, summary: bool) -> None:
    selected, want = session.box, Want.SUMMARY if summary else Want.NOTHING

    async def read(some: Sequence[int]) -> list[Row]:
        found = session.account.rows(selected.mailbox.id, [selected.uids[at] for at in some], want)
        return [row async for row in found]

    async with aclosing(ahead(batches(places, BATCH), read)) as batch:
        async for _, rows in batch:
            for row in rows:
                add(selected.place(row.uid), row, unpack(row.summary) if summary else _EMPTY)
            await asyncio.sleep(0)


async def _slowly(call: Callable[[], T], count: int) -> T:
    """Others have their turn while many are compared."""
    return await asyncio.to_thread(call) if count > LONG else call()
