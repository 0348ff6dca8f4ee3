"""Where letters of the mx rest when mailboxes are away or elsewhere, and what happens when nothing can be stored."""

import asyncio
import contextlib
import ipaddress
import re
from hashlib import sha256

import pytest
import pytest_asyncio

from services.mx import filing
from tests.integration.mx_house import serving
from yubin.dispatch.port import Lane
from yubin.errors import Unavailable
from yubin.ids import parse_number
from yubin.queue.port import Origin, Outcome, State, Ticket

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


# -- the mailbox does not answer --------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [LETTER, LARGE], ids=["row", "object"])
async def test_what_no_mailbox_confirmed_waits_in_the_ledger(start, content):
    """DESIGN 4: class inbound, under the ids that Deliver was asked with, and offered to delivery at once."""
    mx = await start()
    mx.boxes.fault = Unavailable("away")
    async with mx.session() as talk:
        reply = await mx.send(talk, content, "team@a.test")
    ((message, deliveries, body),) = await mx.rows()
    assert message.id == number_of(reply)
    assert (message.klass, message.origin, message.sender) == ("inbound", Origin.MX, "s@s.test")
    assert (message.tenant, message.account) == ("acme", None)
    assert message.sha256 == sha256(body).digest()
    assert body.startswith(b"Return-Path: <s@s.test>\r\nReceived:")
    assert body.endswith(content)
    assert [[r.address for r in d.recipients] for d in deliveries] == [["alice@a.test"], ["bob@a.test"]]
    parcels = await mx.dispatch.pull(Lane.HI, 10, wait=0)
    assert {p.job.delivery_id for p in parcels} == {d.delivery_id for d in deliveries}


async def test_only_the_copies_that_failed_wait(start):
    """Of three accounts one fails: one row, under that account's delivery id."""
    mx = await start()
    mx.boxes.refuse = {"id-bob"}
    async with mx.session() as talk:
        assert (await mx.send(talk, LETTER, "alice@a.test", "bob@a.test", "carol@b.test")).code == 250
    assert set(mx.boxes.letters) == {"id-alice", "id-carol"}
    ((_, deliveries, _),) = await mx.rows()
    assert [d.recipients[0].address for d in deliveries] == ["bob@a.test"]
    assert deliveries[0].delivery_id not in {delivery for _, delivery in mx.boxes.ids}


async def test_a_copy_that_arrived_after_all_is_not_made_twice(start):
    """The answer was lost: the row has the id under which the mailbox knows the copy."""
    mx = await start(deliver=0.1)
    mx.boxes.gate = asyncio.Event()
    seen = []

    async def late(letter, real=mx.boxes.deliver):
        seen.append(letter)
        return await real(letter)

    mx.boxes.deliver = late
    async with mx.session() as talk:
        assert (await mx.send(talk, LETTER)).code == 250
    ((_, deliveries, _),) = await mx.rows()
    assert [copy.delivery_id for copy in seen[0].copies] == [d.delivery_id for d in deliveries]


async def test_accounts_of_two_tenants_wait_apart(start):
    """A row of the ledger belongs to one tenant."""
    mx = await start()
    mx.boxes.fault = Unavailable("away")
    async with mx.session() as talk:
        reply = await mx.send(talk, b"X-Spam-Flag: YES\r\n" + LETTER, "alice@a.test", "carol@b.test")
    rows = await mx.rows()
    assert {m.tenant for m, _, _ in rows} == {"acme", "other"}
    assert number_of(reply) in {m.id for m, _, _ in rows}
    assert {m.klass for m, _, _ in rows} == {"inbound"}  # the filter is nobody's here


async def test_junk_waits_as_junk(start):
    """What a filter said is not forgotten in the ledger."""
    mx = await start(filters=(ipaddress.ip_network("127.0.0.1"),))
    mx.boxes.fault = Unavailable("away")
    async with mx.session() as talk:
        assert (await mx.send(talk, b"X-Spam-Flag: YES\r\n" + LETTER)).code == 250
    ((message, _, _),) = await mx.rows()
    assert message.klass == "inbound-junk"


async def test_mailbox_and_ledger_are_away(start):
    """DESIGN 4: 451 4.3.0; when they are back the sender's next try arrives once."""
    mx = await start()
    mx.boxes.fault = mx.ledger.fault = Unavailable("away")
    async with mx.session() as talk:
        assert (await mx.send(talk, LETTER)).text.startswith("451 4.3.0")
        mx.boxes.fault = mx.ledger.fault = None
        assert (await mx.send(talk, LETTER)).code == 250
    assert len(mx.boxes.of("id-alice")) == 1
    assert mx.ledger._mail == {}


@pytest.mark.parametrize("content", [LETTER, LARGE], ids=["ledger", "objects"])
async def test_a_disk_is_full(start, content):
    """CASES A9: 452 4.3.1, the process lives, and the next try is whole."""
    mx = await start()
    full = Unavailable("No room", code=452, enhanced="4.3.1")
    mx.boxes.fault = Unavailable("away")
    mx.ledger.fault = mx.objects.fault = full
    async with mx.session() as talk:
        assert (await mx.send(talk, content)).text.startswith("452 4.3.1")
        mx.ledger.fault = mx.objects.fault = None
        assert (await mx.send(talk, content)).code == 250
    ((message, _, body),) = await mx.rows()
    assert message.sha256 == sha256(body).digest()
    assert body.endswith(content)


