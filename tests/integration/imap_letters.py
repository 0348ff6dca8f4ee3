"""Letters in an account as delivery puts them there, parsed and, when asked, indexed; and FETCH responses taken apart."""

import re

from services.mailbox.local import LocalAccount
from tests.conformance.imap_text import _Reader
from tests.integration.imap import ALICE
from yubin.mailboxes.port import Indexed
from yubin.mailboxes.reading import index_words

_START = re.compile(rb"\* (\d+) FETCH \(")
_ATOMS = {b"FLAGS", b"EMAILID", b"THREADID"}
_NAME = re.compile(rb"[A-Z0-9.]+(?:\[[^\]]*\](?:<\d+>)?)?")


def mail(subject="hello", body="hi", **fields):
    """A small letter; ``from_`` and others are fields."""
    head = {"from": "a@b.example", "subject": subject} | {k.strip("_"): v for k, v in fields.items()}
    lines = [f"{name.replace('_', '-').title()}: {value}" for name, value in head.items()]
    return "\r\n".join([*lines, "Content-Type: text/plain; charset=utf-8", "", body, ""]).encode()


async def _whole(octets):
    yield octets


async def keep(house, *letters, mailbox=1, flags=(), received=None, account=ALICE):
    """The UIDs that they get."""
    mine = LocalAccount(account, 0, house.storage)
    uids = []
    for letter in letters:
        done = await mine.append(
            mailbox, _whole(letter), len(letter), flags=frozenset(flags), received=received
        )
        uids.append(done.uid)
    house.hints.publish(account, mailbox, 0, 0)
    return uids


async def index(house):
    """Whatever is not indexed yet."""
    for one in await house.mailboxes.to_index(100_000, 1.0):
        raw = await house.storage.whole(one.body, one.object)
        words = index_words(raw)
        await house.mailboxes.index(
            [Indexed(account=one.account, letter_id=one.letter_id, header=words[0], body=words[1])]
        )


def taken_apart(response):
    """(message number, {item: value}) of one FETCH response, as imap_text has values."""
    start = _START.match(response)
    assert start, response[:200]
    assert response.endswith(b")\r\n"), response[-100:]
    reader, found = _Reader(response[: -len(b")\r\n")], True), {}
    reader._at = start.end()
    while reader.rest():
        name = _NAME.match(reader.rest())
        reader._at += name.end() + 1
        found[name[0].decode()] = _atoms(reader) if name[0] in _ATOMS else reader.value()
        reader.blanks()
    return int(start[1]), found


def _atoms(reader):
    text = reader.rest()
    end = text.index(b")")
    reader._at += end + 1
    return set(text[1:end].decode().split())


async def fetch(talk, what):
    """``UID FETCH …``, ``FETCH …``: [(number, items)] and the tagged line."""
    talk.send(f"f {what}")
    found = []
    while True:
        octets = await talk.octets()
        if octets.startswith(b"f "):
            return found, octets.decode()[2:-2]
        if b" FETCH (" in octets[:30]:
            found.append(taken_apart(octets))
