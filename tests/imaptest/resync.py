"""SELECT, and what must be true when it has ended (RFC 9051 6.3.2, RFC 7162 3.2.5).

A client with QRESYNC that was here before makes its picture of what it remembers, VANISHED (EARLIER) and FETCH. That
must be as many as EXISTS says; and then everything is fetched: no change up to HIGHESTMODSEQ may be missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.imaptest.picture import Picture, Slot

if TYPE_CHECKING:
    from tests.imap_client.client import Answer
    from tests.imaptest.journal import Box
    from tests.imaptest.player import Cache, Player

FACTS = "INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"


async def select(player: Player, name: str) -> bool:
    """False when it was refused; then nothing is selected. Raises Lost."""
    player.remember()
    player.suspects.clear()
    box = player.journal.boxes[name]
    floor, modseq = box.floor, box.top_modseq
    picture = player.picture = Picture(player.journal, box, player.wrong, player.mine[name])
    picture.condstore = player.kind != "plain"
    cache = player.caches.get(name) if player.kind == "qresync" else None
    player.known = cache.modseq if cache is not None else 0
    parameters = _parameters(player, cache)
    answer = await player.do(f"SELECT {name}{parameters}")
    if answer is None or picture.confused:
        player.drop()
        return False
    _check(player, box, answer, floor, modseq)
    if cache is not None and cache.uidvalidity == box.uidvalidity:
        _merge(picture, cache, alone=" 1:" in parameters)
        player.journal.did["QRESYNC"] += 1
        if picture.confused:
            player.drop()
            return False
    picture.selecting, picture.earlier = False, set()
    player.settled()
    await everything(player, facts=cache is None)
    return True


def _parameters(player: Player, cache: Cache | None) -> str:
    if player.kind == "qresync" and cache is not None and cache.modseq:
        uids = sorted(cache.slots)
        known = f" 1:{uids[-1]}" if uids and player.chance.random() < 0.5 else ""
        return f" (QRESYNC ({cache.uidvalidity} {cache.modseq}{known}))"
    return " (CONDSTORE)" if player.kind == "condstore" else ""


def _check(player: Player, box: Box, answer: Answer, floor: int, modseq: int) -> None:
    """``floor``, ``modseq``: what had been seen when it was sent."""
    picture = player.picture
    assert picture is not None
    uidvalidity, uidnext, highest = (
        int((answer.code(name) or [0])[0]) for name in ("UIDVALIDITY", "UIDNEXT", "HIGHESTMODSEQ")
    )
    if not answer.of("EXISTS"):
        player.wrong("SELECT without EXISTS")
    if uidvalidity != (box.uidvalidity or uidvalidity):
        player.wrong(f"UIDVALIDITY {uidvalidity}, was {box.uidvalidity}")
    if uidnext < floor:
        player.wrong(f"UIDNEXT {uidnext}, but {floor - 1} has been given")
    if picture.condstore and highest < modseq:
        player.wrong(f"HIGHESTMODSEQ {highest}, but {modseq} was seen before")
    box.uidvalidity, box.top_uidnext = uidvalidity, max(box.top_uidnext, uidnext)
    box.top_modseq = max(box.top_modseq, highest)
    picture.uidnext = uidnext
    picture.highest = picture.reached = highest


def _merge(picture: Picture, cache: Cache, *, alone: bool) -> None:
    """What was remembered, less what has vanished, and what was fetched; ``alone``: new messages were not asked for.

    FETCH says which number a message has; what is remembered and was not fetched has the numbers that are left, in order.
    """
    shown = {slot.uid for slot in picture.slots}
    left = sorted(set(cache.slots) - picture.earlier - shown)
    for at, slot in enumerate(picture.slots):
        if slot.uid is None and left:
            old = cache.slots[left.pop(0)]
            picture.slots[at] = Slot(old.uid, old.flags, old.modseq)
        elif slot.uid is None and at < picture.at_select and not alone:
            picture.wrong(
                f"QRESYNC from {cache.modseq} has not shown message {at + 1} of {picture.at_select}"
            )
            picture.confused = True
    uids = picture.uids()
    if left or uids != sorted(uids):
        picture.wrong(
            f"QRESYNC from {cache.modseq}: known were {sorted(cache.slots)}, VANISHED {sorted(picture.earlier)}, "
            f"FETCH {sorted(shown - {None})}, of {picture.at_select}; so the numbers mean {uids}"
        )
        picture.confused = True


async def everything(player: Player, *, facts: bool = False) -> None:
    """FETCH of all messages; what is known already must have been complete up to HIGHESTMODSEQ."""
    _, picture = player.inside()
    if not picture.slots:
        return
    before = {slot.uid: Slot(slot.uid, slot.flags, slot.modseq) for slot in picture.slots if slot.uid}
    modseq = " MODSEQ" if picture.condstore else ""
    answer = await player.do(
        f"{player.chance.choice(['', 'UID '])}FETCH 1:* (UID FLAGS{modseq}{' ' + FACTS if facts else ''})"
    )
    if answer is None:
        return
    for slot in picture.slots:
        old = before.get(slot.uid)
        if old and slot.uid in picture.told and picture.condstore and slot.modseq <= picture.highest:
            _complete(picture, old, slot)
    player.suspect(set(before) - picture.heard, "FETCH 1:*")


def _complete(picture: Picture, old: Slot, slot: Slot) -> None:
    if old.modseq not in {0, slot.modseq} or old.flags != slot.flags:
        picture.wrong(
            f"QRESYNC missed UID {slot.uid}: {sorted(old.flags or ())} at {old.modseq}, in truth "
            f"{sorted(slot.flags or ())} at {slot.modseq}; HIGHESTMODSEQ was {picture.highest}"
        )
