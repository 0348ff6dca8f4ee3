"""The submission pod's road from AUTH to the ledger, over real sockets and with everything behind it in memory."""

import asyncio
import contextlib
import email
import email.policy
from base64 import b64encode
from hashlib import sha256

import dkim
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from services.submission.allowance import Allowance
from services.submission.transaction import Rules, Submission
from tests.servers.dialogue import Dialogue
from yubin.acceptance import accept
from yubin.acceptance.head_start import HeadStart
from yubin.acceptance.unwind import Unwinding
from yubin.accounts.memory import MemoryRecipients
from yubin.accounts.port import Destination, Identity, Kind, Limits, LocalAccount, SigningKey
from yubin.dispatch.memory import MemoryDispatch
from yubin.dispatch.port import Lane
from yubin.errors import Unauthenticated, Unavailable
from yubin.ids import parse_number
from yubin.objects.memory import MemoryObjects
from yubin.queue.group import Grouped
from yubin.queue.memory import MemoryLedger
from yubin.queue.port import Outcome, Ticket, body_name
from yubin.reception.reception import Reception
from yubin.reception.terms import Terms

NOW = 1_794_000_000.0  # 2026-11-06


def letter(author="alice@a.test", extra=b"", body=b"hello\r\n"):
    """Headers that a mail program writes, and a body."""
    return b"From: %b\r\nTo: b@b.test\r\nSubject: x\r\n%b\r\n%b" % (author.encode(), extra, body)


ALICE = LocalAccount(id="id-alice", address="alice@a.test")
STREETS = {
    "alice@a.test": Destination(kind=Kind.LOCAL, tenant="acme", accounts=(ALICE,)),
    "list@a.test": Destination(
        kind=Kind.LOCAL, tenant="acme", accounts=(ALICE,), remote=("carol@c.test", "dave@c.test")
    ),
    "gone@a.test": Destination(kind=Kind.MOVED, tenant="acme", moved_to="gone@new.test"),
    "far@a.test": Destination(kind=Kind.MOVED, tenant="acme", moved_to="遠い@new.test"),
    "off@a.test": Destination(kind=Kind.DISABLED, tenant="acme"),
}


class People:
    """A directory: alice (also info@, sales.test is hers), bob of the same tenant, carol of another."""

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def __init__(self):
        self.limits = Limits()
        self.away = False

    async def authenticate(self, login, password, *, peer, service):
        tenants = {"alice": "acme", "bob": "acme", "carol": "other"}
        if password != "right" or login not in tenants:
            raise Unauthenticated("Authentication credentials invalid")
        more = {"info@a.test"} if login == "alice" else set()
        return Identity(
            tenant=tenants[login],
            account=f"id-{login}",
            login=f"{login}@a.test",
            senders=frozenset({f"{login}@{'c' if login == 'carol' else 'a'}.test", *more}),
            sender_domains=frozenset({"sales.test"} if login == "alice" else ()),
            limits=self.limits,
        )

    async def signing_keys(self, domain):
        if self.away:
            raise Unavailable("a service that this needs is away")
        if domain != "a.test":
            return ()
        pem = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return (SigningKey(domain=domain, selector="s1", algorithm="rsa-sha256", private_pem=pem),)

    def record(self):
        der = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return b"v=DKIM1; k=rsa; p=" + b64encode(der)


class Slow(MemoryLedger):
    """A ledger whose COMMIT waits for ``gate``, or fails with ``fault``."""

    gate = fault = None

    async def accept(self, letters):
        if self.gate is not None:
            await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        await super().accept(letters)


class Store(MemoryObjects):
    fault = None
    puts = 0

    async def put(self, name, data):
        self.puts += 1
        if self.fault is not None:
            await self.fault()
        await super().put(name, data)


