"""A letter that the mx takes, over real sockets and with everything behind it in memory."""

import contextlib
import ipaddress
import re
from hashlib import sha256

import pytest
import pytest_asyncio

from tests.integration.mx_house import local, serving
from yubin.ids import parse_number
from yubin.mailboxes.deliveries import object_name

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


async def test_a_letter_is_in_the_mailbox_before_its_250(start):
    """DESIGN I1, RFC 5321 4.4: Return-Path and Received with the number of the 250, and then what was sent."""
    mx = await start()
    async with mx.session() as talk:
        reply = await mx.send(talk, LETTER)
    shown = reply.text.rpartition(" ")[2]
    (body,) = mx.boxes.of("id-alice")
    front, _, rest = body.partition(b"\r\nFrom:")
    assert b"From:" + rest == LETTER
    assert front.startswith(
        b"Return-Path: <s@s.test>\r\nReceived: from c.test ([127.0.0.1])\r\n\tby mx.a.test "
    )
    assert f"id {shown}\r\n\tfor <alice@a.test>;".encode() in front
    assert b"with ESMTP\r\n" in front
    (_, junk, letter) = mx.boxes.letters["id-alice"][0]
    assert letter.letter_id == number_of(reply)
    assert letter.sha256 == sha256(body).digest()
    assert letter.size == len(body)
    assert not junk
    assert mx.ledger._mail == {}


async def test_everybody_gets_one_copy(start):
    """DESIGN 4: aliases, recipients that are named twice and several domains: one copy for an account, one id for each."""
    mx = await start()
    async with mx.session() as talk:
        to = ["alice@a.test", "team@a.test", "ALICE@a.test", "carol@b.test"]
        assert (await mx.send(talk, LETTER, *to)).code == 250
        assert (await mx.send(talk, LETTER)).code == 250
    assert {a: len(kept) for a, kept in mx.boxes.letters.items()} == {
        "id-alice": 2,
        "id-bob": 1,
        "id-carol": 1,
    }
    assert len(mx.boxes.ids) == len({delivery for _, delivery in mx.boxes.ids}) == 4
    assert b"\tfor <" not in mx.boxes.of("id-carol")[0]  # who else got it is nobody's business


async def test_fifty_recipients(start):
    """One letter, fifty mailboxes, one call."""
    mx = await start()
    for n in range(50):
        mx.town.people[f"u{n}@a.test"] = local(f"u{n}")
    async with mx.session() as talk:
        assert (await mx.send(talk, LETTER, *(f"u{n}@a.test" for n in range(50)))).code == 250
    assert len(mx.boxes.letters) == 50


async def test_a_large_letter_lies_in_the_object_store(start):
    """DESIGN 4: above 64 KiB it is put first, once for all accounts."""
    mx = await start()
    async with mx.session() as talk:
        reply = await mx.send(talk, LETTER + b"x" * 1_000_000 + b"\r\n", "team@a.test")
    body = await mx.objects.get(object_name(number_of(reply)))
    assert mx.boxes.of("id-alice") == mx.boxes.of("id-bob") == [body]
    assert body.endswith(b"x" * 1_000_000 + b"\r\n")


async def test_a_bounce_is_welcome(start):
    """RFC 5321 4.5.5: the null sender, to as many as it likes."""
    mx = await start()
    async with mx.session() as talk:
        assert (await mx.send(talk, LETTER, "alice@a.test", "bob@a.test", sender="")).code == 250
    assert mx.boxes.of("id-alice")[0].startswith(b"Return-Path: <>\r\n")


async def test_what_lies_is_taken_out(start):
    """CASES K6, RFC 5321 4.4: another Return-Path, and results that claim to be ours."""
    mx = await start()
    lies = b"Return-Path: <x@x.test>\r\nAuthentication-Results: mx.a.test; spf=pass\r\n"
    async with mx.session() as talk:
        assert (await mx.send(talk, lies + LETTER)).code == 250
    (body,) = mx.boxes.of("id-alice")
    assert body.count(b"Return-Path") == 1
    assert b"Authentication-Results" not in body
    assert body.endswith(LETTER)


@pytest.mark.parametrize(("network", "filed"), [("127.0.0.0/8", True), ("10.0.0.0/8", False)])
async def test_what_a_filter_says_is_believed_of_filters_only(start, network, filed):
    """Junk is what a trusted filter calls so; from anybody else the field means nothing."""
    mx = await start(filters=(ipaddress.ip_network(network),))
    async with mx.session() as talk:
        assert (await mx.send(talk, b"X-Spam-Flag: YES\r\n" + LETTER)).code == 250
        assert (await mx.send(talk, b"X-Spam-Flag: NO\r\n" + LETTER)).code == 250
    assert [junk for _, junk, _ in mx.boxes.letters["id-alice"]] == [filed, False]
