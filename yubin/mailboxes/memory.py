"""The mailboxes in dictionaries: the fake that tests and ``memory:`` use, and the model that the real ones are held to.

Nothing here awaits, so that each call is one transaction. Every question is answered by looking at everything: it is for
hundreds of letters, not for millions. (Longer than most modules: it is the whole port in one class, each method a few
lines.)
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from yubin.errors import Failure, Invalid, Unavailable
from yubin.mailboxes import flags as bits_of
from yubin.mailboxes import rules
from yubin.mailboxes.memory_rows import Account, Box, Entry, Letter
from yubin.mailboxes.port import (
    DELIVERED_KEPT,
    EXPUNGED_KEPT,
    INBOX,
    ROWS_LIMIT,
    Copied,
    Delivered,
    Expunged,
    How,
    Indexed,
    Mailbox,
    Match,
    NewLetter,
    Row,
    Rows,
    Stored,
    ToIndex,
    Usage,
    View,
    Want,
    Where,
    Word,
)


class MemoryMailboxes:
    """``clock`` gives Unix seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._accounts: dict[str, Account] = {}
        self._forgotten: set[str] = set()  # objects of accounts that are gone
        self._seq = 0
        self._closed = False

    async def deliver(self, letters: Sequence[NewLetter]) -> Sequence[Delivered | Failure]:
        now = self._now()
        return [self._deliver(letter, now) for letter in letters]

    async def mailboxes(self, account: str) -> tuple[Mailbox, ...]:
        mine = self._account(account)
        return tuple(mine.state(box) for box in sorted(mine.boxes.values(), key=lambda box: box.name))

    async def mailbox(self, account: str, mailbox_id: int) -> Mailbox:
        mine = self._account(account)
        return mine.state(mine.box(mailbox_id))

    async def select(self, account: str, mailbox_id: int) -> Mailbox:
        mine = self._account(account)
        box = mine.box(mailbox_id)
        state = mine.state(box)
        box.first_recent = box.uidnext
        return state

    async def create(self, account: str, name: str, special_use: str = "") -> Mailbox:
        mine = self._account(account)
        self._check_new(mine, name, special_use)
        return mine.state(mine.make(name, special_use, mine.tick(), self._now()))

    async def rename(self, account: str, mailbox_id: int, name: str) -> Mailbox:
        mine = self._account(account)
        box = mine.box(mailbox_id)
        if box.name == INBOX:
            return self._rename_inbox(mine, box, name)
        for old, new in rules.renamed((b.name for b in mine.boxes.values()), box.name, name):
            mine.named(old).name = new
        return mine.state(box)

    async def delete(self, account: str, mailbox_id: int) -> None:
        mine = self._account(account)
        if mine.box(mailbox_id).name == INBOX:
            raise Invalid("INBOX cannot be deleted")  # RFC 9051 6.3.5
        del mine.boxes[mailbox_id]

    async def subscribe(self, account: str, name: str, on: bool) -> None:
        names = self._account(account).subscriptions
        names.add(name) if on else names.discard(name)

    async def subscriptions(self, account: str) -> tuple[str, ...]:
        return tuple(sorted(self._account(account).subscriptions))

    async def view(
        self, account: str, mailbox_id: int, *, since: int = 0, after: int = 0, limit: int = 5000
    ) -> View:
        mine = self._account(account)
        box = mine.box(mailbox_id)
        found = [(uid, e) for uid, e in sorted(box.entries.items()) if uid > after and e.modseq > since]
        page = found[:limit]
        return View(
            state=mine.state(box),
            keywords=box.keywords,
            uids=array("Q", [uid for uid, _ in page]),
            flags=array("Q", [entry.flags for _, entry in page]),
            modseqs=array("Q", [entry.modseq for _, entry in page]),
            sizes=array("Q", [entry.letter.given.size for _, entry in page]),
            expunged=_expunged(box, since) if since and not after else (),
            more=len(found) > limit,
        )

    async def rows(self, account: str, mailbox_id: int, uids: Sequence[int], want: Want) -> Sequence[Row]:
        entries = self._account(account).box(mailbox_id).entries
        return [_row(uid, entries[uid], want) for uid in sorted(entries.keys() & set(uids))]

    async def columns(self, account: str, mailbox_id: int, uids: Sequence[int], want: Want) -> Rows:
        found: list[Row] = []
        held = 0
        for row in await self.rows(account, mailbox_id, uids, want | Want.BODY):
            held += len(row.envelope) + len(row.structure) + len(row.summary)
            if found and held > ROWS_LIMIT:
                return Rows.of(found, want, more=True)
            found.append(row)
        return Rows.of(found, want, more=held >= ROWS_LIMIT)

    async def find(self, account: str, letter_id: UUID) -> tuple[tuple[int, int], ...]:
        boxes = sorted(self._account(account).boxes.items())
        return tuple(
            (id_, uid)
            for id_, box in boxes
            for uid, entry in sorted(box.entries.items())
            if entry.letter.given.letter_id == letter_id
        )

    async def modseqs(self, pairs: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], tuple[int, int]]:
        self._now()
        found = {}
        for account, mailbox_id in pairs:
            mine = self._accounts.get(account)
            box = mine.boxes.get(mailbox_id) if mine else None
            if box:
                found[account, mailbox_id] = (box.modseq, box.uidnext)
        return found

    async def usage(self, accounts: Sequence[str]) -> Mapping[str, Usage]:
        self._now()
        return {
            account: self._accounts[account].usage if account in self._accounts else Usage()
            for account in accounts
        }

    async def store(
        self,
        account: str,
        mailbox_id: int,
        uids: Sequence[int],
        how: How,
        flags: frozenset[str],
        *,
        unchanged_since: int | None = None,
    ) -> Stored:
        system, keywords = bits_of.split(flags)
        mine = self._account(account)
        box = mine.box(mailbox_id)
        there = sorted(box.entries.keys() & set(uids))
        late = {
            uid for uid in there if unchanged_since is not None and box.entries[uid].modseq > unchanged_since
        }
        meant = [uid for uid in there if uid not in late]
        if meant and how is not How.REMOVE:
            box.keywords = bits_of.extended(box.keywords, keywords)
        bits = system | bits_of.keyword_bits(box.keywords, keywords)
        self._change_flags(
            mine, box, {uid: bits_of.changed(how, box.entries[uid].flags, bits) for uid in meant}
        )
        return Stored(
            uids=meant,
            flags=[box.entries[uid].flags for uid in meant],
            modseqs=[box.entries[uid].modseq for uid in meant],
            keywords=box.keywords,
            modified=sorted(late),
            modseq=box.modseq,
        )

    async def copy(
        self, account: str, source_id: int, uids: Sequence[int], target_id: int, *, move: bool, quota: int = 0
    ) -> Copied:
        mine = self._account(account)
        source, target = mine.box(source_id), mine.box(target_id)
        there = sorted(source.entries.keys() & set(uids))
        if not move and there:
            size = sum(source.entries[uid].letter.given.size for uid in there)
            rules.check_quota(mine.usage.used, size, quota)
        targets = self._transfer(mine, source, there, target)
        if move:
            source.expunge(there, mine.modseq, self._now())
        return Copied(uidvalidity=target.uidvalidity, sources=there, targets=targets, modseq=source.modseq)

    async def expunge(
        self, account: str, mailbox_id: int, uids: Sequence[int] | None, *, only_deleted: bool = True
    ) -> Expunged:
        mine = self._account(account)
        box = mine.box(mailbox_id)
        asked = box.entries.keys() if uids is None else box.entries.keys() & set(uids)
        gone = sorted(u for u in asked if not only_deleted or box.entries[u].flags & bits_of.DELETED)
        if gone:
            box.expunge(gone, mine.tick(), self._now())
        return Expunged(uids=gone, modseq=box.modseq)

    async def forget(self, account: str) -> None:
        self._now()
        self._forget(account)

    def _forget(self, account: str) -> None:
        mine = self._accounts.pop(account, None)
        if mine:
            self._forgotten |= {x.given.object for x in mine.letters.values() if x.given.object}

    async def lease(self, account: str, name: str, owner: str, seconds: float, *, most: int = 1) -> bool:
        now = self._now()
        leases = self._account(account).leases
        held = {who: until for who, until in leases.get(name, {}).items() if until > now}
        if owner not in held and len(held) >= most:
            return False
        leases[name] = held | {owner: now + seconds}
        return True

    async def release(self, account: str, name: str, owner: str) -> None:
        self._account(account).leases.get(name, {}).pop(owner, None)

    async def to_index(self, limit: int, seconds: float) -> Sequence[ToIndex]:
        now = self._now()
        waiting = [letter for letter in self._letters() if letter.words is None and letter.claimed <= now]
        taken = sorted(waiting, key=lambda letter: letter.seq)[:limit]
        for letter in taken:
            letter.claimed = now + seconds
        return [letter.to_index for letter in taken]

    async def index(self, letters: Sequence[Indexed]) -> None:
        self._now()
        for given in letters:
            mine = self._accounts.get(given.account)
            letter = mine.letters.get(given.letter_id) if mine else None
            if letter:
                every = given.header | given.body
                letter.words = {Where.HEADER: given.header, Where.BODY: given.body, Where.ANY: every}

    async def match(self, account: str, mailbox_id: int, words: Sequence[Word]) -> Match:
        entries = sorted(self._account(account).box(mailbox_id).entries.items())
        return Match(
            uids=[
                uid
                for uid, e in entries
                if e.letter.words is not None and all(e.letter.has(word) for word in words)
            ],
            unknown=[uid for uid, e in entries if e.letter.words is None],
        )

    async def sweep(self, limit: int) -> Sequence[str]:
        now = self._now()
        for account in [name for name, mine in self._accounts.items() if mine.gone(now)][:limit]:
            self._forget(account)
        objects, self._forgotten = self._forgotten, set()
        for mine in self._accounts.values():
            _drop_old(mine, now, limit)
            held = mine.held
            for letter in [x for id_, x in mine.letters.items() if id_ not in held][:limit]:
                objects.add(letter.given.object)
                del mine.letters[letter.given.letter_id]
        return sorted(objects - {""} - {letter.given.object for letter in self._letters()})

    async def objects_known(self, names: Sequence[str]) -> set[str]:
        self._now()
        return (set(names) & {letter.given.object for letter in self._letters()}) - {""}

    async def backlog(self) -> int:
        self._now()
        return sum(letter.words is None for letter in self._letters())

    async def ping(self) -> None:
        self._now()

    async def close(self) -> None:
        self._closed = True

    def _now(self) -> float:
        if self._closed:
            raise Unavailable("the mailboxes are closed")
        return self._clock()

    def _account(self, account: str) -> Account:
        now = self._now()
        if account not in self._accounts:
            self._accounts[account] = Account.born(now)
        return self._accounts[account]

    def _letters(self) -> list[Letter]:
        return [letter for mine in self._accounts.values() for letter in mine.letters.values()]

    def _deliver(self, given: NewLetter, now: float) -> Delivered | Failure:
        mine = self._account(given.account)
        if given.delivery_id in mine.delivered:
            return replace(mine.delivered[given.delivery_id][0], fresh=False)
        try:
            box = mine.place(given)
            system, keywords = bits_of.split(given.flags)
            rules.check_quota(mine.usage.used, given.size, given.quota)
            box.keywords = bits_of.extended(box.keywords, keywords)
        except Failure as failure:
            return failure
        self._seq += 1
        letter = Letter(
            seq=self._seq, given=given, received=now if given.received is None else given.received
        )
        letter = mine.letters.setdefault(given.letter_id, letter)
        flags = system | bits_of.keyword_bits(box.keywords, keywords)
        uid = box.add(letter, flags, mine.tick(), now)
        place = Delivered(mailbox_id=box.id, uidvalidity=box.uidvalidity, uid=uid, modseq=box.modseq)
        mine.delivered[given.delivery_id] = (place, now)
        return place

    @staticmethod
    def _check_new(mine: Account, name: str, special_use: str) -> None:
        boxes = mine.boxes.values()
        rules.check_new((b.name for b in boxes), (b.special_use for b in boxes), name, special_use)

    def _rename_inbox(self, mine: Account, inbox: Box, name: str) -> Mailbox:
        """INBOX stays, and is empty; what lies below it stays where it is (RFC 9051 6.3.6)."""
        self._check_new(mine, name, "")
        box = mine.make(name, "", mine.tick(), self._now())
        uids = sorted(inbox.entries)
        self._transfer(mine, inbox, uids, box)
        inbox.expunge(uids, mine.modseq, self._now())
        return mine.state(box)

    def _transfer(self, mine: Account, source: Box, uids: Sequence[int], target: Box) -> list[int]:
        """Entries for the same letters in ``target``, which learns the keywords that they have."""
        entries = [source.entries[uid] for uid in uids]
        if not entries:
            return []
        some = 0
        for entry in entries:
            some |= entry.flags
        target.keywords = bits_of.extended(target.keywords, bits_of.keywords_of(some, source.keywords))
        modseq, now = mine.tick(), self._now()
        flags = [bits_of.translated(entry.flags, source.keywords, target.keywords) for entry in entries]
        return [
            target.add(entry.letter, bits, modseq, now) for entry, bits in zip(entries, flags, strict=True)
        ]

    @staticmethod
    def _change_flags(mine: Account, box: Box, wanted: Mapping[int, int]) -> None:
        new = {uid: bits for uid, bits in wanted.items() if box.entries[uid].flags != bits}
        if new:
            box.modseq = mine.tick()
        for uid, bits in new.items():
            box.entries[uid].flags, box.entries[uid].modseq = bits, box.modseq


