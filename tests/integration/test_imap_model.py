"""A long random walk: what SEARCH, FETCH and UIDs say agrees at every step with a model that is too simple to be wrong."""

import asyncio
import random

import pytest

from tests.integration.imap import ALICE
from tests.integration.imap_letters import fetch, mail
from yubin.errors import Unavailable
from yubin.mailboxes.port import Want

FLAGS = ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "$Work", "$Home")
NAMES = {flag: flag[1:].upper() for flag in FLAGS[:5]}


class Model:
    """``messages``: (UID, flags) in their order."""

    def __init__(self, seed):
        self.random, self.messages, self.next = random.Random(seed), [], 1

    def some(self):
        """Message numbers, and a set that names them."""
        numbers = self.random.sample(
            range(1, len(self.messages) + 1), self.random.randint(1, len(self.messages))
        )
        return numbers, ",".join(map(str, numbers))

    def key(self, depth=0):
        """A search key, and what it says of (number, UID, flags)."""
        kind = self.random.randint(0, 6 if depth < 3 else 3)
        if kind <= 1:
            flag, on = self.random.choice(FLAGS), self.random.random() < 0.5
            name = NAMES.get(flag, f"KEYWORD {flag}")
            return (name if on else f"UN{name}"), lambda _, __, flags: (flag in flags) is on
        if kind <= 3:
            low, high = self.random.randint(1, 30), self.random.randint(1, 30)
            among = range(min(low, high), max(low, high) + 1)
            if kind == 2:
                return f"{low}:{high}", lambda number, _, __: number in among
            return f"UID {low}:{high}", lambda _, uid, __: uid in among
        one, says = self.key(depth + 1)
        if kind == 4:
            return f"NOT {one}", lambda *m: not says(*m)
        other, says_too = self.key(depth + 1)
        if kind == 5:
            return f"OR {one} {other}", lambda *m: says(*m) or says_too(*m)
        return f"({one} {other})", lambda *m: says(*m) and says_too(*m)


@pytest.mark.parametrize("seed", range(4))
async def test_a_random_walk(house, seed):
    """Each of 200 steps appends, stores, expunges or moves, and a random search finds what the model finds."""
    model = Model(seed)
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        for _ in range(200):
            await step(talk, model)
            keys, says = model.key()
            expected = [n for n, (uid, flags) in enumerate(model.messages, 1) if says(n, uid, flags)]
            lines = await talk.ok(f"SEARCH {keys}")
            assert lines == [" ".join(["* SEARCH", *map(str, expected)])], keys
        found, _ = await fetch(talk, "UID FETCH 1:* (FLAGS)")
        seen = [(items["UID"], items["FLAGS"] - {"\\Recent"}) for _, items in found]
        assert seen == model.messages


async def step(talk, model):
    action = model.random.choice(["append", "store", "store", "remove", "move"])
    if action == "append" or not model.messages:
        flags = set(model.random.sample(FLAGS, 2))
        letter = mail()
        talk.send(f"x APPEND INBOX ({' '.join(flags)}) {{{len(letter)}+}}\r\n".encode() + letter + b"\r\n")
        assert (await talk.until("x "))[-1].startswith("x OK")
        model.messages.append((model.next, flags))
        model.next += 1
        return
    numbers, written = model.some()
    if action == "store":
        how, flags = model.random.choice(["+", "-", ""]), set(model.random.sample(FLAGS, 2))
        await talk.ok(f"STORE {written} {how}FLAGS ({' '.join(flags)})")
        for number in numbers:
            uid, old = model.messages[number - 1]
            new = old | flags if how == "+" else old - flags if how == "-" else flags
            model.messages[number - 1] = (uid, new)
    elif action == "remove":
        await talk.ok("EXPUNGE")
        model.messages = [(uid, flags) for uid, flags in model.messages if "\\Deleted" not in flags]
    else:
        number = numbers[0]
        await talk.ok(f"MOVE {number} Archive")
        del model.messages[number - 1]


async def everywhere(house):
    """Subject → in which mailboxes it lies."""
    found = {}
    for mailbox in (1, 6):
        uids = (await house.mailboxes.view(ALICE, mailbox)).uids
        for row in await house.mailboxes.rows(ALICE, mailbox, uids, Want.BODY):
            subject = row.body.split(b"Subject: ")[1].split(b"\r\n")[0].decode()
            found.setdefault(subject, []).append(mailbox)
    return found


async def worker(imap, house, name, confirmed):
    """Appends and moves, and notes what was confirmed; now and then the pod is away."""
    mine = random.Random(name)
    async with imap.session(mailbox="INBOX") as talk:
        for number in range(10):
            letter = mail(f"{name}-{number}")
            talk.send(b"x APPEND INBOX {%d+}\r\n" % len(letter) + letter + b"\r\n")
            if (await talk.until("x "))[-1].startswith("x OK"):
                confirmed.add(f"{name}-{number}")
            house.trouble.setdefault(mine.choice(["append", "copy", "expunge", "view"]), []).append(
                Unavailable("Away")
            )
            await talk.say("NOOP")
            await talk.say("MOVE 1 Archive")
            await talk.say("UID SEARCH ALL")


async def test_many_clients_append_and_move_at_once(house):
    """CASES H10: 12 clients and a pod that is often away: what was confirmed lies in one place, and never in two or none."""
    confirmed = set()
    async with house.imap(patience=0.5) as imap:
        await asyncio.gather(*[worker(imap, house, name, confirmed) for name in range(12)])
    found = await everywhere(house)
    assert len(confirmed) > 60
    assert confirmed <= found.keys()
    assert all(len(places) == 1 for places in found.values())