class Pod:
    """The pod without its process; ``ledger``, ``objects``, ``dispatch`` and ``people`` are what it stands on."""

    def __init__(self, *, rate=1000.0, dkim=True, hide_client=True, size=2_000_000, **terms):
        self.ledger, self.objects, self.dispatch, self.people = Slow(), Store(), MemoryDispatch(), People()
        self.recipients = MemoryRecipients(STREETS)
        grouped = Grouped(self.ledger)
        self.unwinding = Unwinding(grouped, pauses=(0.05,) * 100)
        gate = accept.Acceptance(
            ledger=grouped,
            objects=self.objects,
            dispatch=self.dispatch,
            keys=self.people,
            head_start=HeadStart(rate=rate, burst=rate),
            recipients=self.recipients,
        )
        policy = Submission(
            rules=Rules(hostname="mail.a.test", size=size, dkim=dkim, hide_client=hide_client),
            authenticator=self.people,
            acceptance=gate,
            allowance=Allowance(),
            unwinding=self.unwinding,
            recipients=self.recipients,
            clock=lambda: NOW,
        )
        given = Terms(
            hostname="mail.a.test", size=size, mechanisms=("PLAIN", "LOGIN"), auth_without_tls=True, **terms
        )
        self.reception = Reception(given, policy)

    @contextlib.asynccontextmanager
    async def session(self, who="alice"):
        async with Dialogue(self.port) as talk:
            await talk.say("EHLO c.test")
            if who:
                assert (await talk.login(who, "right")).code == 235
            yield talk

    async def send(self, talk, content, *, sender="alice@a.test", to=("b@b.test",), mail="", rcpt=""):
        """One transaction; the reply that ends it."""
        reply = await talk.say(f"MAIL FROM:<{sender}>{mail}")
        if reply.code != 250:
            return reply
        for address in to:
            reply = await talk.say(f"RCPT TO:<{address}>{rcpt}")
        return await talk.letter(content) if reply.code == 250 else reply

    async def kept(self, reply):
        """What the ledger holds under the tracking number of a 250: tracking and octets."""
        number = reply.lines[0].rpartition(" ")[2]
        assert len(number) == 26
        message_id = parse_number(number)
        body = await self.ledger.body(message_id)
        return await self.ledger.track(message_id), body or await self.objects.get(body_name(message_id))


@pytest_asyncio.fixture
async def start():
    async with contextlib.AsyncExitStack() as stack:

        async def build(**settings):
            pod = Pod(**settings)
            pod.port = await pod.reception.listen("127.0.0.1", 0)
            stack.push_async_callback(pod.reception.stop, 0)
            return pod

        yield build


async def test_a_letter_is_in_the_ledger_before_its_250(start):
    """DESIGN I1: the reply names the row; Received carries the number, and nothing of traces or of the client."""
    pod = await start()
    async with pod.session() as talk:
        reply = await pod.send(talk, letter(), to=("b@b.test", "c@C.test", "B2@b.TEST"))
    assert reply.text.startswith("250 2.0.0 Ok: queued as ")
    tracking, body = await pod.kept(reply)
    assert tracking.message.tenant == "acme"
    assert tracking.message.account == "id-alice"
    assert tracking.message.sender == "alice@a.test"
    assert tracking.message.sha256 == sha256(body).digest()
    assert tracking.message.size == len(body)
    assert {d.domain: [r.address for r in d.recipients] for d in tracking.deliveries} == {
        "b.test": ["b@b.test", "B2@b.test"], "c.test": ["c@c.test"],
    }  # fmt: skip
    received = email.message_from_bytes(body, policy=email.policy.SMTP)["Received"]
    assert reply.lines[0].rpartition(" ")[2] in received
    assert "with ESMTPA" in received
    assert "127.0.0.1" not in received
    assert b"traceparent" not in body.lower()


async def test_what_a_mail_program_forgot_is_added(start):
    """RFC 6409 8.2, 8.3: Date and Message-ID where they are missing; what is there stays as it is."""
    pod = await start(dkim=False)
    async with pod.session() as talk:
        bare = await pod.send(talk, b"Subject: x\r\n\r\nhello\r\n")
        whole = await pod.send(
            talk, letter(extra=b"Message-ID: <m@a.test>\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\n")
        )
    _, body = await pod.kept(bare)
    parsed = email.message_from_bytes(body, policy=email.policy.SMTP)
    assert parsed["From"] == "alice@a.test"
    assert parsed["Date"].datetime.timestamp() == NOW
    assert parsed["Message-ID"] == f"<{bare.lines[0].rpartition(' ')[2]}@a.test>"
    _, body = await pod.kept(whole)
    assert body.endswith(letter(extra=b"Message-ID: <m@a.test>\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\n"))


