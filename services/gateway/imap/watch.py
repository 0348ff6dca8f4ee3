"""Who waits for news of which mailboxes, in all sessions of this gateway: woken by hints, and by a comparison now and then.

A session that waits (IDLE, NOTIFY) says which mailboxes it listens for and what it knows of them; that costs a few hundred
octets, no task and no timer. A hint about an account wakes only its sessions. Hints may be lost: every ``INTERVAL``, and
after a reconnect, all that somebody listens for is compared in few batched calls (DESIGN 4), each mailbox once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress

import structlog

from yubin.errors import Failure
from yubin.mailboxes.hints import Hint, Hints

log = structlog.get_logger()
INTERVAL = 30.0  # seconds
BATCH = 2000  # mailboxes of one call
EVERYTHING = 0  # no mailbox has this id
MANY = 1000  # ids that are remembered; beyond them it is everything

# (HIGHESTMODSEQ, UIDNEXT) for each (token, mailbox id); None where it is gone
Compare = Callable[[Sequence[tuple[str, int]]], Awaitable[Sequence[tuple[int, int] | None]]]


class Watching:
    """One session's. ``news``: mailboxes that have changed, as far as was heard; whoever looks empties it.

    ``every``: it listens for all mailboxes of its account, also for those that come and go.
    """

    __slots__ = ("_leave", "_nudge", "_watch", "account", "every", "known", "news", "token")

    def __init__(
        self, watch: Watch, account: str, token: Callable[[], str], nudge: Callable[[], None]
    ) -> None:
        self._watch, self._nudge = watch, nudge
        self.account, self.token = account, token
        self.news: set[int] = set()
        self.known: Mapping[int, int] | None = None  # MODSEQs; None: it does not wait
        self.every = False
        self._leave = watch.hints.watch(account, self.heard)

    def listen(self, known: Mapping[int, int], *, every: bool = False) -> None:
        """From now on news nudge the connection; ``known`` is what the session knows, by mailbox id."""
        self.known, self.every = known, every
        self._watch.waiting.add(self)
        if not every:
            self.news.intersection_update({*known, EVERYTHING})
        if self.news:
            self._nudge()

    def rest(self) -> None:
        """News are noted and nobody is woken."""
        self.known = None
        self._watch.waiting.discard(self)

    def heard_of(self, mailbox_id: int) -> bool:
        return not self.news.isdisjoint((mailbox_id, EVERYTHING))

    def close(self) -> None:
        self.rest()
        self._leave()

    def heard(self, hint: Hint) -> None:
        if hint.mailbox_id == EVERYTHING:  # NATS was away: what it would have said is found by comparing
            self._watch.soon()
        elif self.known is None or self._concerns(hint, self.known):
            self.tell(hint.mailbox_id)

    def _concerns(self, hint: Hint, known: Mapping[int, int]) -> bool:
        if hint.mailbox_id not in known:
            return self.every
        return not hint.modseq or hint.modseq > known[hint.mailbox_id]

    def tell(self, mailbox_id: int) -> None:
        if len(self.news) >= MANY:
            self.news = {EVERYTHING}
        self.news.add(mailbox_id)
        if self.known is not None:
            self._nudge()


class Watch:
    """What the sessions of a gateway share. ``waiting`` are those that listen."""

    def __init__(self, hints: Hints, compare: Compare) -> None:
        self.hints, self._compare = hints, compare
        self.waiting: set[Watching] = set()
        self._soon = asyncio.Event()

    def enter(self, account: str, token: Callable[[], str], nudge: Callable[[], None]) -> Watching:
        return Watching(self, account, token, nudge)

    def soon(self) -> None:
        self._soon.set()

    async def run(self, interval: float = INTERVAL) -> None:
        """Until it is cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(interval):
                    await self._soon.wait()
            self._soon.clear()
            await self.round()

    async def round(self) -> None:
        """Compares everything that somebody listens for."""
        by_mailbox: dict[tuple[str, int], list[Watching]] = {}
        for one in list(self.waiting):
            if one.every:
                one.tell(EVERYTHING)
                continue
            for mailbox_id in one.known or ():
                by_mailbox.setdefault((one.account, mailbox_id), []).append(one)
        items = list(by_mailbox.items())
        for start in range(0, len(items), BATCH):
            try:
                await self._some(items[start : start + BATCH])
            except Failure as failure:
                log.info("Mailboxes were not compared; it is tried again.", action="watch", why=failure.text)
                return

    async def _some(self, items: Iterable[tuple[tuple[str, int], list[Watching]]]) -> None:
        asked = [(watchings[0].token(), mailbox_id, watchings) for (_, mailbox_id), watchings in items]
        found = await self._compare([(token, mailbox_id) for token, mailbox_id, _ in asked])
        for (_, mailbox_id, watchings), state in zip(asked, found, strict=True):
            for one in watchings:
                if one.known is not None and (state is None or state[0] > one.known.get(mailbox_id, 0)):
                    one.tell(mailbox_id)