async def test_a_fault_of_our_own(start):
    """STYLE: an unknown error is 451 4.3.0, and nothing was said to be stored."""
    mx = await start()
    mx.boxes.fault = ZeroDivisionError("secret")
    async with mx.session() as talk:
        assert (await mx.send(talk, LETTER)).text == "451 4.3.0 Internal error"


# -- aliases that lead elsewhere --------------------------------------------------------------------------------------


async def test_mail_for_an_alias_elsewhere_is_sent_on(start):
    """DESIGN 4: a letter of its own in the ledger, from the same sender, without our Return-Path, before the 250."""
    mx = await start()
    async with mx.session() as talk:
        reply = await mx.send(talk, LETTER, "away@a.test")
    ((message, deliveries, body),) = await mx.rows()
    assert message.id == number_of(reply)
    assert (message.klass, message.origin, message.sender) == ("interactive", Origin.MX, "s@s.test")
    assert message.tenant == "acme"
    ticket = Ticket(delivery_id=deliveries[0].delivery_id, epoch=0, site="far")
    (claim,) = await mx.ledger.claim([ticket], owner="test", lease=60)
    assert [(r.address, r.orcpt) for r in claim.recipients] == [("alice@far.test", "rfc822;away@a.test")]
    assert body.startswith(b"Received: from c.test")
    assert body.endswith(LETTER)
    assert mx.boxes.letters == {}


async def test_an_alias_that_leads_here_and_elsewhere(start):
    """Both get it, each once, whoever else leads there."""
    mx = await start()
    async with mx.session() as talk:
        assert (await mx.send(talk, LETTER, "both@a.test", "away@a.test", "alice@a.test")).code == 250
    assert len(mx.boxes.of("id-alice")) == 1
    ((_, deliveries, _),) = await mx.rows()
    assert sorted(r.address for d in deliveries for r in d.recipients) == ["Bob@far.test", "alice@far.test"]


async def test_the_ledger_is_away_and_the_alias_leads_elsewhere(start):
    """451 before anything is stored: the sender's next try makes no duplicate here."""
    mx = await start()
    mx.ledger.fault = Unavailable("away")
    async with mx.session() as talk:
        assert (await mx.send(talk, LETTER, "both@a.test")).text.startswith("451")
    assert mx.boxes.letters == {}
    assert mx.unwinding._open == {}


async def test_half_of_a_letter_is_taken_back(start):
    """What was to be sent on is cancelled when the rest could be stored nowhere (CASES A12)."""
    mx = await start()
    mx.boxes.fault = Unavailable("away")
    accept = mx.ledger.accept

    async def once(letters):
        await accept(letters)
        mx.ledger.fault = Unavailable("away")

    mx.ledger.accept = once
    async with mx.session() as talk:
        reply = await mx.send(talk, LETTER, "both@a.test")
        assert reply.text.startswith("451")
    async with asyncio.timeout(10):
        while mx.unwinding._open:
            await asyncio.sleep(0.02)
    ((_, deliveries, _),) = await mx.rows()
    assert {r.outcome for d in deliveries for r in d.recipients} == {Outcome.CANCELLED}


# -- time, and clients that leave -------------------------------------------------------------------------------------


async def test_a_letter_that_takes_too_long(start, monkeypatch):
    """CASES A12: 451 4.4.5, and what comes into the ledger later is cancelled there."""
    monkeypatch.setattr(filing, "DEADLINE", 0.3)
    mx = await start()
    mx.boxes.fault = Unavailable("away")
    mx.ledger.gate = asyncio.Event()
    async with mx.session() as talk:
        assert (await mx.send(talk, LETTER)).text.startswith("451 4.4.5")
        mx.ledger.gate.set()
        async with asyncio.timeout(10):
            while mx.unwinding._open:
                await asyncio.sleep(0.02)
    ((_, (delivery,), _),) = await mx.rows()
    assert delivery.state is State.DONE
    assert delivery.recipients[0].outcome is Outcome.CANCELLED


async def test_a_client_that_leaves_in_the_middle_of_a_letter(start):
    """CASES A11: nothing is stored."""
    mx = await start()
    async with mx.session() as talk:
        await talk.say("MAIL FROM:<s@s.test>", "RCPT TO:<alice@a.test>", "DATA")
        talk.send(LETTER * 100)
    async with mx.session() as talk:
        assert (await mx.send(talk, LETTER, "bob@a.test")).code == 250
    assert mx.boxes.of("id-alice") == []


async def test_a_client_that_leaves_behind_the_dot(start):
    """CASES A11: it is stored once, or not at all."""
    mx = await start()
    mx.boxes.gate = asyncio.Event()
    async with mx.session() as talk:
        await talk.say("MAIL FROM:<s@s.test>", "RCPT TO:<alice@a.test>", "DATA")
        talk.send(LETTER + b".\r\n")
        await asyncio.sleep(0.2)
    mx.boxes.gate.set()
    async with asyncio.timeout(10):
        while not mx.boxes.letters:
            await asyncio.sleep(0.01)
    assert len(mx.boxes.of("id-alice")) == 1