def _expunged(box: Box, since: int) -> list[int] | None:
    if since < box.floor:
        return None
    return sorted(uid for _, modseq, uid in box.expunged if modseq > since)


def _row(uid: int, entry: Entry, want: Want) -> Row:
    letter, parsed = entry.letter.given, entry.letter.given.parsed
    return Row(
        uid=uid, letter_id=letter.letter_id, size=letter.size, received=entry.letter.received, saved=entry.saved,
        thread=parsed.thread, traceparent=letter.traceparent, envelope=parsed.envelope if Want.ENVELOPE in want else b"",
        structure=parsed.structure if Want.STRUCTURE in want else b"",
        summary=parsed.summary if Want.SUMMARY in want else b"",
        body=letter.body if Want.BODY in want else None, object=letter.object if Want.BODY in want else "",
    )  # fmt: skip


def _drop_old(mine: Account, now: float, limit: int) -> None:
    """Old delivery ids, old expunged UIDs, ended leases."""
    old = [id_ for id_, (_, at) in mine.delivered.items() if at <= now - DELIVERED_KEPT][:limit]
    for id_ in old:
        del mine.delivered[id_]
    for box in mine.boxes.values():
        gone = sorted(x for x in box.expunged if x[0] <= now - EXPUNGED_KEPT)[:limit]
        box.expunged = [x for x in box.expunged if x not in gone]
        box.floor = max([box.floor, *(modseq for _, modseq, _ in gone)])
    mine.leases = {
        name: {owner: until for owner, until in held.items() if until > now}
        for name, held in mine.leases.items()
    }
