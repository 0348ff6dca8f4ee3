"""What must be true after the mailbox chaos, whatever was killed: ``judge`` lists what is not.

Letters of one owner are exactly where the possible worlds say (mailbox_worlds.py), a batch without an answer was done
whole or not at all. Letters of the commons lie in one place, or in none when somebody expunged them; no entry was taken
twice. All UIDs are one letter's for ever and ascend as they were given out. Watchers missed nothing. Counters are exact.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.e2e.mailbox_journal import Line, gone
from tests.e2e.mailbox_talk import Place
from tests.e2e.mailbox_watcher import Picture
from tests.e2e.mailbox_worlds import Impossible, World, replay
from yubin.mailboxes.account import Account
from yubin.mailboxes.flags import names
from yubin.mailboxes.port import Mailbox, Usage, Want


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One entry at the end."""

    letter: str
    flags: frozenset[str]
    modseq: int
    size: int
    digest: str


@dataclass(frozen=True, kw_only=True)
class End:
    """All that the account holds when nobody asks for anything any more."""

    mailboxes: tuple[Mailbox, ...]
    entries: Mapping[Place, Kept]
    usage: Usage


@dataclass
class Verdict:
    wrong: list[str] = field(default_factory=list)
    done: int = 0  # things without an answer that came true, and
    undone: int = 0


async def end(account: Account) -> End:
    entries: dict[Place, Kept] = {}
    mailboxes = await account.mailboxes()
    for mailbox in mailboxes:
        columns = {}
        async for page in account.view(mailbox.id):
            flags = [names(bits, page.keywords) for bits in page.flags]
            columns |= dict(zip(page.uids, zip(flags, page.modseqs, page.sizes, strict=True), strict=True))
        async for some in account.letters(mailbox.id, [*columns], Want.LETTER_ID):
            for row, body in zip(some.rows, some.bodies, strict=True):
                marks, modseq, size = columns[row.uid]
                digest = hashlib.sha256(body).hexdigest()
                entries[mailbox.id, row.uid] = Kept(
                    letter=str(row.letter_id), flags=marks, modseq=modseq, size=size, digest=digest
                )
        assert len(columns) == sum(place[0] == mailbox.id for place in entries), "a letter without a body"
    return End(mailboxes=mailboxes, entries=entries, usage=await account.usage())


def judge(
    journals: Sequence[Sequence[Line]], last: End, pictures: Sequence[Mapping[int, Picture]]
) -> Verdict:
    """``journals`` of every client, and of who brought the commons."""
    lines = [line for journal in journals for line in journal]
    verdict = Verdict()
    verdict.wrong += _identities(lines, last, pictures)
    verdict.wrong += _bodies(lines, last)
    verdict.wrong += _taken_twice(lines)
    verdict.wrong += _ascending(lines)
    verdict.wrong += _repeats(lines)
    verdict.wrong += _commons(lines, last)
    verdict.wrong += _counters(last)
    for picture in pictures:
        verdict.wrong += _missed(picture, last)
    for journal in journals:
        _owned(journal, last, verdict)
    return verdict


def _owned(journal: Sequence[Line], last: End, verdict: Verdict) -> None:
    """The letters that only this client touched."""
    final: defaultdict[str, list[tuple[int, int, frozenset[str]]]] = defaultdict(list)
    for (mailbox, uid), kept in last.entries.items():
        final[kept.letter].append((mailbox, uid, kept.flags))
    worlds: dict[str, list[World]] = {}
    for letter, history in histories(journal).items():
        try:
            worlds[letter] = replay(letter, history, final[letter])
        except Impossible as impossible:
            verdict.wrong.append(f"no way to this: {impossible}")
    for number, line in enumerate(journal):
        if not line.heard and not line.commons:
            answers = [_was_done(number, worlds[letter]) for _, letter in line.asked if letter in worlds]
            if {True, False} <= {*answers}:
                verdict.wrong.append(f"done by half: {line}")
            verdict.done += True in answers
            verdict.undone += False in answers


def histories(journal: Sequence[Line]) -> dict[str, list[tuple[int, Line]]]:
    """Letter → the numbered lines that are about it."""
    found: dict[str, list[tuple[int, Line]]] = {}
    for number, line in enumerate(journal):
        if line.commons:
            continue
        if line.kind in {"deliver", "append"}:
            found[line.letter] = []
        about = {line.letter} if line.letter else {letter for _, letter in line.asked}
        for letter in found if line.kind == "look" else about:
            found[letter].append((number, line))
    return found


def _was_done(number: int, worlds: Iterable[World]) -> bool | None:
    """None when it cannot be told: it would have changed nothing, or a later change hides it."""
    answers = {None if number in world.moot else number in world.done for world in worlds}
    return answers.pop() if len(answers) == 1 else None


def attributed(line: Line) -> Iterator[tuple[Place, str]]:
    """Which letters lie where, by what was said and heard."""
    letters = dict(line.asked)
    yield from (((line.source, uid), letter) for uid, letter in line.asked)
    if line.kind in {"deliver", "append", "again"}:
        yield (line.answer[0], line.answer[1]), line.letter
    elif line.kind == "look":
        yield from (((mailbox, uid), letter) for mailbox, uid, letter, _ in line.answer)
    elif line.kind in {"copy", "move"}:
        yield from (((line.target, target), letters[source]) for source, target in line.answer)


def _identities(lines: Sequence[Line], last: End, pictures: Sequence[Mapping[int, Picture]]) -> Iterator[str]:
    known: dict[Place, str] = {place: kept.letter for place, kept in last.entries.items()}
    seen = [pair for line in lines for pair in attributed(line)]
    for picture in pictures:
        seen += [((m, uid), letter) for m, one in picture.items() for uid, letter in one.letters.items()]
    for place, letter in seen:
        if known.setdefault(place, letter) != letter:
            yield f"{place} was {letter} and {known[place]}"


