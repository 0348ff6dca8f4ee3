"""A watcher of the mailbox chaos: follows each mailbox by MODSEQ as a QRESYNC client does (RFC 7162 3.2.5).

It asks for what changed since the HIGHESTMODSEQ that it knows, and keeps a picture of its own, which must be the final
view. On the way it notes what no client may ever see: a UID below the UIDNEXT of an earlier answer that was not there then
(a gap that was filled later: a client would have missed it), one that comes back, one that becomes another letter, and
numbers that go backwards.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.mailbox_talk import LOST, PAUSE, ids
from yubin.mailboxes.account import Account
from yubin.mailboxes.flags import names
from yubin.mailboxes.port import View

SAMPLE = 5  # UIDs of a mailbox whose letters are asked for again each time


@dataclass
class Picture:
    """Of one mailbox. ``entries``: UID → flags and MODSEQ; ``letters``: what each UID ever was."""

    modseq: int = 0
    uidnext: int = 1
    uidvalidity: int = 0
    entries: dict[int, tuple[list[str], int]] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    letters: dict[int, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    changes: int = 0

    def take(self, pages: Sequence[View]) -> None:
        """All pages of one answer."""
        state = pages[0].state
        if state.uidvalidity != (self.uidvalidity or state.uidvalidity):
            self.wrong.append(f"UIDVALIDITY {self.uidvalidity} became {state.uidvalidity}")
        if state.modseq < self.modseq or state.uidnext < self.uidnext:
            self.wrong.append(
                f"numbers went back: {self.modseq, self.uidnext} to {state.modseq, state.uidnext}"
            )
        for page in pages:
            for uid, bits, modseq in zip(page.uids, page.flags, page.modseqs, strict=True):
                self._entry(uid, sorted(names(bits, page.keywords)), modseq)
        for page in pages:
            self._expunged(page)
        self.modseq, self.uidnext, self.uidvalidity = state.modseq, state.uidnext, state.uidvalidity

    def _entry(self, uid: int, flags: list[str], modseq: int) -> None:
        self.changes += 1
        if modseq <= self.modseq:
            self.wrong.append(f"UID {uid} changed with MODSEQ {modseq}, which {self.modseq} had passed")
        if uid in self.gone:
            self.wrong.append(f"UID {uid} came back")
        elif uid not in self.entries and uid < self.uidnext:
            self.wrong.append(f"UID {uid} appeared after UIDNEXT was {self.uidnext}")
        self.entries[uid] = (flags, modseq)

    def _expunged(self, page: View) -> None:
        if page.expunged is None:
            self.wrong.append(f"expunged UIDs since {self.modseq} are forgotten")
            return
        for uid in page.expunged:
            self.changes += 1
            self.entries.pop(uid, None)
            self.gone.add(uid)

    def is_letter(self, uid: int, letter: str) -> None:
        if self.letters.setdefault(uid, letter) != letter:
            self.wrong.append(f"UID {uid} was {self.letters[uid]} and is {letter}")


@dataclass
class Watcher:
    """Looks every ``pause`` seconds, and once more when ``last`` exists; then writes what it has to ``report``."""

    account: Account
    mailboxes: Sequence[int]
    pause: float
    last: Path
    report: Path
    chance: random.Random
    pictures: dict[int, Picture] = field(default_factory=dict)
    looked: int = 0

    async def run(self) -> None:
        self.pictures = {mailbox: Picture() for mailbox in self.mailboxes}
        over = False
        while not over:
            over = self.last.exists()
            for mailbox in self.mailboxes:
                await self._follow(mailbox)
            await asyncio.sleep(self.pause)
        said = {str(mailbox): picture.__dict__ for mailbox, picture in self.pictures.items()}
        self.report.write_text(json.dumps({"looked": self.looked, "mailboxes": said}, default=sorted))

    async def _follow(self, mailbox: int) -> None:
        """An answer that breaks off is no answer: the next one begins where the last whole one ended."""
        picture = self.pictures[mailbox]
        while True:
            try:
                pages = [page async for page in self.account.view(mailbox, since=picture.modseq)]
                picture.take(pages)
                new = picture.entries.keys() - picture.letters.keys()
                known = self.chance.sample([*picture.entries], min(SAMPLE, len(picture.entries)))
                for uid, letter in await ids(self.account, mailbox, sorted({*new, *known})):
                    picture.is_letter(uid, letter)
            except LOST:
                await asyncio.sleep(PAUSE)
            else:
                self.looked += 1
                return


def read(report: Path) -> tuple[int, dict[int, Picture]]:
    """How often it looked, and its pictures."""
    said = json.loads(report.read_text())
    return said["looked"], {int(mailbox): _picture(values) for mailbox, values in said["mailboxes"].items()}


def _picture(values: dict[str, Any]) -> Picture:
    entries = {int(uid): (flags, modseq) for uid, (flags, modseq) in values["entries"].items()}
    letters = {int(uid): letter for uid, letter in values["letters"].items()}
    return Picture(**{**values, "entries": entries, "letters": letters, "gone": set(values["gone"])})