async def test_what_leaves_is_signed_with_the_key_of_its_author(start):
    """RFC 6376: dkimpy verifies it; one changed octet fails; a setting turns it off."""
    pod = await start()
    async with pod.session() as talk:
        _, body = await pod.kept(await pod.send(talk, letter(author="Alice <info@A.test>")))
    assert dkim.verify(body, dnsfunc=lambda name, timeout=5: pod.people.record())
    assert not dkim.verify(
        body.replace(b"hello", b"hallo"), dnsfunc=lambda name, timeout=5: pod.people.record()
    )
    unsigned = await start(dkim=False)
    async with unsigned.session() as talk:
        _, body = await unsigned.kept(await unsigned.send(talk, letter()))
    assert b"DKIM-Signature" not in body


@pytest.mark.parametrize(
    ("who", "sender"),
    [
        ("alice", "bob@a.test"),
        ("alice", "carol@c.test"),
        ("alice", "alice@c.test"),
        ("alice", ""),
        ("bob", "x@sales.test"),
        ("carol", "alice@a.test"),
        ("alice", "alice+x@b.test"),
    ],
)
async def test_nobody_sends_as_somebody_else(start, who, sender):
    """CASES F5: MAIL FROM of the same tenant and of another, and <>: 553 5.7.1."""
    pod = await start()
    async with pod.session(who) as talk:
        assert (await pod.send(talk, letter(), sender=sender)).text.startswith("553 5.7.1")


@pytest.mark.parametrize(
    "headers",
    [
        b"From: bob@a.test\r\n",
        b"From: carol@c.test\r\n",
        b'From: "alice@a.test" <bob@a.test>\r\n',
        b"From: alice@a.test, bob@a.test\r\n",
        b"From: alice@a.test (x) <bob@a.test>\r\n",
        b"From: alice@a.test\r\nSender: bob@a.test\r\n",
        b"From: alice@a.test\r\nResent-From: bob@a.test\r\n",
        b"From: alice@a.test\r\nResent-Sender: carol@c.test\r\n",
        b"From: alice@a.test\r\nresent-from: alice@a.test\r\nRESENT-FROM: bob@a.test\r\n",
        b"From: alice@a.test\r\nFrom: bob@a.test\r\n",
        b"From: nobody:;\r\n",
        b"From: \r\n",
        b"From :\r\n bob@a.test\r\n",
        b"From: =?utf-8?q?alice=40a.test?=\r\n",
    ],
)
async def test_nobody_writes_as_somebody_else(start, headers):
    """CASES F5: every mailbox of From, Sender, Resent-From and Resent-Sender, however it is dressed up."""
    pod = await start()
    async with pod.session() as talk:
        reply = await pod.send(talk, headers + b"\r\nhello\r\n")
        assert reply.code in {550, 553}, reply
        if b"bob" in headers and headers.count(b"From: ") == 1 and b"(x)" not in headers:
            assert reply.text.startswith("553 5.7.1")
        assert (await pod.send(talk, letter())).code == 250


@pytest.mark.parametrize(
    ("sender", "author"),
    [
        ("ALICE@A.TEST", "Alice <alice@A.test>"),
        ("alice+news@a.test", "alice+news@a.test"),
        ("info@a.test", "alice@a.test"),
        ("any@sales.test", "other@sales.test"),
        ('"alice"@a.test', '"Alice" <"alice"@a.test>'),
    ],
)
async def test_everybody_sends_as_all_that_is_theirs(start, sender, author):
    """Aliases, subaddresses and domains of one's own, in any spelling."""
    pod = await start()
    async with pod.session() as talk:
        assert (await pod.send(talk, letter(author=author), sender=sender)).code == 250


async def test_nobody_sends_without_having_logged_in(start):
    """RFC 6409 4.3: 530 5.7.0 for MAIL, and nothing behind it."""
    pod = await start()
    async with pod.session(who=None) as talk:
        assert (await pod.send(talk, letter())).text.startswith("530 5.7.0")
        assert (await talk.say("RCPT TO:<b@b.test>")).code == 503
        assert (await talk.login("alice", "wrong")).text.startswith("535 5.7.8")