def _bodies(lines: Sequence[Line], last: End) -> Iterator[str]:
    brought = {line.letter: (line.digest, line.size) for line in lines if line.kind in {"deliver", "append"}}
    for place, kept in last.entries.items():
        if brought.get(kept.letter) != (kept.digest, kept.size):
            yield f"{place} has another body than {kept.letter} was brought with"


def _taken_twice(lines: Sequence[Line]) -> Iterator[str]:
    """An entry is moved away or expunged once; a UID is given out once."""
    taken = Counter((line.source, uid) for line in lines for uid in gone(line))
    made = Counter(place for line in lines for place in _made(line))
    yield from (f"{place} was taken {n} times" for place, n in taken.items() if n > 1)
    yield from (f"{place} was given out {n} times" for place, n in made.items() if n > 1)


def _made(line: Line) -> list[Place]:
    if line.kind in {"deliver", "append"}:
        return [(line.answer[0], line.answer[1])]
    return [(line.target, target) for _, target in line.answer] if line.kind in {"copy", "move"} else []


def _ascending(lines: Sequence[Line]) -> Iterator[str]:
    """Who asks after another was answered gets the higher UID and the higher MODSEQ."""
    uids = [(line.began, line.ended, place) for line in lines for place in _made(line) if not line.repeated]
    yield from _in_order("UID", uids)
    changes = [
        line for line in lines if gone(line) or (line.kind in {"deliver", "append"} and not line.repeated)
    ]
    places = [line.source or line.answer[0] for line in changes]
    stated = [(one.began, one.ended, (where, one.modseq)) for one, where in zip(changes, places, strict=True)]
    yield from _in_order("MODSEQ", stated)


def _in_order(what: str, given: Sequence[tuple[float, float, Place]]) -> Iterator[str]:
    """``given``: when it was asked for and when it was heard, a mailbox and a number."""
    heard = sorted(given, key=lambda one: one[1])
    highest: dict[int, int] = {}
    n = 0
    for began, _, (mailbox, number) in sorted(given):
        while heard[n][1] < began:
            _, _, (where, before) = heard[n]
            highest[where] = max(before, highest.get(where, 0))
            n += 1
        if number <= highest.get(mailbox, 0):
            yield f"{what} {number} of {mailbox} was given out after {highest[mailbox]}"


def _repeats(lines: Sequence[Line]) -> Iterator[str]:
    """A letter that is brought again under its delivery id lies where it lay."""
    first = {line.letter: line.answer for line in lines if line.kind == "deliver"}
    for line in lines:
        if line.kind == "again" and (line.answer != first[line.letter] or not line.repeated):
            yield f"{line.letter} was delivered twice: {first[line.letter]}, {line.answer}"


def _commons(lines: Sequence[Line], last: End) -> Iterator[str]:
    """Moves neither lose nor double a letter, whether they were answered or not; only who expunges makes it go."""
    letters = {line.letter for line in lines if line.commons and line.kind == "deliver"}
    there = Counter(kept.letter for kept in last.entries.values() if kept.letter in letters)
    expunged = [line for line in lines if line.commons and line.kind == "expunge"]
    surely = {dict(line.asked)[uid] for line in expunged for uid in line.answer}
    maybe = {letter for line in expunged if not line.heard for _, letter in line.asked}
    for letter in letters:
        wanted = {0} if letter in surely else {0, 1} if letter in maybe else {1}
        if there[letter] not in wanted:
            yield f"{letter} of the commons is there {there[letter]} times"
    places = {place for line in lines if line.commons for place in _made(line)}
    taken = {(line.source, uid) for line in lines if line.commons for uid in gone(line)}
    unsure = {
        (line.source, uid) for line in lines if line.commons and not line.heard for uid, _ in line.asked
    }
    for place in places - taken - unsure - last.entries.keys():
        yield f"{place} of the commons is gone, and nobody took it"


def _counters(last: End) -> Iterator[str]:
    for mailbox in last.mailboxes:
        here = [kept for (where, _), kept in last.entries.items() if where == mailbox.id]
        counted = (
            len(here),
            sum("\\Seen" not in kept.flags for kept in here),
            sum("\\Deleted" in kept.flags for kept in here),
            sum(kept.size for kept in here),
        )
        stated = (mailbox.messages, mailbox.unseen, mailbox.deleted, mailbox.size)
        if counted != stated:
            yield f"{mailbox.name} counts {stated} (messages, unseen, deleted, size) and has {counted}"
        if any(kept.modseq > mailbox.modseq for kept in here):
            yield f"{mailbox.name} has entries above its HIGHESTMODSEQ"
    used = sum(kept.size for kept in last.entries.values())
    if (last.usage.used, last.usage.messages) != (used, len(last.entries)):
        yield f"the account counts {last.usage} and has {used} octets, {len(last.entries)} entries"


def _missed(pictures: Mapping[int, Picture], last: End) -> Iterator[str]:
    for mailbox, picture in pictures.items():
        yield from (f"a watcher of {mailbox}: {wrong}" for wrong in picture.wrong)
        there = {
            uid: (sorted(kept.flags), kept.modseq)
            for (where, uid), kept in last.entries.items()
            if where == mailbox
        }
        for uid in there.keys() | picture.entries.keys():
            if there.get(uid) != picture.entries.get(uid):
                yield f"a watcher of {mailbox} thinks that {uid} is {picture.entries.get(uid)}; it is {there.get(uid)}"
