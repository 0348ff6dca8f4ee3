"""A client that only waits (RFC 2177): what happens in its mailbox it is told, and never asks for.

It stays in one IDLE until the game is over, so that its picture is made of news alone. Then, as everybody, it is compared.
"""

from __future__ import annotations

import asyncio
import contextlib

from tests.imaptest.player import Player

LOOK = 0.2  # seconds after which it looks whether the game is over


class Waiter(Player):
    async def play(self) -> None:
        while not self.game.over:
            try:
                await self.enter()
                await self._wait()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told
                self.ended(error)
                await asyncio.sleep(self.chance.uniform(0.05, 0.5))

    async def _wait(self) -> None:
        client, _ = self.inside()
        self.transcript.append("C: IDLE")
        async with client.idle():
            while not self.game.over:
                with contextlib.suppress(TimeoutError):
                    await client.next(LOOK)
                    self.journal.did["heard while waiting"] += 1
        self.settled()
