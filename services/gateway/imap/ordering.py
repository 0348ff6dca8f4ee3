"""SORT and THREAD (RFC 5256): letters in the order of the mailbox, given one by one to what keeps of them what it compares."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from itertools import repeat
from typing import TYPE_CHECKING, TypeVar

from services.gateway.imap.ahead import batches, following
from yubin.imap.references import References
from yubin.imap.sort import Sorting
from yubin.imap.threads import OrderedSubject, Threading, thread
from yubin.mail.summary import Summary, unpack
from yubin.mailboxes.port import Rows, Want

if TYPE_CHECKING:
    from services.gateway.imap.session import Session

BATCH = 1000  # rows of one call
TURN = 250  # of them, before others have their turn
LONG = 5000  # letters; to order more takes milliseconds
THREADINGS: Mapping[str, Callable[[], Threading]] = {
    "ORDEREDSUBJECT": OrderedSubject,
    "REFERENCES": References,
}
Add = Callable[[int, float, Summary], None]
T = TypeVar("T")
_EMPTY = Summary()


async def ordered(session: Session, places: Sequence[int], sorting: Sorting) -> list[int]:
    """``places`` as SORT wants them; those of letters that are gone are left out."""
    sizes = session.box.sizes
    await _each(
        session,
        places,
        lambda place, received, about: sorting.add(
            place, received=received, size=sizes[place], summary=about
        ),
        summary=sorting.needs_summary,
    )
    return await _slowly(sorting.order, len(places))


async def threaded(session: Session, places: Sequence[int], algorithm: str, *, uid: bool) -> bytes:
    """The untagged response."""
    threading, uids = THREADINGS[algorithm](), session.box.uids
    await _each(
        session,
        places,
        lambda place, received, about: threading.add(
            uids[place] if uid else place + 1, received=received, summary=about
        ),
        summary=True,
    )
    return await _slowly(lambda: thread(threading.forest()), len(places))


async def _each(session: Session, places: Sequence[int], add: Add, *, summary: bool) -> None:
    selected, want = session.box, Want.RECEIVED | (Want.SUMMARY if summary else Want.NOTHING)

    async def read() -> AsyncGenerator[Rows, None]:
        for some in batches(places, BATCH):
            uids = [selected.uids[at] for at in some]
            async for rows in session.account.columns(selected.mailbox.id, uids, want):
                yield rows

    async with aclosing(following(read())) as found:
        async for rows in found:
            about = map(unpack, rows.summaries) if summary else repeat(_EMPTY, len(rows.uids))
            for n, one in enumerate(zip(rows.uids, rows.received, about, strict=True), 1):
                add(selected.place(one[0]), one[1], one[2])
                if n % TURN == 0:
                    await asyncio.sleep(0)
            await asyncio.sleep(0)


async def _slowly(call: Callable[[], T], count: int) -> T:
    """Others have their turn while many are compared."""
    return await asyncio.to_thread(call) if count > LONG else call()
