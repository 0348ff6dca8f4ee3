"""A whole game: mailboxes are made, N clients play for so long, processes die meanwhile, and then all is compared."""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import ssl
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.imap_client import Client
from tests.imaptest import ending
from tests.imaptest.journal import Journal
from tests.imaptest.player import Game, Player
from tests.imaptest.waiter import Waiter
from tests.servers.postgres import Postgres

GRACE = 90.0  # seconds for the last command of everybody
ROOM = """
[pods.gateway]
connections_per_address = 1000
connections_per_user = 1000
"""  # of a town: a gateway that died has not said that its sessions are over


@dataclass(kw_only=True)
class Score:
    clients: int
    seconds: float = 0.0
    kills: Counter[str] = field(default_factory=Counter)
    did: Counter[str] = field(default_factory=Counter)
    letters: int = 0
    left: int = 0
    wrong: list[str] = field(default_factory=list)

    def line(self) -> str:
        killed = ", ".join(f"{name} {n}" for name, n in self.kills.items()) or "nobody"
        did = ", ".join(f"{name} {n}" for name, n in sorted(self.did.items()))
        return (
            f"{self.clients} clients, {self.seconds:.0f} s, killed: {killed}; letters {self.letters}, in the end "
            f"{self.left}\n{did}\ncontradictions: {self.did['contradictions']}"
        )


@dataclass(frozen=True, kw_only=True)
class Killing:
    """``kill`` ends a process of that name by SIGKILL; each of ``victims`` in turn, every ``every`` seconds or so.

    It is called in a thread. Where the gateway is no victim no session may end.
    """

    kill: Callable[[str], None]
    victims: Sequence[str] = ("mailbox", "gateway")
    every: float = 4.0


def killer(kill: Callable[[str], None], database: Postgres, away: float = 1.0) -> Callable[[str], None]:
    """``kill``, and ``postgresql``: dead for ``away`` seconds, and then it recovers."""

    def one(name: str) -> None:
        if name != "postgresql":
            return kill(name)
        database.crash()
        time.sleep(away)
        database.start()
        return None

    return one


async def play(
    host: str, port: int, context: ssl.SSLContext | None, user: str, password: str,
    *, clients: int, seconds: float, killing: Killing | None = None, seed: int = 0, pause: float = 0.05, waiting: int = 0,
) -> Score:  # fmt: skip
    """``waiting``: of the clients, those that idle and do nothing. Raises what happens before the game begins."""
    stem = f"imaptest{secrets.token_hex(4)}"
    names = (f"{stem}a", f"{stem}b")
    journal = Journal(names)
    game = Game(
        host=host, port=port, context=context, user=user, password=password, journal=journal, names=names,
        killing=killing is not None, lasting=killing is None or "gateway" not in killing.victims, pause=pause,
    )  # fmt: skip
    await _mailboxes(game, "CREATE")
    score, began = Score(clients=clients, did=journal.did, wrong=journal.wrong), time.monotonic()
    players = [(Waiter if number < waiting else Player)(game, number, seed) for number in range(clients)]
    await _run(game, players, seconds, killing, score)
    truth = await ending.settle(game, players)
    ending.judge(journal, truth)
    for player in players:
        player.drop()
    score.seconds = time.monotonic() - began
    score.letters, score.left = journal.numbers, sum(map(len, truth.values()))
    if not score.wrong:
        await _mailboxes(game, "DELETE")
    return score


async def _mailboxes(game: Game, verb: str) -> None:
    client = await Client.connect(game.host, game.port, game.context)
    try:
        await client.login(game.user, game.password)
        for name in game.names:
            await client.command(f"{verb} {name}")
        await client.logout()
    finally:
        client.close()


async def _run(
    game: Game, players: list[Player], seconds: float, killing: Killing | None, score: Score
) -> None:
    tasks = [asyncio.create_task(player.play()) for player in players]
    killer = asyncio.create_task(_kill(killing, score)) if killing else None
    await asyncio.sleep(seconds)
    if killer is not None:
        killer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await killer
    game.over = True
    _, late = await asyncio.wait(tasks, timeout=GRACE)
    for task in late:
        task.cancel()
        game.journal.accuse("game", f"somebody did not end: {task}")
    await asyncio.gather(*tasks, return_exceptions=True)


async def _kill(killing: Killing, score: Score) -> None:
    turn = 0
    while True:
        await asyncio.sleep(random.uniform(0.5, 1.5) * killing.every)
        name = killing.victims[turn % len(killing.victims)]
        turn += 1
        with contextlib.suppress(ProcessLookupError, KeyError):  # not back yet
            await asyncio.to_thread(killing.kill, name)
            score.kills[name] += 1
