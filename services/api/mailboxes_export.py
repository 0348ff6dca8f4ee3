"""Letters out of a mailbox in pieces: one letter's octets, or all of them as mbox.

A client may be as slow as it likes: no call to the mailbox pod lasts longer than it takes to send ``BATCH`` octets, so
that neither a pod's restart nor the age of its connections ends a long export, and the session is renewed between two.
A letter above ``BATCH`` goes through in windows, twice: the first time to see how it has to be written.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.api.mailboxes_access import Access, Opened
from services.api.streams import Pieces
from yubin.errors import NotFound
from yubin.mail.mboxrd import Tidy, Writing, write
from yubin.mailboxes.flags import names
from yubin.mailboxes.port import View, Want

BATCH = 1024 * 1024  # octets
LETTERS = 50


class Export:
    def __init__(self, access: Access, opened: Opened, mailbox_id: int) -> None:
        self._access, self._opened, self._id = access, opened, mailbox_id
        self._account = opened.mailboxes

    async def body(self, uid: int, size: int) -> Pieces:
        """One letter. Raises NotFound when it is gone."""
        for offset in range(0, size, BATCH):
            await self._access.renew(self._opened)
            async for piece in self._account.body(self._id, uid, offset=offset, length=BATCH):
                yield piece

    async def letters(self) -> Pieces:
        """All of them, by UID; what goes meanwhile is left out."""
        after, page = 0, await self._page(0)
        while page is not None and page.uids:
            for batch in _batches(page):
                await self._access.renew(self._opened)
                async for piece in self._batch(page, batch):
                    yield piece
            after = page.uids[-1]
            page = await self._page(after) if page.more else None

    async def _page(self, after: int) -> View | None:
        await self._access.renew(self._opened)
        async for page in self._account.view(self._id, after=after):
            return page
        return None

    async def _batch(self, page: View, batch: Sequence[int]) -> Pieces:
        """``batch`` are places in the page."""
        flags = {page.uids[n]: names(page.flags[n], page.keywords) for n in batch}
        if page.sizes[batch[0]] > BATCH:
            async for piece in self._large(page.uids[batch[0]], flags):
                yield piece
            return
        async for some in self._account.letters(self._id, list(flags), Want.RECEIVED):
            for row, raw in zip(some.rows, some.bodies, strict=True):
                yield write(raw, received=row.received, flags=flags[row.uid])

    async def _large(self, uid: int, flags: dict[int, frozenset[str]]) -> Pieces:
        tidy = Tidy()
        rows = [row async for row in self._account.rows(self._id, [uid], Want.NOTHING)]
        try:
            for row in rows:
                async for piece in self.body(uid, row.size):
                    tidy.piece(piece)
        except NotFound:
            return
        for row in rows:
            writing = Writing(received=row.received, flags=flags[uid], as_text=bool(tidy))
            async for piece in self.body(uid, row.size):
                yield writing.piece(piece)
            yield writing.end()


def _batches(page: View) -> list[list[int]]:
    """Places in the page: letters of ``BATCH`` octets together, a larger one alone."""
    batches: list[list[int]] = []
    held = BATCH
    for n, size in enumerate(page.sizes):
        if held + size > BATCH or len(batches[-1]) == LETTERS:
            batches.append([])
            held = 0
        batches[-1].append(n)
        held += size
    return batches
