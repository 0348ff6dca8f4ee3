"""What the mx refuses at MAIL, RCPT and behind the dot, over real sockets, with a directory in memory."""

import asyncio
import contextlib
import re

import pytest
import pytest_asyncio

from tests.integration.mx import relay
from tests.integration.mx_house import serving
from tests.servers.dialogue import Dialogue
from yubin.ids import parse_number

LETTER = b"From: s@s.test\r\nTo: alice@a.test\r\nSubject: x\r\n\r\nhello\r\n"
LARGE = LETTER + b"0123456789" * 10_000 + b"\r\n"


@pytest_asyncio.fixture
async def start():
    async with contextlib.AsyncExitStack() as stack:

        async def build(**settings):
            return await stack.enter_async_context(serving(**settings))

        yield build


def number_of(reply):
    return parse_number(re.search(r"queued as ([0-9A-Z]{26})$", reply.text)[1])


RELAY = relay("a.test", "other.test")


@pytest.mark.parametrize("address", RELAY)
@pytest.mark.parametrize("sender", ["alice@a.test", "s@s.test", ""])
async def test_nothing_is_relayed(start, address, sender):
    """CASES F1: whatever the address looks like and whoever it is from: no 250, no DATA, nothing is stored or queued."""
    mx = await start()
    async with mx.session() as talk:
        assert (await talk.say(f"MAIL FROM:<{sender}>")).code == 250
        reply = await talk.say(f"RCPT TO:<{address}>")
        assert reply.code in {550, 553, 554, 501}, reply
        if reply.code == 554:
            assert reply.text == "554 5.7.1 Relay access denied"
        assert (await talk.say("DATA")).code == 554
    assert mx.boxes.letters == mx.ledger._mail == {}


async def test_a_plain_foreign_address(start):
    """CASES F1, F3: 554 5.7.1, from loopback as from anywhere: no address of a peer gives a right."""
    mx = await start()
    async with mx.session() as talk:
        assert (await mx.send(talk, LETTER, "user@other.test")).text == "554 5.7.1 Relay access denied"
        assert (await mx.send(talk, LETTER, "user@[10.0.0.1]")).text == "554 5.7.1 Relay access denied"


async def test_somebody_who_is_not_here(start):
    """CASES I2: 550 5.1.1 at RCPT, the same words for all; the others get the letter."""
    mx = await start()
    async with mx.session() as talk:
        await talk.say("MAIL FROM:<s@s.test>")
        words = {(await talk.say(f"RCPT TO:<{who}@a.test>")).text for who in ("x", "root", "admin", "a" * 60)}
        assert words == {"550 5.1.1 There is no such mailbox here"}
        assert (await talk.say("RCPT TO:<alice@a.test>")).code == 250
        assert (await talk.letter(LETTER)).code == 250
    assert len(mx.boxes.of("id-alice")) == 1


@pytest.mark.parametrize(
    ("reveal", "reply"),
    [
        (True, "551 5.1.6 User not local; please try <new@far.test>"),
        (False, "550 5.1.6 This mailbox has moved"),
    ],
)
async def test_somebody_who_has_moved(start, reveal, reply):
    """RFC 5321 3.4: where to is said only where the operator allows it."""
    mx = await start(reveal_moved=reveal)
    async with mx.session() as talk:
        assert (await mx.send(talk, LETTER, "gone@a.test")).text == reply


async def test_an_account_that_is_disabled(start):
    """RFC 3463 3.3: 550 5.2.1."""
    mx = await start()
    async with mx.session() as talk:
        assert (await mx.send(talk, LETTER, "off@a.test")).text.startswith("550 5.2.1")


async def test_a_full_mailbox(start):
    """DESIGN 4: 452 4.2.2 at RCPT; a letter larger than all of it 552 5.2.2; one letter may overshoot, and then it is full."""
    mx = await start()
    mx.boxes.used["id-bob"] = 600
    async with mx.session() as talk:
        assert (await mx.send(talk, LETTER, "bob@a.test", mail=" SIZE=401")).text.startswith("452 4.2.2")
        assert (await mx.send(talk, LETTER, "bob@a.test", mail=" SIZE=1001")).text.startswith("552 5.2.2")
        await talk.say("RSET")
        assert (await mx.send(talk, LETTER + b"x" * 900 + b"\r\n", "bob@a.test")).code == 250
        assert (await mx.send(talk, LETTER, "bob@a.test")).text.startswith("452 4.2.2")
    mx = await start(over=552)
    mx.boxes.used["id-bob"] = 1000
    async with mx.session() as talk:
        assert (await mx.send(talk, LETTER, "bob@a.test")).text.startswith("552 5.2.2")


