"""When a gateway is ready: the directory can say who somebody is, and the mailbox pods what is new.

Both are asked what costs them nothing, for a session that nobody has. The gateway is not ready before each has answered
once. From then on a pod that is away for a moment is a pause for those who are connected (imap/patient.py), and nobody
who comes is turned away for it: only when it has not answered for as long as they wait is the gateway unready. Those
who are connected stay in any case.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

from services.gateway.imap.patient import SECONDS
from services.gateway.imap.watch import Compare
from yubin.accounts.port import Sessions
from yubin.errors import Failure
from yubin.runtime.process import Pod

DEADLINE = 3.0  # seconds for one answer; a probe has 5
NOBODY = ""  # a session


def check(pod: Pod, sessions: Sessions, compare: Compare) -> None:
    pod.check("directory", Answers(lambda: sessions.renew([NOBODY])).probe)
    pod.check("mailbox", Answers(lambda: compare([(NOBODY, 0)])).probe)


class Answers:
    def __init__(
        self,
        ask: Callable[[], Awaitable[object]],
        *,
        patience: float = SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._ask, self._patience, self._clock = ask, patience, clock
        self._until = float("-inf")

    async def probe(self) -> None:
        """Raises Failure or TimeoutError."""
        try:
            async with asyncio.timeout(DEADLINE):
                await self._ask()
        except (Failure, TimeoutError):
            if self._clock() >= self._until:
                raise
        else:
            self._until = self._clock() + self._patience
