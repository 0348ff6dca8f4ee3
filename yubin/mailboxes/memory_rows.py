"""What the memory store keeps for an account: plain values and the steps that they change in.

Nothing here is counted along: how many are unseen is found by looking, which makes it the model for those who count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from yubin.mailboxes import flags as bits_of
from yubin.mailboxes import rules
from yubin.mailboxes.port import FIRST, INBOX, Delivered, Mailbox, NewLetter, ToIndex, Usage, Where, Word


@dataclass(kw_only=True)
class Letter:
    """``words`` is None until it is indexed; ``claimed`` until when somebody reads it to that end."""

    seq: int
    given: NewLetter
    received: float
    words: Mapping[Where, frozenset[str]] | None = None
    claimed: float = 0.0

    def has(self, word: Word) -> bool:
        words = (self.words or {})[word.where]
        return any(text.startswith(word.text) for text in words) if word.prefix else word.text in words

    @property
    def to_index(self) -> ToIndex:
        given = self.given
        return ToIndex(account=given.account, letter_id=given.letter_id, body=given.body, object=given.object)


@dataclass(kw_only=True)
class Entry:
    letter: Letter
    flags: int
    modseq: int
    saved: float


@dataclass(kw_only=True)
class Box:
    id: int
    name: str
    uidvalidity: int
    modseq: int
    special_use: str = ""
    uidnext: int = 1
    floor: int = 0
    first_recent: int = 1
    keywords: tuple[str, ...] = ()
    entries: dict[int, Entry] = field(default_factory=dict)  # by UID, ascending as they came
    expunged: list[tuple[float, int, int]] = field(default_factory=list)  # at, modseq, UID

    def add(self, letter: Letter, flags: int, modseq: int, now: float) -> int:
        uid, self.uidnext, self.modseq = self.uidnext, self.uidnext + 1, modseq
        self.entries[uid] = Entry(letter=letter, flags=flags, modseq=modseq, saved=now)
        return uid

    def expunge(self, uids: Iterable[int], modseq: int, now: float) -> None:
        for uid in uids:
            del self.entries[uid]
            self.expunged.append((now, modseq, uid))
            self.modseq = modseq

    def state(self, *, subscribed: bool) -> Mailbox:
        entries = self.entries.values()
        return Mailbox(
            id=self.id, name=self.name, uidvalidity=self.uidvalidity, uidnext=self.uidnext, modseq=self.modseq,
            expunged_floor=self.floor, first_recent=self.first_recent, special_use=self.special_use,
            subscribed=subscribed, messages=len(self.entries),
            unseen=sum(not entry.flags & bits_of.SEEN for entry in entries),
            deleted=sum(bool(entry.flags & bits_of.DELETED) for entry in entries),
            size=sum(entry.letter.given.size for entry in entries),
        )  # fmt: skip


@dataclass(kw_only=True)
class Account:
    """``modseq`` is the last one given out; ``next_id`` and ``uidvalidity`` the next ones."""

    uidvalidity: int
    modseq: int = 1
    next_id: int = 1
    boxes: dict[int, Box] = field(default_factory=dict)
    letters: dict[UUID, Letter] = field(default_factory=dict)
    delivered: dict[UUID, tuple[Delivered, float]] = field(default_factory=dict)
    subscriptions: set[str] = field(default_factory=set)
    leases: dict[str, dict[str, float]] = field(default_factory=dict)

    @classmethod
    def born(cls, now: float) -> Account:
        """With the first mailboxes, which are subscribed to. UIDVALIDITY is by the clock, so that one who comes again has new ones."""
        account = cls(uidvalidity=int(now))
        for name, use in FIRST:
            account.make(name, use, 1, now)
            account.subscriptions.add(name)
        return account

    def make(self, name: str, special_use: str, modseq: int, now: float) -> Box:
        valid = max(self.uidvalidity, int(now))
        box = Box(id=self.next_id, name=name, uidvalidity=valid, modseq=modseq, special_use=special_use)
        self.boxes[box.id] = box
        self.next_id, self.uidvalidity = self.next_id + 1, valid + 1
        return box

    def gone(self, now: float) -> bool:
        """Deleted for good, and its time is over."""
        return any(until <= now for until in self.leases.get(rules.GONE, {}).values())

    def tick(self) -> int:
        self.modseq += 1
        return self.modseq

    def box(self, mailbox_id: int) -> Box:
        if mailbox_id not in self.boxes:
            raise rules.no_mailbox()
        return self.boxes[mailbox_id]

    def named(self, name: str) -> Box:
        return next(box for box in self.boxes.values() if box.name == name)

    def place(self, letter: NewLetter) -> Box:
        if letter.mailbox_id is not None:
            return self.box(letter.mailbox_id)
        for box in self.boxes.values():
            if letter.special_use and box.special_use == letter.special_use:
                return box
        return self.named(INBOX)

    def state(self, box: Box) -> Mailbox:
        return box.state(subscribed=box.name in self.subscriptions)

    @property
    def usage(self) -> Usage:
        states = [self.state(box) for box in self.boxes.values()]
        return Usage(
            used=sum(state.size for state in states),
            messages=sum(state.messages for state in states),
            mailboxes=len(states),
        )

    @property
    def held(self) -> set[UUID]:
        """Letters that have entries."""
        every = (entry.letter for box in self.boxes.values() for entry in box.entries.values())
        return {letter.given.letter_id for letter in every}