async def test_a_large_body_lies_in_the_object_store(start):
    """DESIGN 3: above 64 KiB it is put before the row is written, under the message id."""
    pod = await start()
    body = b"x" * 70 + b"\r\n"
    async with pod.session() as talk:
        tracking, kept = await pod.kept(await pod.send(talk, letter(body=body * 2000)))
    assert pod.objects.puts == 1
    assert kept.endswith(body * 2000)
    assert tracking.message.sha256 == sha256(kept).digest()


async def test_a_letter_that_is_too_big_leaves_no_object(start):
    """CASES A13: SIZE=100, then 50 MB: 552 5.3.4, no blob, no row, and the session can be used."""
    pod = await start()
    async with pod.session() as talk:
        await talk.say("MAIL FROM:<alice@a.test> SIZE=100", "RCPT TO:<b@b.test>", "DATA")
        for _ in range(50):
            talk.send((b"y" * 98 + b"\r\n") * 10_000 + b"z" * 48_576 + b"\r\n")
            await talk.writer.drain()
        talk.send(b".\r\n")
        assert (await talk.reply()).text.startswith("552 5.3.4")
        assert (await talk.say("MAIL FROM:<alice@a.test> SIZE=2000001")).text.startswith("552 5.3.4")
        assert pod.objects.puts == 0
        assert (await pod.send(talk, letter())).code == 250


async def test_limits_of_an_account(start):
    """Its own size and recipients, and so many recipients an hour: 552, 452 4.5.3, 452 4.7.1."""
    pod = await start()
    pod.people.limits = Limits(message_size=1000, recipients=2, per_hour=3)
    async with pod.session() as talk:
        assert (await pod.send(talk, letter(body=b"x" * 70 + b"\r\n" * 1000))).text.startswith("552 5.3.4")
        assert (await pod.send(talk, letter(), to=("a@b.test", "b@b.test", "c@b.test"))).text.startswith(
            "452 4.5.3"
        )
        await talk.say("RSET")
        assert (await pod.send(talk, letter(), to=("a@b.test", "b@b.test"))).code == 250
        assert (await pod.send(talk, letter(), to=("a@b.test", "b@b.test"))).text.startswith("452 4.7.1")
        await talk.say("RSET")
        assert (await pod.send(talk, letter())).code == 250
        assert (await pod.send(talk, letter())).text.startswith("452 4.7.1")


async def test_long_lines_are_folded_before_they_are_signed(start):
    """CASES E9: relayed lines have at most 998 octets, and the signature holds for them."""
    pod = await start()
    async with pod.session() as talk:
        _, body = await pod.kept(await pod.send(talk, letter(body=b"x" * 1_000_000 + b"\r\n")))
    assert max(map(len, body.split(b"\r\n"))) <= 998
    assert dkim.verify(body, dnsfunc=lambda name, timeout=5: pod.people.record())


async def test_a_letter_that_goes_in_circles(start):
    """CASES I4: more than 100 Received fields: 554 5.4.6."""
    pod = await start()
    async with pod.session() as talk:
        assert (await pod.send(talk, letter(extra=b"Received: x\r\n" * 101))).text.startswith("554 5.4.6")
        assert (await pod.send(talk, letter(extra=b"Received: x\r\n" * 99))).code == 250


async def test_a_header_without_end(start):
    """CASES G4: half a million From lines are 552 and cost little."""
    pod = await start()
    async with pod.session() as talk:
        assert (await pod.send(talk, b"To: b@b.test\r\n" * 140_000 + b"\r\n")).text.startswith("552 5.3.4")


async def test_dsn_and_body_parameters_reach_the_ledger(start):
    """RFC 3461, 6152, 6531: SMTPUTF8 only where it is needed, 8BITMIME where there are eight bits."""
    pod = await start()
    async with pod.session() as talk:
        dsn = await pod.send(
            talk,
            letter(),
            mail=" RET=HDRS ENVID=a+2Bb SMTPUTF8",
            rcpt=" NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x+2By@b.test",
        )
        utf8 = await pod.send(
            talk, letter(body="日本\r\n".encode()), to=("用户@例え.テスト",), mail=" SMTPUTF8"
        )
    tracking, _ = await pod.kept(dsn)
    message = tracking.message
    assert (message.ret, message.envid, message.utf8, message.body_type) == ("HDRS", "a+b", False, "7BIT")
    ticket = Ticket(delivery_id=tracking.deliveries[0].delivery_id, epoch=0, site="b.test")
    (claim,) = await pod.ledger.claim([ticket], owner="x", lease=10)
    assert claim.recipients[0].orcpt == "rfc822;x+y@b.test"
    assert claim.recipients[0].notify == {"SUCCESS", "DELAY"}
    tracking, _ = await pod.kept(utf8)
    assert (tracking.message.utf8, tracking.message.body_type) == (True, "8BITMIME")
    assert tracking.deliveries[0].domain == "xn--r8jz45g.xn--zckzah"


