"""Whose session a token is: checked here, with the directory's public keys, without a call (DESIGN 6).

Keys are fetched when the pod starts and every minute, and, when a token holds with none of them, at once, but not more
often than every ``SOONEST`` seconds, so that strangers cannot make this pod ask. While the directory is away the keys
that are here stay. A pod that never had any says Unavailable: nobody is turned away for what is not his fault.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from yubin.accounts.port import Sessions
from yubin.accounts.session import Claims, SessionVerifier
from yubin.errors import Failure, Unauthenticated, Unavailable

log = structlog.get_logger()
EVERY = 60.0  # seconds
SOONEST = 5.0
FIRST = 0.5  # between the tries of a pod that has none: it came up before the directory


class Tokens:
    """``clock`` is monotonic; ``wall`` gives Unix seconds, which tokens end by."""

    def __init__(
        self,
        directory: Sessions,
        *,
        every: float = EVERY,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._directory, self._every = directory, every
        self._clock, self._wall = clock, wall
        self._keys: tuple[bytes, ...] = ()
        self._verifier: SessionVerifier | None = None
        self._asked = float("-inf")
        self._asking = asyncio.Lock()

    async def check(self, token: str) -> Claims:
        """Raises Unauthenticated, or Unavailable while there is nothing to check with."""
        if self._verifier is not None:
            try:
                return self._verifier.check(token)
            except Unauthenticated:
                if self._clock() < self._asked + SOONEST:
                    raise
        await self.refresh(older_than=SOONEST)
        if self._verifier is None:
            raise Unavailable("sessions cannot be checked now")
        return self._verifier.check(token)

    async def refresh(self, *, older_than: float = 0.0) -> None:
        """Asks the directory; many who want it at once ask once. A directory that is away changes nothing."""
        async with self._asking:
            if self._clock() < self._asked + older_than:
                return
            try:
                keys = await self._directory.keys()
            except Failure as failure:
                log.warning("The session keys could not be fetched.", action="sessions", why=str(failure))
                return
            finally:
                self._asked = self._clock()
            if keys and keys != self._keys:
                self._keys, self._verifier = keys, SessionVerifier(keys, clock=self._wall)

    async def watch(self) -> None:
        """Until it is cancelled."""
        while True:
            await self.refresh()
            await asyncio.sleep(self._every if self._keys else FIRST)
