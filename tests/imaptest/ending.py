"""When the game is over: every picture equals a fresh one, and every letter is where it may be.

- a ``keep`` letter whose APPEND was answered is in exactly one place: MOVE neither loses nor doubles;
- no letter is there more often than it was appended and copied, and each has its own octets;
- a message that was given a UID has gone only if somebody had wished it, and what has gone or moved is not there.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass

from tests.imap_client import Client
from tests.imaptest import letters
from tests.imaptest.journal import Box, Journal
from tests.imaptest.player import Game, Player
from tests.imaptest.resync import select
from tests.imaptest.verbs import noop

TRIES, PAUSE = 80, 0.5  # one that was killed often is started again after half a minute


@dataclass(frozen=True, kw_only=True)
class Message:
    flags: frozenset[bytes]
    octets: bytes


Truth = dict[int, Message]


async def settle(game: Game, players: list[Player]) -> dict[str, Truth]:
    """What is there, once everybody's picture was compared with it."""
    async with asyncio.TaskGroup() as group:
        for player in players:
            group.create_task(_come_back(player))
    truth = {name: await _fresh(game, name) for name in game.names}
    for player in players:
        await _compare(player, truth)
    for player in players:
        for name in game.names if player.kind == "qresync" else ():
            if player.client is not None and await select(player, name):
                await _compare(player, truth)
    return truth


async def _come_back(player: Player) -> None:
    for _ in range(TRIES):
        try:
            if player.client is None:
                await player.enter()
            await noop(player)
            return
        except Exception as error:  # noqa: BLE001 - told by ``ended``
            player.ended(error)
            await asyncio.sleep(PAUSE)
    player.wrong("could not come back in the end")


async def _connected(game: Game) -> Client:
    """To a gateway that may still be coming back."""
    for _ in range(TRIES - 1):
        try:
            return await Client.connect(game.host, game.port, game.context)
        except OSError:
            await asyncio.sleep(PAUSE)
    return await Client.connect(game.host, game.port, game.context)


async def _fresh(game: Game, name: str) -> Truth:
    client = await _connected(game)
    try:
        await client.login(game.user, game.password)
        await client.command(f"EXAMINE {name}")
        answer = await client.command("UID FETCH 1:* (UID FLAGS BODY.PEEK[])")
        await client.logout()
    finally:
        client.close()
    found = {}
    for one in answer.of("FETCH"):
        items = one.fetched()
        if "BODY[]" in items:
            flags = frozenset(items["FLAGS"]) - {b"\\Recent"}
            found[items["UID"]] = Message(flags=flags, octets=items["BODY[]"])
    return found


async def _compare(player: Player, truth: dict[str, Truth]) -> None:
    """Nobody changes anything any more, so that one NOOP is enough where nothing is killed."""
    for attempt in range(TRIES):
        differs = _difference(player, truth)
        if not differs:
            return
        if attempt and not player.game.killing:
            break
        await asyncio.sleep(PAUSE * bool(attempt))
        await noop(player)
    player.wrong(f"in the end its picture differs: {differs}")


def _difference(player: Player, truth: dict[str, Truth]) -> str:
    if player.picture is None:
        return ""
    there = truth[player.picture.box.name]
    uids = player.picture.uids()
    if len(uids) != len(player.picture.slots) or uids != sorted(there):
        return f"UIDs {sorted(set(uids) ^ set(there))} of {len(there)}, {len(player.picture.slots)} messages"
    for slot in player.picture.slots:
        true = there[slot.uid or 0].flags
        if slot.flags is not None and slot.flags != true:
            return f"UID {slot.uid} has {sorted(slot.flags)}, in truth {sorted(true)}"
    return ""


def judge(journal: Journal, truth: dict[str, Truth]) -> None:
    """Writes what is wrong into the journal."""
    places: Counter[bytes] = Counter()
    for name, there in truth.items():
        for uid, message in there.items():
            found = letters.message_id(message.octets)
            made = journal.letters.get(found or b"")
            if made is None or made.octets != message.octets:
                journal.accuse("ending", f"{name}: UID {uid} is no letter of ours: {message.octets[:200]!r}")
                continue
            places[made.message_id] += 1
            if trouble := journal.seen(journal.boxes[name], uid, message_id=found):
                journal.accuse("ending", trouble)
        _went(journal, journal.boxes[name], set(there))
    for message_id in journal.letters:
        least = int(letters.is_keep(message_id) and message_id in journal.appended)
        if not least <= places[message_id] <= journal.most[message_id]:
            journal.accuse(
                "ending",
                f"{message_id!r} is there {places[message_id]} times, {least} to {journal.most[message_id]} allowed",
            )


def _went(journal: Journal, box: Box, there: set[int]) -> None:
    if lost := box.born - there - box.mortal - box.leaving:
        journal.accuse("ending", f"{box.name}: UIDs {sorted(lost)} have gone, and nobody wished it")
    if back := there & (box.gone | box.moved):
        journal.accuse("ending", f"{box.name}: UIDs {sorted(back)} were expunged or moved, and are there")
