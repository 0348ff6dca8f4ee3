"""The tokens with which live connections speak for their accounts (DESIGN 6), kept fresh in batches.

A token is renewed when half of its life is over. While the directory is away it is tried again; tokens are good for so
long that a directory may be restarted. One that is not renewed because its account is gone or disabled ends its
connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from yubin.accounts.port import Identity, Sessions
from yubin.errors import Failure, Unauthenticated

log = structlog.get_logger()
BATCH = 1000


@dataclass(kw_only=True, eq=False)
class Pass:
    """``token`` is the one that holds now. ``lost`` is called once, when there will be no other."""

    token: str = field(repr=False)
    lasts: float  # seconds, of a new one
    due: float
    lost: Callable[[Failure], None]


class Passes:
    def __init__(self, sessions: Sessions, clock: Callable[[], float]) -> None:
        self._sessions, self._clock = sessions, clock
        self._live: set[Pass] = set()

    def enter(self, identity: Identity, lost: Callable[[Failure], None]) -> Pass:
        lasts = identity.session_for
        made = Pass(token=identity.session, lasts=lasts, due=self._clock() + lasts / 2, lost=lost)
        self._live.add(made)
        return made

    def leave(self, one: Pass) -> None:
        self._live.discard(one)

    async def watch(self, interval: float = 5.0) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(interval)
            await self.renew()

    async def renew(self) -> None:
        """Those that are due."""
        now = self._clock()
        due = [one for one in self._live if one.due <= now]
        for start in range(0, len(due), BATCH):
            await self._renew(due[start : start + BATCH])

    async def _renew(self, some: Sequence[Pass]) -> None:
        try:
            tokens = await self._sessions.renew([one.token for one in some])
        except Failure as failure:
            log.warning("Sessions could not be renewed; it is tried again.", action="renew", why=failure.text)
            return
        now = self._clock()
        for one, token in zip(some, tokens, strict=True):
            if token:
                one.token, one.due = token, now + one.lasts / 2
            elif one in self._live:
                self.leave(one)
                one.lost(Unauthenticated("This account may not be here any longer"))
