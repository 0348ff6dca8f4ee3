"""A selected mailbox as its client knows it: made of responses alone, each of which must fit what was said before.

RFC 9051 7.4.1 and 7.5.1 (EXISTS grows, EXPUNGE alone makes it smaller, and not during FETCH, STORE, SEARCH, nor when no
command is under way), 2.3.1 (UIDs ascend with the numbers), RFC 7162 (MODSEQ never falls; VANISHED names what was there).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.imap_client.responses import Response, Value
from tests.imaptest import letters
from tests.imaptest.journal import Box, Journal

NO_EXPUNGE = {"FETCH", "STORE", "SEARCH", ""}
RECENT = b"\\Recent"


@dataclass
class Slot:
    """A message. None: not known. ``modseq`` is the last one seen."""

    uid: int | None = None
    flags: frozenset[bytes] | None = None
    modseq: int = 0


@dataclass
class Mine:
    """A client's own keyword in one mailbox; nobody else touches it. ``flying``: UIDs where it is being changed, or
    where an answer was lost, so that nobody knows it any more.
    """

    keyword: bytes
    known: dict[int, bool] = field(default_factory=dict)
    flying: set[int] = field(default_factory=set)


class Picture:
    """``wrong`` is called with each contradiction. ``selecting``: until the SELECT has ended, EXPUNGE makes no sense; it is
    then ``confused``.
    """

    def __init__(self, journal: Journal, box: Box, wrong: Callable[[str], None], mine: Mine) -> None:
        self.journal, self.box, self.wrong = journal, box, wrong
        self.keyword, self.mine, self.flying = mine.keyword, mine.known, mine.flying
        self.slots: list[Slot] = []
        self.earlier: set[int] = set()
        self.uidnext = 0
        self.at_select = (
            -1
        )  # messages of the first EXISTS: those below UIDNEXT; others may come before SELECT has ended
        self.highest = 0  # HIGHESTMODSEQ of SELECT
        self.reached = 0  # the greatest MODSEQ in a FETCH since the last command ended
        self.selecting, self.confused = True, False
        self.condstore = False
        self.heard: set[int] = set()  # UIDs that the command under way has shown
        self.told: set[int] = set()  # of these, with FLAGS

    # ── asking it ──

    @property
    def whole(self) -> bool:
        return all(slot.uid is not None and slot.flags is not None for slot in self.slots)

    def uids(self) -> list[int]:
        return [slot.uid for slot in self.slots if slot.uid is not None]

    def numbers(self) -> dict[int, int]:
        return {slot.uid: at + 1 for at, slot in enumerate(self.slots) if slot.uid is not None}

    def slot(self, uid: int) -> Slot | None:
        return next((slot for slot in self.slots if slot.uid == uid), None)

    # ── what is told ──

    def take(self, one: Response, command: str) -> None:
        match one.name:
            case "EXISTS":
                self._exists(one.number or 0)
            case "EXPUNGE":
                self._expunge(one.number or 0, command)
            case "VANISHED":
                self._vanished(one, command)
            case "FETCH":
                self._fetch(one.number or 0, one, command)

    def _exists(self, count: int) -> None:
        if count < len(self.slots):
            self.wrong(f"EXISTS {count}, but there were {len(self.slots)} and no EXPUNGE")
        self.slots += [Slot() for _ in range(count - len(self.slots))]
        if self.at_select < 0:
            self.at_select = count

    def _expunge(self, number: int, command: str) -> None:
        self._may_expunge(command)
        if not 1 <= number <= len(self.slots):
            self.wrong(f"EXPUNGE {number} of {len(self.slots)}")
            return
        self._remove(number - 1)

    def _may_expunge(self, command: str) -> None:
        if command in NO_EXPUNGE:
            self.wrong(f"EXPUNGE or VANISHED during {command or 'no command at all'}")
        if self.selecting:
            self.confused = True
            self.wrong("EXPUNGE or VANISHED in a mailbox that is not selected yet")

    def _remove(self, at: int) -> None:
        uid = self.slots.pop(at).uid
        self.at_select -= at < self.at_select
        if uid is not None:
            self.box.gone.add(uid)

    def _vanished(self, one: Response, command: str) -> None:
        uids = list(numbers(one.values[-1]))
        if len(one.values) == 2:  # (EARLIER)
            self.earlier.update(uids)
            if not self.selecting:
                self.wrong("VANISHED (EARLIER) that nobody asked for")
            return
        self._may_expunge(command)
        for uid in uids:
            self._vanish(uid)

    def _vanish(self, uid: int) -> None:
        """One whose UID is not known yet stands between those that are."""
        for at, slot in enumerate(self.slots):
            if slot.uid == uid:
                self._remove(at)
                return
        below = max((at for at, slot in enumerate(self.slots) if slot.uid and slot.uid < uid), default=-1)
        if below + 1 < len(self.slots) and self.slots[below + 1].uid is None:
            self._remove(below + 1)
            self.box.gone.add(uid)
        else:
            self.wrong(f"VANISHED {uid}, which was not there")

    # ── FETCH ──

    def _fetch(self, number: int, one: Response, command: str) -> None:
        if not 1 <= number <= len(self.slots):
            self.wrong(f"FETCH of {number}, but there are {len(self.slots)}")
            return
        slot, items = self.slots[number - 1], one.fetched()
        if "UID" in items:
            self._identify(number - 1, slot, _int(items["UID"]))
        if "FLAGS" in items or "MODSEQ" in items:
            self._flags(slot, items, command)
        if slot.uid is not None:
            self.heard.add(slot.uid)
            self._facts(slot.uid, items)

    def _identify(self, at: int, slot: Slot, uid: int) -> None:
        if slot.uid not in {None, uid}:
            self.wrong(f"message {at + 1} had UID {slot.uid}, now {uid}")
        before = next((s.uid for s in reversed(self.slots[:at]) if s.uid is not None), 0)
        after = next((s.uid for s in self.slots[at + 1 :] if s.uid is not None), 1 << 32)
        if not before < uid < after:
            self.wrong(f"UID {uid} at {at + 1} between {before} and {after}")
        if self.uidnext and (at < self.at_select) != (uid < self.uidnext):
            self.wrong(
                f"UID {uid} at {at + 1}, but SELECT said {self.at_select} EXISTS, UIDNEXT {self.uidnext}"
            )
        slot.uid = uid

    def _flags(self, slot: Slot, items: dict[str, Value], command: str) -> None:
        modseq = _int(items["MODSEQ"][0]) if "MODSEQ" in items else 0
        if modseq:
            self._modseq(slot, modseq)
        elif self.condstore and command not in {"FETCH", "UID FETCH"}:
            self.wrong(f"FETCH without MODSEQ during {command}")  # RFC 7162 3.1
        if "FLAGS" not in items:
            return
        flags = frozenset(items["FLAGS"]) - {RECENT}
        slot.flags = flags
        if slot.uid is None:
            return
        self.told.add(slot.uid)
        if modseq and (trouble := self.journal.flagged(self.box, slot.uid, modseq, flags)):
            self.wrong(trouble)
        if b"\\Deleted" in flags:
            self.box.mortal.add(slot.uid)
        self._own(slot.uid, flags)

    def _own(self, uid: int, flags: frozenset[bytes]) -> None:
        if uid in self.flying:
            return
        wanted = self.mine.setdefault(uid, self.keyword in flags)
        if wanted != (self.keyword in flags):
            done = "set" if wanted else "removed"
            self.wrong(f"UID {uid} with {sorted(flags)}, after our own keyword was {done}")

    def _modseq(self, slot: Slot, modseq: int) -> None:
        if modseq < slot.modseq:
            self.wrong(f"MODSEQ {modseq} of UID {slot.uid}, after {slot.modseq}")
        slot.modseq = modseq
        self.reached = max(self.reached, modseq)

    def _facts(self, uid: int, items: dict[str, Value]) -> None:
        what: dict[str, object] = {}
        if "RFC822.SIZE" in items:
            what["size"] = items["RFC822.SIZE"]
        if "INTERNALDATE" in items:
            what["date"] = letters.instant(items["INTERNALDATE"])
        for name in ("BODY[HEADER.FIELDS (MESSAGE-ID)]", "BODY[HEADER]", "BODY[]"):
            if name in items:
                what["message_id"] = letters.message_id(items[name])
        if "ENVELOPE" in items:
            what["message_id"] = items["ENVELOPE"][9]
        if trouble := self.journal.seen(self.box, uid, **what):
            self.wrong(trouble)
        made = self.journal.letters.get(self.journal.boxes[self.box.name].facts[uid].message_id or b"")
        if "BODY[]" in items and made and items["BODY[]"] != made.octets:
            self.wrong(f"UID {uid} is {made.message_id!r}, with other octets")


def numbers(text: Value) -> Iterator[int]:
    """Of a set as ``1:3,5``."""
    for part in (b"%d" % text if isinstance(text, int) else text or b"").split(b","):
        first, _, last = part.partition(b":")
        low, high = sorted((int(first), int(last or first)))
        yield from range(low, high + 1)


def _int(value: Value) -> int:
    if not isinstance(value, int):
        raise ValueError(f"no number: {value!r:.60}")
    return value
