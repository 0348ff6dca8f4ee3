"""Who waits for news of which mailboxes, in all sessions of this gateway: woken by hints, and by a comparison now and then.

A session that waits (IDLE, NOTIFY) says which mailboxes it listens for and what it knows of them; that costs a few hundred
octets, no task and no timer. A hint about an account wakes only its sessions. Hints may be lost: every ``INTERVAL``, and
after a reconnect, all that somebody listens for is compared in few batched calls (DESIGN 4), each mailbox once.

A session hears hints of its own changes too. ``knows`` says which: of a mailbox and a MODSEQ, that the client has been told
all up to it, or that the change was its own. Such a hint is no reason to look (``heard_of``), whether it comes before our
call is answered or behind it; it stays among the news until somebody looks. Hints are gathered, the latest for each mailbox,
so that what another has changed may be hidden by a hint of ours. Nobody misses it for that:

    between commands    the next one looks, when the last comparison is a second old (conversation.py); NOOP always does
    IDLE                begins with a comparison (verbs/idle.py)
    NOTIFY              what is among the news when it begins to listen, of whomever, is a reason to look (notify.py)
    who listens         passes over only what is not above the MODSEQ up to which it knows everything
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, KeysView, Mapping, Sequence
from contextlib import suppress

import structlog

from yubin.errors import Failure
from yubin.mailboxes.hints import Hint, Hints

log = structlog.get_logger()
INTERVAL = 30.0  # seconds
AGAIN = 3.0  # after a comparison that failed
BATCH = 2000  # mailboxes of one call
EVERYTHING = 0  # no mailbox has this id
MANY = 1000  # ids that are remembered; beyond them it is everything
SEVERAL = 4  # MODSEQs of each; a command seldom makes more

# (HIGHESTMODSEQ, UIDNEXT) for each (token, mailbox id); None where it is gone
Compare = Callable[[Sequence[tuple[str, int]]], Awaitable[Sequence[tuple[int, int] | None]]]
Knows = Callable[[int, int], bool]  # a mailbox id and a MODSEQ


def knows_nothing(mailbox_id: int, modseq: int) -> bool:  # noqa: ARG001 - a Knows
    return False


class Watching:
    """One session's. ``news``: mailboxes that have changed, as far as was heard; whoever looks takes them out.

    ``every``: it listens for all mailboxes of its account, also for those that come and go.
    """

    __slots__ = ("_heard", "_knows", "_leave", "_nudge", "_watch", "account", "every", "known", "token")

    def __init__(
        self, watch: Watch, account: str, token: Callable[[], str], nudge: Callable[[], None], knows: Knows
    ) -> None:
        self._watch, self._nudge, self._knows = watch, nudge, knows
        self.account, self.token = account, token
        self._heard: dict[int, tuple[int, ...]] = {}  # MODSEQs by mailbox id; none: look, whatever is known
        self.known: Mapping[int, int] | None = None  # MODSEQs; None: it does not wait
        self.every = False
        self._leave = watch.hints.watch(account, self.heard)

    @property
    def news(self) -> KeysView[int]:
        return self._heard.keys()

    def listen(self, known: Mapping[int, int], *, every: bool = False) -> None:
        """From now on news nudge the connection; ``known`` is what the session knows, by mailbox id."""
        self.known, self.every = known, every
        self._watch.waiting.add(self)
        self._heard = {
            mailbox_id: modseqs
            for mailbox_id, modseqs in self._heard.items()
            if mailbox_id == EVERYTHING or self._concerns(mailbox_id, max(modseqs, default=0), known)
        }
        if self._heard:
            self._nudge()

    def rest(self) -> None:
        """News are noted and nobody is woken."""
        self.known = None
        self._watch.waiting.discard(self)

    def heard_of(self, mailbox_id: int) -> bool:
        """Is there news that is not known already?"""
        if not self._heard:
            return False
        modseqs = self._heard.get(mailbox_id)
        if EVERYTHING in self._heard or modseqs == ():
            return True
        return modseqs is not None and bool(self._unknown(mailbox_id, modseqs))

    def looked(self, mailbox_id: int) -> None:
        """Said before somebody looks, so that what is heard meanwhile stays."""
        self._heard.pop(mailbox_id, None)

    def take(self) -> set[int]:
        """All news, for whoever looks at all of them."""
        heard, self._heard = self._heard, {}
        return set(heard)

    def close(self) -> None:
        self.rest()
        self._leave()

    def heard(self, hint: Hint) -> None:
        if hint.mailbox_id == EVERYTHING:  # NATS was away: what it would have said is found by comparing
            self._watch.soon()
        elif self.known is None or self._concerns(hint.mailbox_id, hint.modseq, self.known):
            self.tell(hint.mailbox_id, hint.modseq)

    def _concerns(self, mailbox_id: int, modseq: int, known: Mapping[int, int]) -> bool:
        if mailbox_id not in known:
            return self.every
        return not modseq or modseq > known[mailbox_id]

    def tell(self, mailbox_id: int, modseq: int = 0) -> None:
        if len(self._heard) >= MANY:
            self._heard = {EVERYTHING: ()}
        self._heard[mailbox_id] = self._together(mailbox_id, modseq)
        if self.known is not None:
            self._nudge()

    def _together(self, mailbox_id: int, modseq: int) -> tuple[int, ...]:
        """With what was heard before; of those that are not known none is forgotten for another."""
        before = self._heard.get(mailbox_id, (modseq,))
        if not modseq or not before:
            return ()
        unknown = [one for one in self._unknown(mailbox_id, before) if one != modseq]
        return (*unknown, modseq) if len(unknown) < SEVERAL else ()

    def _unknown(self, mailbox_id: int, modseqs: Iterable[int]) -> list[int]:
        return [modseq for modseq in modseqs if not self._knows(mailbox_id, modseq)]


class Watch:
    """What the sessions of a gateway share. ``waiting`` are those that listen."""

    def __init__(self, hints: Hints, compare: Compare) -> None:
        self.hints, self._compare = hints, compare
        self.waiting: set[Watching] = set()
        self._soon = asyncio.Event()

    def enter(
        self,
        account: str,
        token: Callable[[], str],
        nudge: Callable[[], None],
        knows: Knows = knows_nothing,
    ) -> Watching:
        return Watching(self, account, token, nudge, knows)

    def soon(self) -> None:
        self._soon.set()

    async def run(self, interval: float = INTERVAL) -> None:
        """Until it is cancelled. A pod that died may have hinted at nothing: soon after it is back everybody knows."""
        pause = interval
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._soon.wait()
            self._soon.clear()
            pause = interval if await self.round() else min(AGAIN, interval)

    async def round(self) -> bool:
        """Compares everything that somebody listens for. False where the mailbox pods are away."""
        by_mailbox: dict[tuple[str, int], list[Watching]] = {}
        everything = [one for one in self.waiting if one.every]
        for one in self.waiting.difference(everything):
            for mailbox_id in one.known or ():
                by_mailbox.setdefault((one.account, mailbox_id), []).append(one)
        items = list(by_mailbox.items())
        for start in range(0, len(items), BATCH):
            try:
                await self._some(items[start : start + BATCH])
            except Failure as failure:
                log.info("Mailboxes were not compared; it is tried again.", action="watch", why=failure.text)
                return False
        for one in everything:
            one.tell(EVERYTHING)
        return True

    async def _some(self, items: Iterable[tuple[tuple[str, int], list[Watching]]]) -> None:
        asked = [(watchings[0].token(), mailbox_id, watchings) for (_, mailbox_id), watchings in items]
        found = await self._compare([(token, mailbox_id) for token, mailbox_id, _ in asked])
        for (_, mailbox_id, watchings), state in zip(asked, found, strict=True):
            for one in watchings:
                if one.known is not None and (state is None or state[0] > one.known.get(mailbox_id, 0)):
                    one.tell(mailbox_id)
