"""Where a letter can be, by the journal of its only owner: all worlds that agree with what he said and heard.

A world is the letter's entries (mailbox, UID, flags). What was answered happens in every world, and a world in which it
could not have happened is none. What was not answered makes two of a world: one in which it was done and one in which it
was not. Looking leaves the worlds that look so; UIDs that nobody has heard yet are negative until then. No world left:
the pod did something else than it said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from tests.e2e.mailbox_journal import Line
from yubin.mailboxes.port import How

Flags = frozenset[str]
Entry = tuple[int, int, Flags]
Seen = tuple[int, int, Flags]


@dataclass(frozen=True, kw_only=True)
class World:
    """Of the lines without an answer, ``done`` came true in it; for ``moot`` ones that would look the same."""

    entries: frozenset[Entry]
    done: frozenset[int] = frozenset()
    moot: frozenset[int] = frozenset()


class Impossible(Exception):  # noqa: N818 - a history, not an error of this program
    """No world agrees with this line."""


def replay(letter: str, lines: Sequence[tuple[int, Line]], final: Iterable[Seen]) -> list[World]:
    """All worlds that the end allows; ``lines`` are those of the letter with their numbers. Raises Impossible."""
    worlds: set[World] = set()
    for number, line in lines:
        if line.kind in {"deliver", "append"}:
            mailbox, uid = line.answer
            worlds = {World(entries=frozenset({(mailbox, uid, frozenset(line.flags))}))}
        elif line.kind == "look":
            seen = [(m, uid, frozenset(flags)) for m, uid, one, flags in line.answer if one == letter]
            worlds = _seen(worlds, seen, {line.source, line.target})
        elif line.kind != "again":
            worlds = {after for world in worlds for after in _after(world, number, letter, line)}
        if not worlds:
            raise Impossible(f"{letter}: {line}")
    left = _seen(worlds, [*final], None)
    if not left:
        raise Impossible(f"{letter} is {sorted(final, key=str)} in the end, and should be {_told(worlds)}")
    return [*left]


def _after(world: World, number: int, letter: str, line: Line) -> Iterator[World]:
    """The worlds that this one may have become."""
    asked = [uid for uid, one in line.asked if one == letter]
    if not line.heard:
        entries = _unheard(world.entries, number, asked, line)
        if entries == world.entries:
            yield replace(world, moot=world.moot | {number})
        else:
            yield world
            yield replace(world, entries=entries, done=world.done | {number})
    elif (heard := _heard(world.entries, asked, line)) is not None:
        yield replace(world, entries=heard)


def _unheard(entries: frozenset[Entry], number: int, asked: Sequence[int], line: Line) -> frozenset[Entry]:
    """As if it had been done."""
    found = [entry for entry in entries if entry[0] == line.source and entry[1] in asked]
    if line.kind == "expunge":
        return entries - {entry for entry in found if _meant(line, entry[2])}
    if line.kind == "store":
        return entries - {*found} | {(m, uid, changed(line, flags)) for m, uid, flags in found}
    made = {
        (line.target, -number * 1000 - n, flags) for n, (_, _, flags) in enumerate(sorted(found, key=str))
    }
    return entries - {*found} | made if line.kind == "move" else entries | made


def _heard(entries: frozenset[Entry], asked: Sequence[int], line: Line) -> frozenset[Entry] | None:
    """None when the answer cannot be true of it."""
    at = {uid: flags for mailbox, uid, flags in entries if mailbox == line.source}
    answer = dict.fromkeys(line.answer) if line.kind == "expunge" else dict(line.answer)
    done = [uid for uid in asked if uid in answer]
    if done != [uid for uid in asked if uid in at and _meant(line, at[uid])]:
        return None
    taken = {(line.source, uid, at[uid]) for uid in done if line.kind != "copy"}
    match line.kind:
        case "expunge":
            return entries - taken
        case "store":
            new = {(line.source, uid, changed(line, at[uid])) for uid in done}
            told = {(line.source, uid, frozenset(answer[uid] or ())) for uid in done}
            return entries - taken | new if told == new else None
    return entries - taken | {(line.target, answer[uid], at[uid]) for uid in done}


def _meant(line: Line, flags: Flags) -> bool:
    return not line.only_deleted or "\\Deleted" in flags


def changed(line: Line, flags: Flags) -> Flags:
    how, some = How(line.how), frozenset(line.flags)
    if how is How.ADD:
        return flags | some
    return flags - some if how is How.REMOVE else some


def _seen(worlds: Iterable[World], seen: Sequence[Seen], mailboxes: set[int] | None) -> set[World]:
    """Those that look so in these mailboxes (None: everywhere), with the UIDs that they now have."""
    found = set()
    for world in worlds:
        here = {e for e in world.entries if mailboxes is None or e[0] in mailboxes}
        known = {e for e in here if e[1] > 0}
        new = {*seen} - known
        if known <= {*seen} and _places(new) == _places(here - known):
            found.add(replace(world, entries=world.entries - here | {*seen}))
    return found


def _places(entries: Iterable[Entry]) -> list[tuple[int, list[str]]]:
    """Without UIDs."""
    return sorted((mailbox, sorted(flags)) for mailbox, _, flags in entries)


def _told(worlds: Iterable[World]) -> str:
    return " or ".join(str(sorted((m, uid, *sorted(flags)) for m, uid, flags in w.entries)) for w in worlds)
