"""One client: it connects, selects, does random commands, and comes back when the connection was lost.

What a real client would do is checked: a plain one knows FLAGS, one with CONDSTORE knows MODSEQs too, one with QRESYNC
keeps what it knew and asks for the difference. It trusts the server as RFC 7162 allows: what it has seen of MODSEQs
when a command has ended is what it asks from next time, unless it was told a lower HIGHESTMODSEQ.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections import deque
from dataclasses import dataclass, field

from tests.imap_client import Client, Literal, Lost, Refused, Response
from tests.imap_client.client import Answer
from tests.imaptest.journal import Box, Journal
from tests.imaptest.picture import Mine, Picture, Slot

KINDS = ("qresync", "condstore", "plain")
MAY_REFUSE = {"EXPUNGEISSUED", "INUSE", "UNAVAILABLE", "LIMIT"}  # RFC 5530, RFC 2180
LINES = 120  # of a conversation, for whoever reads a contradiction


@dataclass(kw_only=True)
class Game:
    """``killing``: processes of the server die; then NO [UNAVAILABLE] may be said. ``lasting``: no connection may be lost."""

    host: str
    port: int
    context: ssl.SSLContext | None
    user: str
    password: str
    journal: Journal
    names: tuple[str, ...]
    killing: bool = False
    lasting: bool = True
    pause: float = 0.05
    letters: int = 150  # in a mailbox, about
    over: bool = False


@dataclass(kw_only=True)
class Cache:
    """What a client with QRESYNC remembers of a mailbox."""

    uidvalidity: int
    modseq: int
    slots: dict[int, Slot] = field(default_factory=dict)


class Player:
    def __init__(self, game: Game, number: int, seed: int) -> None:
        self.game, self.journal, self.name = game, game.journal, f"client {number}"
        self.kind = KINDS[number % len(KINDS)]
        self.chance = random.Random(seed * 1000 + number)
        self.mine = {name: Mine(b"own%d" % number) for name in game.names}
        self.caches: dict[str, Cache] = {}
        self.client: Client | None = None
        self.picture: Picture | None = None
        self.known = 0  # everything up to this MODSEQ is in the picture
        self.suspects: dict[
            int, list[str]
        ] = {}  # UIDs that were asked for and not shown: they must be expunged
        self.transcript: deque[str] = deque(maxlen=LINES)

    # ── its life ──

    async def play(self) -> None:
        """Until the game is over; the session stays then, for the ending."""
        from tests.imaptest.verbs import step

        while not self.game.over:
            try:
                await self.enter()
                while not self.game.over and self.client is not None:
                    await step(self)
                    await asyncio.sleep(self.chance.uniform(0, 2 * self.game.pause))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told
                self.ended(error)
                await asyncio.sleep(self.chance.uniform(0.05, 0.5))

    def ended(self, error: Exception) -> None:
        """The session is over, and something is wrong unless processes are being killed."""
        self.drop()
        refused = isinstance(error, Refused) and error.status.code_name in MAY_REFUSE
        if isinstance(error, Lost | OSError) and not isinstance(error, TimeoutError):
            self.journal.did["lost connections"] += 1
        elif not refused:
            self.wrong(f"{type(error).__name__}: {error}")
            return
        if not self.game.killing or (self.game.lasting and not refused):
            self.wrong(f"the session ended: {type(error).__name__}: {error}")

    async def enter(self) -> None:
        """Connection, login, ENABLE, SELECT. Raises whatever happens."""
        from tests.imaptest.resync import select

        game = self.game
        self.client = await Client.connect(game.host, game.port, game.context, listener=self.heard)
        await self.client.login(game.user, game.password)
        if self.kind != "plain":
            await self.client.command(f"ENABLE {self.kind.upper()}")
        await select(self, self.chance.choice(game.names))

    async def logout(self) -> None:
        client, _ = self.inside()
        self.remember()
        self.picture = None
        await client.logout()
        self.client = None

    def drop(self) -> None:
        self.remember()
        if self.client is not None:
            self.client.close()
        self.client = self.picture = None
        self.suspects.clear()

    def remember(self) -> None:
        """What a client with QRESYNC keeps when it leaves a mailbox, however it does."""
        picture = self.picture
        if self.kind == "qresync" and picture is not None and not picture.selecting and self.known:
            self.caches[picture.box.name] = Cache(
                uidvalidity=picture.box.uidvalidity,
                modseq=self.known,
                slots={
                    slot.uid: slot
                    for slot in picture.slots
                    if slot.uid is not None and slot.flags is not None
                },
            )

    # ── what it hears and says ──

    def heard(self, one: Response, command: str) -> None:
        self.transcript.append(f"S: {_short(one)}")
        if one.code_name == "SERVERBUG":
            self.wrong(f"SERVERBUG during {command}")
        if self.picture is None:
            return
        try:
            self.picture.take(one, command)
        except (ValueError, KeyError, IndexError, TypeError) as error:
            self.wrong(f"unreadable: {one!r:.300}: {error!r}")

    def wrong(self, what: str) -> None:
        self.journal.accuse(
            f"{time.strftime('%H:%M:%S')} {self.name} ({self.kind})", what, list(self.transcript)
        )

    def inside(self) -> tuple[Client, Picture]:
        assert self.client is not None
        assert self.picture is not None
        return self.client, self.picture

    async def do(self, *parts: str | bytes | Literal) -> Answer | None:
        """A command in the selected mailbox; None when it was refused, as may be."""
        client, picture = self.inside()
        self.transcript.append(
            f"C: {b' '.join(_octets(part)[:100] for part in parts).decode(errors='replace')}"
        )
        picture.heard.clear()
        picture.told.clear()
        answer = await client.command(*parts, ok=False)
        verb = str(parts[0]).split()[0]
        self.journal.did[f"{verb} {answer.status.name}"] += 1
        if answer.status.name == "OK":
            self.reached(answer)
            return answer
        self.refused(answer)
        return None

    def refused(self, answer: Answer) -> None:
        allowed = MAY_REFUSE if self.game.killing else MAY_REFUSE - {"UNAVAILABLE", "LIMIT"}
        if answer.status.name == "BAD" or answer.status.code_name not in allowed:
            self.wrong(f"refused: {answer.status.code} {answer.status.text!r}")

    def reached(self, answer: Answer) -> None:
        """RFC 7162 3.2 and 6: up to which MODSEQ the client knows everything, when a command has ended.

        Not while it has not asked for a message that EXISTS told of.
        """
        _, picture = self.inside()
        told = answer.code("HIGHESTMODSEQ")
        if told and isinstance(told[0], int):
            self.known, picture.reached = min(self.known, told[0]), told[0]
        self.settled()

    def settled(self) -> None:
        """Every message that EXISTS told of has been asked for."""
        _, picture = self.inside()
        if picture.whole and not picture.selecting:
            self.known, picture.reached = max(self.known, picture.reached), 0

    # ── choosing ──

    def some(self, wanted: set[int] | None = None, most: int = 8) -> list[int]:
        """UIDs that it knows, ascending; ``wanted`` are those that will do."""
        _, picture = self.inside()
        uids = [uid for uid in picture.uids() if wanted is None or uid in wanted]
        if not uids:
            return []
        if self.chance.random() < 0.3:  # neighbours
            at = self.chance.randrange(len(uids))
            return uids[at : at + self.chance.randint(1, 3 * most)]
        return sorted(self.chance.sample(uids, min(len(uids), self.chance.randint(1, most))))

    def suspect(self, uids: set[int], why: str) -> None:
        for uid in uids:
            self.suspects.setdefault(uid, [why])

    def other(self) -> Box:
        _, picture = self.inside()
        return self.journal.boxes[self.chance.choice([n for n in self.game.names if n != picture.box.name])]


def uid_set(uids: list[int]) -> str:
    """With ranges only over neighbours, so that it names no more than ``uids``."""
    parts: list[list[int]] = []
    for uid in uids:
        if parts and parts[-1][1] == uid - 1:
            parts[-1][1] = uid
        else:
            parts.append([uid, uid])
    return ",".join(str(low) if low == high else f"{low}:{high}" for low, high in parts)


def _octets(part: str | bytes | Literal) -> bytes:
    if isinstance(part, Literal):
        return b"{%d}" % len(part.octets)
    return part.encode() if isinstance(part, str) else part


def _short(one: Response) -> str:
    if one.name in {"OK", "NO", "BAD", "BYE", ""}:
        return f"{one.tag.decode()} {one.name} {one.code or ''} {one.text.decode(errors='replace')}"
    return f"* {'' if one.number is None else one.number} {one.name} {one.values!r:.160}"