async def test_fresh_letters_are_offered_and_a_blast_is_not(start):
    """DESIGN 3: the head start is drawn before the commit; what is over stays in the ledger, due at once."""
    pod = await start(rate=2)
    async with pod.session() as talk:
        replies = [await pod.send(talk, letter()) for _ in range(5)]
    offered = {parcel.job.message_id for parcel in await pod.dispatch.pull(Lane.HI, 10, wait=0.1)}
    assert len(offered) == 2
    for reply in replies:
        tracking, _ = await pod.kept(reply)
        waits = tracking.deliveries[0].due - tracking.message.created
        assert (waits > 20) == (tracking.message.id in offered)


async def test_an_object_store_that_fails(start, monkeypatch):
    """CASES A5: a PUT that fails or hangs is 451 4.3.0, leaves no row, and the session goes on."""
    monkeypatch.setattr(accept, "BLOB_TIMEOUT", 0.2)
    pod = await start()
    large = letter(body=(b"x" * 70 + b"\r\n") * 2000)

    async def fails():
        raise Unavailable("the object store is away")

    async with pod.session() as talk:
        for pod.objects.fault in (fails, lambda: asyncio.sleep(60)):
            assert (await pod.send(talk, large)).text.startswith("451 4.3.0")
        pod.objects.fault = None
        assert pod.ledger._mail == {}
        assert (await pod.send(talk, large)).code == 250


async def test_a_ledger_that_is_away(start):
    """CASES A6: 451; the same letter is accepted when it is back."""
    pod = await start()
    pod.ledger.fault = Unavailable("the database is away")
    async with pod.session() as talk:
        assert (await pod.send(talk, letter())).text.startswith("451 4.3.0")
        pod.ledger.fault = None
        assert (await pod.send(talk, letter())).code == 250
    assert len(pod.ledger._mail) == 1


async def test_a_directory_that_is_away_when_a_key_is_needed(start):
    """A letter is not sent unsigned because of trouble of our own: 451."""
    pod = await start()
    async with pod.session() as talk:
        pod.people.away = True
        assert (await pod.send(talk, letter())).code == 451
    assert pod.ledger._mail == {}


async def test_a_commit_that_comes_too_late_is_cancelled(start):
    """CASES A12: 451 4.4.5; when the transaction is there after all, nobody gets the letter."""
    pod = await start(accept_timeout=0.2)
    pod.ledger.gate = asyncio.Event()
    async with pod.session() as talk:
        assert (await pod.send(talk, letter())).text.startswith("451 4.4.5")
        pod.ledger.gate.set()
        async with asyncio.timeout(10):
            while not pod.ledger._mail or pod.unwinding._open:
                await asyncio.sleep(0.01)
    (message_id,) = pod.ledger._mail
    tracking = await pod.ledger.track(message_id)
    assert [r.outcome for d in tracking.deliveries for r in d.recipients] == [Outcome.CANCELLED]
    assert await pod.dispatch.pull(Lane.HI, 10, wait=0.05) == []


async def test_a_client_that_leaves_before_its_250(start):
    """CASES A11: nothing in the middle of DATA, at most one letter behind the dot."""
    pod = await start()
    pod.ledger.gate = asyncio.Event()
    async with pod.session() as talk:
        await talk.say("MAIL FROM:<alice@a.test>", "RCPT TO:<b@b.test>", "DATA")
        talk.send(letter())
    async with pod.session() as talk:
        await talk.say("MAIL FROM:<alice@a.test>", "RCPT TO:<b@b.test>", "DATA")
        talk.send(letter() + b".\r\n")
        await asyncio.sleep(0.2)
    pod.ledger.gate.set()
    async with asyncio.timeout(10):
        while not pod.ledger._mail:
            await asyncio.sleep(0.01)
    assert len(pod.ledger._mail) == 1


