"""The random commands, and what each of them must have done when its OK has come."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from tests.conformance import imap_text
from tests.imap_client import Literal
from tests.imap_client.client import Answer
from tests.imaptest import letters
from tests.imaptest.journal import Box, Fact
from tests.imaptest.picture import numbers
from tests.imaptest.player import uid_set
from tests.imaptest.resync import FACTS, everything, select

if TYPE_CHECKING:
    from tests.imaptest.player import Player

SHARED = (b"\\Seen", b"\\Flagged", b"\\Answered", b"\\Draft", b"$Label")
KEEP = 0.3  # of the letters
STILL = 3  # NOOPs after which what must be expunged is expunged, when processes are being killed


async def step(player: Player) -> None:
    """One of them; a crowded mailbox gets fewer letters."""
    _, picture = player.inside()
    crowded = len(picture.slots) / player.game.letters
    weights = [weight / (1 + crowded**3) if verb in {append, copy} else weight for verb, weight in VERBS]
    await player.chance.choices([verb for verb, _ in VERBS], weights)[0](player)


def _target(player: Player, uids: list[int]) -> tuple[str, str]:
    """``("UID ", uids)`` or ``("", numbers)``."""
    if player.chance.random() < 0.6:
        return "UID ", uid_set(uids)
    at = player.inside()[1].numbers()
    return "", uid_set([at[uid] for uid in uids])


async def append(player: Player) -> None:
    journal, box = player.journal, player.journal.boxes[player.chance.choice(player.game.names)]
    journal.numbers += 1
    made = letters.letter(journal.numbers, keep=player.chance.random() < KEEP)
    journal.new_letter(made)
    flags = player.chance.sample(SHARED, player.chance.randint(0, 2))
    floor = box.floor
    head = b" (%b) %b " % (b" ".join(flags), letters.date_time(made.date))
    literal = Literal(made.octets, sync=player.chance.random() < 0.5)
    answer = await player.do(f"APPEND {box.name}", head, literal)
    if answer is None:
        return
    journal.appended.add(made.message_id)
    code = answer.code("APPENDUID")
    if not code:
        player.wrong("APPEND without APPENDUID")
        return
    fact = Fact(message_id=made.message_id, size=len(made.octets), date=made.date)
    if trouble := journal.born(box, int(code[1]), floor, fact):
        player.wrong(trouble)


async def store(player: Player) -> None:
    _, picture = player.inside()
    flag, wanted = player.chance.choice([*SHARED, b"\\Deleted", picture.keyword, picture.keyword]), None
    if flag == b"\\Deleted":
        wanted = _may_go(player)
    uids, on = player.some(wanted), player.chance.random() < 0.6
    if not uids:
        return
    if flag == b"\\Deleted" and on:
        picture.box.mortal.update(uids)
    if flag == picture.keyword:
        picture.flying.update(uids)
    uid, where = _target(player, uids)
    since = _since(player, uids) if picture.condstore and player.chance.random() < 0.4 else None
    newer = {slot.uid for slot in picture.slots if since is not None and slot.modseq > since}
    unchanged = "" if since is None else f" (UNCHANGEDSINCE {since})"
    silent = ".SILENT" if player.chance.random() < 0.3 else ""
    answer = await player.do(f"{uid}STORE {where}{unchanged} {'+-'[not on]}FLAGS{silent} ", b"(%b)" % flag)
    if answer is None:
        return
    done = set(uids) - _modified(player, answer, uids, by_uid=bool(uid))
    if lies := done & newer & picture.told:
        player.wrong(f"STORE{unchanged} has changed {sorted(lies)}, which are newer")
    _stored(player, answer, set(uids), done, flag, on=on, silent=bool(silent))


def _since(player: Player, uids: list[int]) -> int:
    """What it has seen of them, or a little less."""
    seen = max((slot.modseq for slot in player.inside()[1].slots if slot.uid in uids), default=1)
    return max(0, seen - player.chance.choice([0, 0, 3]))


def _stored(
    player: Player, answer: Answer, uids: set[int], done: set[int], flag: bytes, *, on: bool, silent: bool
) -> None:
    """``done``: of ``uids``, those that were not refused; of a silent one the client knows what it has wished.

    What others have expunged, and could not be told yet, is not changed and not shown (RFC 2180 4.2).
    """
    _, picture = player.inside()
    if silent and answer.code("EXPUNGEISSUED") is not None:
        done = done & picture.heard
    missing: set[int] = set()
    for slot in picture.slots:
        if slot.uid not in done or slot.flags is None or slot.uid in picture.told:
            continue
        after = slot.flags | {flag} if on else slot.flags - {flag}
        if silent:
            slot.flags = after
        elif after != slot.flags:
            missing.add(slot.uid)
    player.suspect(missing, "STORE")
    if flag == picture.keyword:
        _stored_own(player, uids, done - missing, on=on)


def _stored_own(player: Player, uids: set[int], done: set[int], *, on: bool) -> None:
    """Exact, since nobody else touches it."""
    _, picture = player.inside()
    for uid in uids:
        picture.mine.pop(uid, None)
    picture.mine.update(dict.fromkeys(done, on))
    picture.flying.difference_update(uids)
    for slot in picture.slots:
        if slot.uid in done & picture.told and (picture.keyword in (slot.flags or ())) != on:
            player.wrong(
                f"STORE of {picture.keyword!r} on UID {slot.uid}, which has {sorted(slot.flags or ())}"
            )


def _modified(player: Player, answer: Answer, uids: list[int], *, by_uid: bool) -> set[int]:
    """RFC 7162 3.1.3: those that had changed; numbers shift only during UID commands."""
    _, picture = player.inside()
    code = answer.code("MODIFIED")
    if code is None:
        return set()
    named = set(numbers(code[0]))
    found = named if by_uid else {slot.uid for at, slot in enumerate(picture.slots, 1) if at in named}
    if not found <= set(uids):
        player.wrong(f"MODIFIED {sorted(found)}, of {uids}")
    player.journal.did["MODIFIED"] += 1
    return found


def _may_go(player: Player) -> set[int]:
    """UIDs of letters that are known not to be kept."""
    facts = player.inside()[1].box.facts
    return {uid for uid, fact in facts.items() if fact.message_id and not letters.is_keep(fact.message_id)}


async def copy(player: Player) -> None:
    _, picture = player.inside()
    uids = player.some(_may_go(player), most=4)
    if not uids:
        return
    target = player.journal.boxes[player.chance.choice(player.game.names)]
    player.journal.copies(picture.box, uids)
    await _transfer(player, "COPY", uids, target)


async def move(player: Player) -> None:
    _, picture = player.inside()
    uids = player.some()
    if uids:
        picture.box.leaving.update(uids)
        await _transfer(player, "MOVE", uids, player.other())


async def _transfer(player: Player, verb: str, uids: list[int], target: Box) -> None:
    _, picture = player.inside()
    floor = target.floor
    uid, where = _target(player, uids)
    answer = await player.do(f"{uid}{verb} {where} {target.name}")
    code = answer.code("COPYUID") if answer else None
    if not code:
        return
    old, new = list(numbers(code[1])), list(numbers(code[2]))
    if len(old) != len(new) or not set(old) <= set(uids) or int(code[0]) != (target.uidvalidity or code[0]):
        player.wrong(f"COPYUID {code} for {uids}, UIDVALIDITY {target.uidvalidity}")
        return
    if trouble := player.journal.copied(picture.box, target, zip(old, new, strict=True), floor):
        player.wrong(trouble)
    if verb == "MOVE":
        picture.box.moved.update(old)
        if left := set(old) & set(picture.uids()):
            player.wrong(f"MOVE of {sorted(left)} without EXPUNGE")


async def expunge(player: Player) -> None:
    await player.do("EXPUNGE")


async def uid_expunge(player: Player) -> None:
    _, picture = player.inside()
    if uids := player.some(picture.box.mortal):
        await player.do(f"UID EXPUNGE {uid_set(uids)}")


async def fetch(player: Player) -> None:
    uids = player.some()
    if not uids:
        return
    uid, where = _target(player, uids)
    items = player.chance.choice(
        ("FLAGS", "ENVELOPE", "BODY.PEEK[]", "BODY[]", f"(UID {FACTS})", "(UID BODYSTRUCTURE)")
    )
    answer = await player.do(f"{uid}FETCH {where} {items}")
    if answer is None:
        return
    _, picture = player.inside()
    player.suspect(set(uids) & set(picture.uids()) - picture.heard, f"FETCH {items}")
    for one in answer.of("FETCH"):
        shown = one.fetched()
        if "ENVELOPE" in shown:
            imap_text.envelope(shown["ENVELOPE"])
        if "BODYSTRUCTURE" in shown:
            imap_text.body(shown["BODYSTRUCTURE"], extended=True)


async def search(player: Player) -> None:
    """By our own keyword: nobody else changes who has it."""
    _, picture = player.inside()
    on = player.chance.random() < 0.7
    uid = player.chance.choice(["", "UID "])
    before = {u for u in picture.uids() if picture.mine.get(u) is on and u not in picture.flying}
    answer = await player.do(f"{uid}SEARCH {'' if on else 'UN'}KEYWORD ", picture.keyword)
    if answer is None:
        return
    found = {int(n) for one in answer.of("SEARCH") for n in one.values if isinstance(n, int)}
    if not uid:
        if found and not 1 <= min(found) <= max(found) <= len(picture.slots):
            player.wrong(f"SEARCH found {sorted(found)} of {len(picture.slots)}")
            return
        found = {slot.uid for at, slot in enumerate(picture.slots, 1) if at in found and slot.uid}
    if lies := {u for u in found if picture.mine.get(u, on) is not on and u not in picture.flying}:
        player.wrong(f"SEARCH {'' if on else 'UN'}KEYWORD found {sorted(lies)}")
    player.suspect((before & set(picture.uids())) - found, "SEARCH")


async def noop(player: Player) -> None:
    """Afterwards nothing that is gone may be there any more (RFC 9051 6.1.2)."""
    _, picture = player.inside()
    asked = [uid for uid in player.suspects if player.suspects[uid]]
    if await player.do(player.chance.choice(["NOOP", "NOOP", "CHECK"])) is None:
        return
    there = set(picture.uids())
    for uid in asked:
        why = player.suspects[uid]
        if uid not in there:
            del player.suspects[uid]
        elif len(why) >= (STILL if player.game.killing else 1):
            player.wrong(f"UID {uid} is not shown by {why[0]}, but is not expunged either")
            del player.suspects[uid]
        else:
            why.append("NOOP")
    if any(slot.uid is None for slot in picture.slots):
        await everything(player, facts=True)


async def idle(player: Player) -> None:
    client, _ = player.inside()
    player.transcript.append("C: IDLE")
    async with client.idle():
        await asyncio.sleep(player.chance.uniform(0, 10 * player.game.pause))
    player.settled()
    player.journal.did["IDLE OK"] += 1


async def status(player: Player) -> None:
    box = player.other()
    floor, modseq = box.floor, box.top_modseq
    answer = await player.do(
        f"STATUS {box.name} (MESSAGES UIDNEXT UIDVALIDITY{' HIGHESTMODSEQ' * (player.kind != 'plain')})"
    )
    for one in answer.of("STATUS") if answer else ():
        pairs = one.values[1]
        found = dict(zip(pairs[::2], pairs[1::2], strict=True))
        if found[b"UIDNEXT"] < floor or found.get(b"HIGHESTMODSEQ", modseq) < modseq:
            player.wrong(f"STATUS {found}; seen: UID {floor - 1}, MODSEQ {modseq}")
        box.top_uidnext = max(box.top_uidnext, found[b"UIDNEXT"])
        box.top_modseq = max(box.top_modseq, found.get(b"HIGHESTMODSEQ", 0))


async def reselect(player: Player) -> None:
    """Over CLOSE, UNSELECT, or at once."""
    how = player.chance.choice(["CLOSE", "UNSELECT", ""])
    if how:
        known = player.known
        if await player.do(how) is None:
            return
        player.known = known  # what CLOSE has expunged was not told
        player.remember()
        player.picture = None
    await select(player, player.chance.choice(player.game.names))


async def leave(player: Player) -> None:
    if player.chance.random() < 0.3:
        player.drop()
    else:
        await player.logout()


Verb = Callable[["Player"], Awaitable[None]]
VERBS: tuple[tuple[Verb, float], ...] = (
    (append, 10),
    (store, 22),
    (copy, 3),
    (move, 5),
    (expunge, 2),
    (uid_expunge, 3),
    (fetch, 16),
    (search, 8),
    (noop, 12),
    (idle, 4),
    (status, 2),
    (reselect, 3),
    (leave, 2),
)
