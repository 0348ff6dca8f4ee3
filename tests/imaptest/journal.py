"""What all players know together. Whatever one of them was told must be true for the others, for ever:

- a UID names one letter: its Message-ID, size and INTERNALDATE never change (RFC 9051 2.3.1.1);
- a new UID is greater than every UID that anybody had seen when the command was sent; UIDNEXT and UIDVALIDITY likewise;
- the flags of a message at one MODSEQ are the same for whoever asks; HIGHESTMODSEQ covers what was seen before;
- a message goes only after somebody has wished it: Deleted set, or MOVE.

What a command will have done is noted before it is sent, since its answer may be lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from tests.imaptest.letters import Letter

MOST = 30  # contradictions that are kept whole


@dataclass
class Fact:
    """None: not seen yet."""

    message_id: bytes | None = None
    size: int | None = None
    date: datetime | None = None


@dataclass
class Box:
    """A mailbox. ``mortal``: UIDs that may have had Deleted set; ``leaving``: that a MOVE has named; ``moved``: said so.

    ``gone``: UIDs of which some client was told that they are expunged. ``born``: by APPENDUID and COPYUID.
    """

    name: str
    uidvalidity: int = 0
    top_uid: int = 0
    top_uidnext: int = 0
    top_modseq: int = 0
    facts: dict[int, Fact] = field(default_factory=dict)
    flags: dict[tuple[int, int], frozenset[bytes]] = field(default_factory=dict)
    born: set[int] = field(default_factory=set)
    gone: set[int] = field(default_factory=set)
    mortal: set[int] = field(default_factory=set)
    leaving: set[int] = field(default_factory=set)
    moved: set[int] = field(default_factory=set)

    @property
    def floor(self) -> int:
        """What a UID that is not given yet is at least."""
        return max(self.top_uid + 1, self.top_uidnext)


class Journal:
    """``most``: how many instances of a letter there may be; ``appended``: those whose APPEND was answered."""

    def __init__(self, names: Iterable[str]) -> None:
        self.boxes = {name: Box(name) for name in names}
        self.letters: dict[bytes, Letter] = {}
        self.most: Counter[bytes] = Counter()
        self.appended: set[bytes] = set()
        self.wrong: list[str] = []
        self.did: Counter[str] = Counter()
        self.numbers = 0

    def accuse(self, who: str, what: str, transcript: Iterable[str] = ()) -> None:
        """A contradiction."""
        self.did["contradictions"] += 1
        if len(self.wrong) < MOST:
            self.wrong.append("\n    ".join([f"{who}: {what}", *transcript]))

    # ── what was seen ──

    def seen(self, box: Box, uid: int, **what: object) -> str:
        """What contradicts it, or "". ``what`` are fields of Fact."""
        fact = box.facts.setdefault(uid, Fact())
        box.top_uid = max(box.top_uid, uid)
        for name, value in what.items():
            before = getattr(fact, name)
            if before is not None and before != value:
                return f"{box.name}: UID {uid} had {name} {before!r}, now {value!r}"
            setattr(fact, name, value)
        return ""

    def flagged(self, box: Box, uid: int, modseq: int, flags: frozenset[bytes]) -> str:
        """Flags at a MODSEQ, without Recent, which is each session's own."""
        box.top_modseq = max(box.top_modseq, modseq)
        if b"\\Deleted" in flags:
            box.mortal.add(uid)
        before = box.flags.setdefault((uid, modseq), flags)
        if before != flags:
            return f"{box.name}: UID {uid} at MODSEQ {modseq} had {sorted(before)}, now {sorted(flags)}"
        return ""

    def born(self, box: Box, uid: int, floor: int, fact: Fact) -> str:
        """By APPEND, COPY or MOVE; ``floor`` is the box' when the command was sent."""
        if uid < floor:
            return f"{box.name}: new UID {uid}, but all new ones are {floor} at least"
        if uid in box.born:
            return f"{box.name}: UID {uid} was given twice"
        box.born.add(uid)
        return self.seen(box, uid, **{name: value for name, value in vars(fact).items() if value is not None})

    # ── what is wished ──

    def new_letter(self, made: Letter) -> None:
        self.letters[made.message_id] = made
        self.most[made.message_id] += 1

    def copies(self, box: Box, uids: Iterable[int]) -> None:
        """A COPY will be sent."""
        for uid in uids:
            fact = box.facts.get(uid)
            if fact and fact.message_id:
                self.most[fact.message_id] += 1

    def copied(self, source: Box, target: Box, pairs: Iterable[tuple[int, int]], floor: int) -> str:
        """COPYUID, also of MOVE."""
        for old, new in pairs:
            fact = source.facts.get(old, Fact())
            if trouble := self.born(target, new, floor, Fact(**vars(fact))):
                return trouble
            if old in source.mortal:  # flags go along
                target.mortal.add(new)
        return ""