async def test_a_letter_too_large_for_its_mailbox(start):
    """An account's own limit, at RCPT where the size is declared, behind the dot where it was not."""
    mx = await start()
    async with mx.session() as talk:
        reply = await mx.send(talk, LETTER, "small@a.test", mail=" SIZE=501")
        assert reply.text.startswith("552 5.3.4")
        reply = await mx.send(talk, LETTER + b"x" * 500 + b"\r\n", "small@a.test")
        assert reply.text.startswith("552 5.3.4")
        assert (await mx.send(talk, LETTER, "small@a.test")).code == 250


async def test_the_directory_is_away(start):
    """451 4.3.0 at RCPT; nobody is called unknown because nobody could be asked."""
    mx = await start()
    mx.town.away = True
    async with mx.session() as talk:
        assert (await mx.send(talk, LETTER)).text.startswith("451 4.3.0")
        mx.town.away = False
        assert (await mx.send(talk, LETTER)).code == 250


@pytest.mark.parametrize(
    ("sender", "reply"),
    [
        ("s@null.test", "550 5.7.27"),
        ("s@nowhere.test", "550 5.1.8"),
        ("s@unsure.test", "250"),
        ("s@[192.0.2.1]", "250"),
        ("bob@a.test", "250"),
        ("", "250"),
    ],
)
async def test_a_sender_who_could_never_be_answered(start, sender, reply):
    """CASES D1: a null MX and a domain that is not there are refused at MAIL; doubt, literals and our own are not."""
    mx = await start()
    async with mx.session() as talk:
        assert (await talk.say(f"MAIL FROM:<{sender}>")).text.startswith(reply)
    mx.maps.away = True
    async with mx.session() as talk:
        assert (await talk.say(f"MAIL FROM:<{sender}>")).code == 250


@pytest.mark.parametrize(
    "address", ["Postmaster", "postmaster@a.test", "POSTMASTER@b.test", "postmaster@mx.a.test"]
)
async def test_the_postmaster(start, address):
    """RFC 5321 4.5.1: of every domain of ours, and without one; not of the domains of others."""
    mx = await start(postmaster="alice@a.test")
    async with mx.session() as talk:
        assert (await mx.send(talk, LETTER, address)).code == 250
        assert (await mx.send(talk, LETTER, "postmaster@other.test")).text.startswith("554 5.7.1")
        assert (await mx.send(talk, LETTER, "x@mx.a.test")).text.startswith("554 5.7.1")
    assert len(mx.boxes.of("id-alice")) == 1


async def test_nobody_logs_in(start):
    """AUTH is neither offered nor understood on port 25."""
    mx = await start()
    async with Dialogue(mx.port) as talk:
        assert not [line for line in (await talk.say("EHLO c.test")).lines if "AUTH" in line]
        assert (await talk.login("alice", "x")).code == 502


async def test_nobody_learns_who_is_here_by_asking(start):
    """CASES E15: VRFY and EXPN say the same for all."""
    mx = await start()
    async with mx.session() as talk:
        assert len({(await talk.say(f"VRFY {who}@a.test")).text for who in ("alice", "nobody")}) == 1
        assert (await talk.say("EXPN team@a.test")).code == 502
    assert mx.town.asked == []


async def test_a_letter_that_goes_in_circles(start):
    """CASES I4: 51 Received fields are 554 5.4.6, and the session goes on."""
    mx = await start()
    async with mx.session() as talk:
        assert (await mx.send(talk, b"Received: x\r\n" * 51 + LETTER)).text.startswith("554 5.4.6")
        assert (await mx.send(talk, b"Received: x\r\n" * 50 + LETTER)).code == 250
    mx = await start(hops=100)
    async with mx.session() as talk:
        assert (await mx.send(talk, b"Received: x\r\n" * 51 + LETTER)).code == 250


async def test_a_header_of_ten_megabytes(start):
    """CASES G4: half a million From lines are 552 at once."""
    mx = await start(size=20_000_000)
    async with mx.session() as talk:
        async with asyncio.timeout(5):
            assert (await mx.send(talk, b"From: someone@somewhere\r\n" * 400_000)).text.startswith(
                "552 5.3.4"
            )
        assert (await mx.send(talk, LETTER)).code == 250
