"""One client of the mailbox chaos: a process that delivers as mx and reads as gateway, and notes what it heard.

It has letters of its own, which nobody else touches, so that its journal says where each of them must be; and it moves,
marks and expunges letters of the commons, which all clients fight over. An answer that never comes is noted as such; then
it looks where its letters are, as a mail program does after a reconnect. A letter is brought under one delivery id
until somebody says where it lies.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.e2e.mailbox_journal import Journal, Line, gone
from tests.e2e.mailbox_talk import LOST, PAUSE, Place, hand_over, ids, insist, look, say
from yubin.ids import uuid7
from yubin.mailboxes.account import Account
from yubin.mailboxes.deliveries import Copy, Deliveries, Inbound, object_name
from yubin.mailboxes.port import ROW_LIMIT, Delivered, How
from yubin.objects.port import Objects

FLAGS = ("\\Seen", "\\Flagged", "\\Answered", "\\Deleted", "$Forwarded", "chaos")
HELD = 14  # letters of its own that a client is content with
LARGE = 1 / 15  # of all letters go to the object store
REST = 0.04  # seconds at most between two deeds


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What a client has. ``over`` is a file that says so by its existence."""

    account_id: str
    account: Account
    deliveries: Deliveries
    objects: Objects
    mailboxes: tuple[int, ...]
    commons: tuple[int, ...]
    over: Path


