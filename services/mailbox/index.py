"""The index follows storage: letters that arrived are read again, split into words, and written, a batch at a time.

It wakes when something arrives, else it looks now and then for what other pods left. Large letters are split in a
thread of their own, small ones here, a pause between two of them, so that nobody waits behind a batch. A letter that
makes the splitter fail is logged once and indexed without words: it never holds up the others. Searching does not wait
for the index; it scans what is not indexed yet.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import structlog

from services.mailbox import meters
from services.mailbox.storage import Storage
from yubin.errors import Failure
from yubin.mailboxes.port import Indexed, ToIndex
from yubin.mailboxes.reading import index_words
from yubin.runtime.metrics import ERRORS

log = structlog.get_logger()
HELD = 300.0  # seconds that a batch is nobody else's
PAUSE = 5.0  # after trouble
SMALL = 32 * 1024  # octets; splitting more takes milliseconds
OVER_OBJECTS = 4 * 1024 * 1024  # octets of an object, roughly, for the room: its size is not told


class Indexer:
    """``batch`` letters at a time, ``poll`` seconds between two looks when nothing arrives here."""

    def __init__(self, storage: Storage, *, batch: int = 50, poll: float = 5.0) -> None:
        self._storage, self._batch, self._poll = storage, batch, poll
        self._news = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="index")

    def wake(self) -> None:
        self._news.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            self._news.clear()
            try:
                more = await self.once()
            except Failure as failure:
                log.warning("The index has to wait.", action="index", why=str(failure))
                await asyncio.sleep(PAUSE)
                continue
            if not more:
                await self._rest()

    async def once(self) -> bool:
        """One batch; True when there may be more. Raises Failure."""
        letters = await self._storage.mailboxes.to_index(self._batch, HELD)
        if not letters:
            return False
        began = time.perf_counter()
        found = [indexed for letter in letters if (indexed := await self._words(letter)) is not None]
        await self._storage.mailboxes.index(found)
        meters.INDEXED.inc(len(found))
        meters.INDEXING.observe(time.perf_counter() - began)
        return len(letters) >= self._batch

    async def measure(self) -> None:
        meters.BACKLOG.set(await self._storage.mailboxes.backlog())

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._poll):
                await self._news.wait()
        except TimeoutError:
            return

    async def _words(self, letter: ToIndex) -> Indexed | None:
        """None when its body cannot be read now: it comes again."""
        nothing: frozenset[str] = frozenset()
        header, body = nothing, nothing
        try:
            header, body = await self._split(letter)
        except Failure as failure:
            log.warning(
                "A letter is not indexed yet.", action="index", letter=str(letter.letter_id), why=str(failure)
            )
            return None
        except Exception:
            log.exception(
                "A letter is indexed without its words.", action="index", letter=str(letter.letter_id)
            )
            ERRORS.labels("index").inc()
            meters.UNREADABLE.inc()
        return Indexed(account=letter.account, letter_id=letter.letter_id, header=header, body=body)

    async def _split(self, letter: ToIndex) -> tuple[frozenset[str], frozenset[str]]:
        if letter.body is not None:
            return await self._in_turn(letter.body)
        async with self._storage.room.take(OVER_OBJECTS):
            return await self._in_turn(await self._storage.whole(None, letter.object))

    async def _in_turn(self, raw: bytes) -> tuple[frozenset[str], frozenset[str]]:
        if len(raw) <= SMALL:
            await asyncio.sleep(0)
            return index_words(raw)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, index_words, raw)