async def test_a_thousand_recipients_are_split_into_rows_of_fifty(start):
    """CASES B19: 1000 recipients of one domain are 20 deliveries, and each is in exactly one."""
    pod = await start()
    async with pod.session() as talk:
        await talk.say("MAIL FROM:<alice@a.test>")
        talk.send(b"".join(b"RCPT TO:<u%d@b.test>\r\n" % n for n in range(1000)))
        assert {(await talk.reply()).code for _ in range(1000)} == {250}
        tracking, _ = await pod.kept(await talk.letter(letter()))
    assert len(tracking.deliveries) == 20
    addresses = [r.address for d in tracking.deliveries for r in d.recipients]
    assert sorted(addresses) == sorted(f"u{n}@b.test" for n in range(1000))


async def test_the_client_is_shown_where_a_setting_says_so(start):
    """RFC 5321 4.4: from, with the address literal, when it is not hidden."""
    pod = await start(hide_client=False, dkim=False)
    async with pod.session() as talk:
        _, body = await pod.kept(await pod.send(talk, letter()))
    assert body.startswith(b"Received: from c.test ([127.0.0.1])")


@pytest.mark.parametrize(
    ("address", "reply"),
    [
        ("nobody@a.test", "550 5.1.1 No such address here"),
        ("gone@a.test", "551 5.1.6 User not local; please try <gone@new.test>"),
        ("far@a.test", "551 5.1.6 User not local; the user has moved"),
        ("off@a.test", "550 5.2.1 The mailbox is disabled"),
    ],
)
async def test_who_takes_no_mail_here_is_refused_at_once(start, address, reply):
    """CASES I2: the sender hears it at RCPT, and the others get the letter all the same (RFC 5321 3.4 for 551)."""
    pod = await start()
    async with pod.session() as talk:
        await talk.say("MAIL FROM:<alice@a.test>")
        refused = await talk.say(f"RCPT TO:<{address}>")
        assert f"{refused.code} {refused.lines[0]}" == reply
        assert (await talk.say("RCPT TO:<b@b.test>")).code == 250
        tracking, _ = await pod.kept(await talk.letter(letter()))
    assert [r.address for d in tracking.deliveries for r in d.recipients] == ["b@b.test"]


async def test_a_directory_that_is_away_when_a_recipient_comes(start):
    """451 4.3.0 and not a verdict about the address; the session goes on."""
    pod = await start()
    async with pod.session() as talk:
        await talk.say("MAIL FROM:<alice@a.test>")
        pod.recipients.away = True
        refused = await talk.say("RCPT TO:<alice@a.test>")
        assert (refused.code, refused.lines[0][:5]) == (451, "4.3.0")
        pod.recipients.away = False
        assert (await talk.say("RCPT TO:<alice@a.test>")).code == 250


async def test_aliases_are_expanded_before_the_letter_is_split(start):
    """RFC 3461 5.2.7: accounts and targets elsewhere are recipients, each once, with the wishes of the sender."""
    pod = await start(rate=0)
    async with pod.session() as talk:
        to = ("list@a.test", "Alice@A.test", "dave@c.test", "b@b.test")
        reply = await pod.send(talk, letter(), to=to, rcpt=" NOTIFY=FAILURE")
        tracking, _ = await pod.kept(reply)
    found = {r.address: d.domain for d in tracking.deliveries for r in d.recipients}
    assert found == {
        "alice@a.test": "a.test",
        "carol@c.test": "c.test",
        "dave@c.test": "c.test",
        "b@b.test": "b.test",
    }
    claims = await pod.ledger.claim_due({d.site: 10 for d in tracking.deliveries}, owner="x", lease=60)
    wishes = {r.address: (r.orcpt, r.notify) for claim in claims for r in claim.recipients}
    assert wishes["carol@c.test"] == ("rfc822;list@a.test", frozenset({"FAILURE"}))
    assert wishes["b@b.test"] == (None, frozenset({"FAILURE"}))