@dataclass
class Client:
    number: int
    scene: Scene
    journal: Journal
    chance: random.Random
    at: dict[Place, str] = field(default_factory=dict)  # the letters that are its own
    mine: set[str] = field(default_factory=set)  # every one that it ever had
    brought: list[Inbound] = field(default_factory=list)

    async def run(self) -> None:
        deeds: dict[Callable[[], Awaitable[None]], float] = {
            self._deliver: 3, self._append: 0.7, self._again: 0.5, self._store: 4, self._copy: 2, self._move: 5,
            self._expunge: 2, self._common: 3,
        }  # fmt: skip
        while not self.scene.over.exists():
            (deed,) = self.chance.choices([*deeds], [*deeds.values()])
            await deed()
            await asyncio.sleep(self.chance.uniform(0.0, REST))

    # ── letters in ──

    async def _deliver(self) -> None:
        if len(set(self.at.values())) >= HELD:
            return
        raw, letter_id = self._letter(), uuid7()
        large = len(raw) > ROW_LIMIT
        if large:
            await self.scene.objects.put(object_name(letter_id), raw)
        copy = Copy(account=self.scene.account_id, delivery_id=uuid7(), junk=self.chance.random() < 0.2)
        letter = Inbound(
            letter_id=letter_id,
            body=None if large else raw,
            object=object_name(letter_id) if large else "",
            size=len(raw),
            sha256=hashlib.sha256(raw).digest(),
            copies=(copy,),
        )
        line = self._line("deliver", letter=str(letter_id))
        place, tries = await insist(lambda: hand_over(self.scene.deliveries, letter))
        self._arrived(line, place, raw, tries)
        self.brought = [*self.brought[-20:], letter]

    async def _append(self) -> None:
        """Its letter's id is the pod's to give: it is asked for before anything else is done."""
        if len(set(self.at.values())) >= HELD:
            return
        raw, delivery_id, flags = self._letter(), uuid7(), self._some_flags()
        mailbox = self.chance.choice(self.scene.mailboxes)
        line = self._line("append", flags=tuple(sorted(flags)))

        async def ask() -> Delivered:
            return await self.scene.account.append(
                mailbox, _piece(raw), len(raw), flags=flags, delivery_id=delivery_id
            )

        place, tries = await insist(ask)
        ((_, letter),), _ = await insist(lambda: ids(self.scene.account, mailbox, [place.uid]))
        self._arrived(replace(line, letter=letter), place, raw, tries)

    def _arrived(self, line: Line, place: Delivered, raw: bytes, tries: int) -> None:
        self.at[place.mailbox_id, place.uid] = line.letter
        self.mine.add(line.letter)
        arrived = replace(line, digest=hashlib.sha256(raw).hexdigest(), size=len(raw), tries=tries)
        self._placed(arrived, place)

    async def _again(self) -> None:
        """A letter that is brought once more gets its first place, wherever it is now."""
        if self.brought:
            letter = self.chance.choice(self.brought)
            line = self._line("again", letter=str(letter.letter_id))
            place, tries = await insist(lambda: hand_over(self.scene.deliveries, letter))
            self._placed(replace(line, tries=tries), place)

    def _placed(self, line: Line, place: Delivered) -> None:
        where = [place.mailbox_id, place.uid]
        self._write(line, answer=where, modseq=place.modseq, repeated=not place.fresh)

    def _letter(self) -> bytes:
        large = self.chance.random() < LARGE
        size = self.chance.randint(70_000, 140_000) if large else self.chance.randint(20, 3000)
        head = f"From: s@s.example\r\nSubject: {self.chance.random()} of {self.number}\r\n\r\n"
        return (head + f"{self.chance.random()}\r\n" * (size // 20)).encode()

    # ── its own letters ──

    async def _store(self) -> None:
        how, flags = self.chance.choice([*How]), self._some_flags()
        await self._change("store", how=how.value, flags=tuple(sorted(flags)))

    async def _copy(self) -> None:
        if len(self.at) < 2 * HELD:
            await self._change("copy", target=self.chance.choice(self.scene.mailboxes))

    async def _move(self) -> None:
        await self._change("move", target=self.chance.choice(self.scene.mailboxes))

    async def _expunge(self) -> None:
        await self._change("expunge", only_deleted=self.chance.random() < 0.5)

    async def _change(self, kind: str, **values: Any) -> None:
        """Some of its letters in one mailbox, said once; whether it was done is found out by looking."""
        if not self.at:
            return
        source = self.chance.choice([mailbox for mailbox, _ in self.at])
        here = sorted((uid, letter) for (mailbox, uid), letter in self.at.items() if mailbox == source)
        asked = tuple(sorted(self.chance.sample(here, min(len(here), self.chance.randint(1, 4)))))
        line = self._line(kind, source=source, asked=asked, **values)
        try:
            line = await say(self.scene.account, line)
        except LOST:
            self._write(line, heard=False)
            await self._look(source, line.target or source)
            return
        self._write(line)
        self._follow(line)

    def _follow(self, line: Line) -> None:
        letters = dict(line.asked)
        if line.kind in {"copy", "move"}:
            self.at |= {(line.target, target): letters[source] for source, target in line.answer}
        for uid in gone(line):
            del self.at[line.source, uid]

    async def _look(self, *mailboxes: int) -> None:
        line = self._line("look", source=mailboxes[0], target=mailboxes[1])
        found, _ = await insist(lambda: look(self.scene.account, mailboxes, self.mine))
        self.at = {place: letter for place, letter in self.at.items() if place[0] not in mailboxes}
        self.at |= {(mailbox, uid): letter for mailbox, uid, letter, _ in found}
        self._write(line, answer=found)

    # ── the commons ──

    async def _common(self) -> None:
        """One to three letters that others may be after at the same moment."""
        source, target = self.chance.sample(self.scene.commons, 2)
        try:
            uids = [uid async for page in self.scene.account.view(source) for uid in page.uids]
            some = self.chance.sample(uids, min(len(uids), self.chance.randint(1, 3)))
            asked = tuple(await ids(self.scene.account, source, sorted(some)))
        except LOST:
            await asyncio.sleep(PAUSE)
            return
        kind = self.chance.choices(["move", "store", "expunge"], [10, 5, 0.3])[0]
        line = self._line(
            kind, source=source, asked=asked, commons=True, target=target if kind == "move" else 0
        )
        if kind == "store":
            flags = tuple(sorted(self._some_flags()))
            line = replace(line, how=self.chance.choice([*How]).value, flags=flags)
        try:
            self._write(await say(self.scene.account, line))
        except LOST:
            self._write(line, heard=False)
            await asyncio.sleep(PAUSE)

    # ── the rest ──

    def _some_flags(self) -> frozenset[str]:
        return frozenset(self.chance.sample(FLAGS, self.chance.randint(0, 2)))

    def _line(self, kind: str, **values: Any) -> Line:
        return Line(client=self.number, kind=kind, began=time.monotonic(), **values)

    def _write(self, line: Line, **values: Any) -> None:
        self.journal.write(replace(line, ended=time.monotonic(), **values))


async def _piece(raw: bytes) -> AsyncIterator[bytes]:
    yield raw
