"""The mx from RCPT to where a letter rests, over real sockets and with everything behind it in memory."""

import asyncio
import contextlib
import ipaddress
import re
from hashlib import sha256

import pytest
import pytest_asyncio

from services.mx import filing
from tests.integration.mx_house import local, serving
from tests.servers.dialogue import Dialogue
from yubin.dispatch.port import Lane
from yubin.errors import Unavailable
from yubin.ids import parse_number
from yubin.mailboxes.deliveries import object_name
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


# -- a letter that is taken -------------------------------------------------------------------------------------------


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


# -- RCPT and MAIL ----------------------------------------------------------------------------------------------------


RELAY = [
    "user@other.test",
    "user@OTHER.test.",
    "user@other.test.a.test.other.test",
    "user%other.test@a.test",
    "user%other.test@[127.0.0.1]",
    "user@other.test@a.test",
    '"user@other.test"@a.test',
    '"user%other.test"@a.test',
    '"user@other.test"',
    "@a.test:user@other.test",
    "@a.test,@b.test:user@other.test",
    "@other.test:user@a.test",
    "other.test!user@a.test",
    "other.test!user",
    "a.test!user@other.test",
    "user@[127.0.0.1]",
    "user@[IPv6:::1]",
    "user@127.0.0.1",
    "user@localhost",
    "user@mx.a.test",
    "user@sub.a.test",
    "user@a.test.evil.test",
    "user@a.test\\@other.test",
    '"user\\"@other.test"@a.test',
    "user",
    "@other.test",
    "user@",
    " ",
    "alice@a.test> <user@other.test",
    "user@other.test>,<alice@a.test",
]


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
