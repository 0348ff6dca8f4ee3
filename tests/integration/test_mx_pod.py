"""The mx pod as its own process, beside real directory and mailbox pods: from port 25 to what a reader fetches."""

import asyncio
import contextlib
import re
import sqlite3
import time

import pytest
import pytest_asyncio

from tests.integration.mailbox import House, bodies
from tests.integration.mx import MxPod, relay
from tests.servers.dialogue import Dialogue

LETTER = b"From: s@s.example\r\nTo: anna@a.example\r\nSubject: x\r\n\r\nhello\r\n"
LARGE = LETTER + (b"0123456789" * 7 + b"\r\n") * 15_000  # above a megabyte


class Post:
    """A house with a directory, a mailbox pod and an mx."""

    def __init__(self, folder, **settings):
        self.house = House(folder)
        (folder / "mx").mkdir()
        self.mx = MxPod(
            folder / "mx",
            self.house.directory.certificates,
            **{
                "YUBIN_DIRECTORY": f"127.0.0.1:{self.house.directory.port}",
                "YUBIN_MAILBOX": f"127.0.0.1:{self.house.mailbox.port}",
                "YUBIN_OBJECTS_URL": f"file://{folder}/objects",
                "YUBIN_SENDER_DOMAIN_CHECK": "false",
                **settings,
            },
        )

    async def open(self):
        await self.house.open()
        self.mx.start()

    async def inbox(self, name="anna", mailbox_id=1):
        async with self.house.account(name) as account:
            return list((await bodies(account, mailbox_id)).values())

    def close(self):
        self.mx.kill()
        self.house.close()


@pytest_asyncio.fixture
async def launch(tmp_path):
    posts = []

    async def start(**settings):
        folder = tmp_path / f"post{len(posts)}"
        folder.mkdir()
        posts.append(Post(folder, **settings))
        await posts[-1].open()
        return posts[-1]

    yield start
    for post in posts:
        post.close()


@pytest.mark.parametrize("content", [LETTER, LARGE], ids=["row", "object"])
async def test_from_port_25_to_the_reader(launch, content):
    """STARTTLS, two recipients, one unknown: each reader has the bytes that were sent behind two fields of ours."""
    post = await launch()
    async with post.mx.session(tls=True) as talk:
        await talk.say("MAIL FROM:<s@s.example>")
        assert (await talk.say("RCPT TO:<nobody@a.example>")).text.startswith("550 5.1.1")
        assert (await talk.say("RCPT TO:<anna+tag@a.example>")).code == 250
        assert (await talk.say("RCPT TO:<BOB@a.example>")).code == 250
        assert (await talk.say("RCPT TO:<x@other.example>")).text.startswith("554 5.7.1")
        assert (await talk.letter(content)).text.startswith("250 2.0.0 Ok: queued as ")
    for name in ("anna", "bob"):
        (body,) = await post.inbox(name)
        assert body.startswith(b"Return-Path: <s@s.example>\r\nReceived: from c.test ")
        assert b"with ESMTPS\r\n" in body
        assert body.endswith(content)
    assert post.mx.rows() == []
    assert post.mx.metric('yubin_mx_letters_total{outcome="stored"}') == 1
    assert post.mx.metric('yubin_mx_recipients_total{answer="accepted"}') == 2
    assert post.mx.metric('yubin_mx_recipients_total{answer="relay"}') == 1
    assert post.mx.metric("yubin_mx_fallback_copies_total") == 0


async def test_what_a_trusted_filter_calls_spam_is_filed_in_junk(launch):
    """Mailbox 4 is Junk; from a filter that is not trusted it goes to INBOX."""
    for filters, (inbox, junk) in (("127.0.0.1", (0, 1)), ("10.0.0.0/8", (1, 0))):
        post = await launch(YUBIN_TRUSTED_FILTERS=filters)
        async with post.mx.session() as talk:
            assert (await post.mx.send(talk, b"X-Spam-Flag: YES\r\n" + LETTER)).code == 250
        assert (len(await post.inbox()), len(await post.inbox(mailbox_id=4))) == (inbox, junk)


async def test_fifty_recipients_and_a_full_mailbox(launch):
    """An alias of fifty; an account that is full hears 452 4.2.2, the others get their letter."""
    post = await launch(YUBIN_DEFAULT_QUOTA="3000")
    async with post.house.directory.admin() as admin:
        for n in range(50):
            await admin.create_account(f"u{n}@a.example", "correct horse")
        await admin.put_alias("all@a.example", tuple(f"u{n}@a.example" for n in range(50)))
    async with post.mx.session() as talk:
        assert (await post.mx.send(talk, LETTER, "all@a.example", "u7@a.example")).code == 250
        assert (
            await post.mx.send(talk, LETTER + b"x" * 3000 + b"\r\n")
        ).code == 250  # one letter may overshoot
        await talk.say("MAIL FROM:<s@s.example>")
        assert (await talk.say("RCPT TO:<anna@a.example>")).text.startswith("452 4.2.2")
        assert (await talk.say("RCPT TO:<bob@a.example>")).code == 250
        assert (await talk.letter(LETTER)).code == 250
    assert [len(await post.inbox(f"u{n}")) for n in (0, 7, 49)] == [1, 1, 1]
    assert (len(await post.inbox()), len(await post.inbox("bob"))) == (1, 1)


@pytest.mark.parametrize("content", [LETTER, LARGE], ids=["row", "object"])
async def test_the_mailbox_pod_is_killed(launch, content):
    """DESIGN 4: 250 within seconds, and the letter is in the ledger, class inbound; when it is back, it is asked again."""
    post = await launch()
    async with post.mx.session() as talk:
        assert (await post.mx.send(talk, content)).code == 250
        post.house.mailbox.kill()
        began = time.monotonic()
        assert (await post.mx.send(talk, content, "anna@a.example", "bob@a.example")).code == 250
        assert time.monotonic() - began < 10
        assert post.mx.rows() == [("anna@a.example", "inbound"), ("bob@a.example", "inbound")]
        post.house.mailbox.start()
        waiting = 2
        async with asyncio.timeout(30):
            while (await post.mx.send(talk, content)).code == 250 and len(post.mx.rows()) > waiting:
                waiting += 1
                await asyncio.sleep(0.5)
    assert len(await post.inbox()) >= 2
    assert post.mx.metric("yubin_mx_fallback_copies_total") >= 2


async def test_mailbox_and_ledger_are_away(launch):
    """451 4.3.0 while both are, nothing is stored; the pod lives, and takes the sender's next try."""
    post = await launch()
    post.house.mailbox.kill()
    with contextlib.closing(sqlite3.connect(post.mx.folder / "ledger.db", isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")  # nobody else can write
        async with Dialogue(post.mx.port) as talk:
            await talk.say("EHLO c.test")
            assert (await post.mx.send(talk, LETTER)).text.startswith("451 4.3.0")
            db.execute("ROLLBACK")
            assert (await post.mx.send(talk, LETTER)).code == 250
    assert post.mx.rows() == [("anna@a.example", "inbound")]


async def test_the_directory_is_away(launch):
    """Who is known goes on getting mail; of whom nobody could be asked, 451 4.3.0 and not 550."""
    post = await launch()
    async with post.mx.session() as talk:
        assert (await post.mx.send(talk, LETTER)).code == 250
        post.house.directory.process.kill()
        post.house.directory.process.wait(10)
        assert (await post.mx.send(talk, LETTER)).code == 250
        assert (await post.mx.send(talk, LETTER, "bob@a.example")).text.startswith("451 4.3.0")
    assert len(await asyncio.to_thread(post.mx.log.splitlines)) > 2


async def test_a_pod_that_is_told_to_stop_under_load(launch):
    """CASES A15: each letter under way ends with 250 or 451; what heard 250 is in the mailbox, once."""
    post = await launch(YUBIN_CONNECTIONS_PER_ADDRESS="500")
    async with contextlib.AsyncExitStack() as stack:
        talks = [await stack.enter_async_context(post.mx.session()) for _ in range(40)]
        for n, talk in enumerate(talks):
            await talk.say("MAIL FROM:<s@s.example>", "RCPT TO:<anna@a.example>", "DATA")
            talk.send(b"Subject: %d\r\n\r\n" % n)
        await asyncio.sleep(0.2)
        post.mx.process.terminate()
        await asyncio.sleep(0.2)
        async with Dialogue(post.mx.port) as late:
            assert late.greeting.text.startswith("421 4.3.2")
        for talk in talks:
            talk.send(b".\r\n")
        codes = [(await talk.reply()).code for talk in talks]
    assert set(codes) <= {250, 451}
    assert await asyncio.to_thread(post.mx.process.wait, 30) == 0
    subjects = [int(re.search(rb"Subject: (\d+)", body)[1]) for body in await post.inbox()]
    assert len(subjects) == len(set(subjects)) == codes.count(250)


@pytest.mark.parametrize("point", ["mx.before_deliver", "mx.after_deliver", "mx.before_250"])
async def test_the_pod_dies_on_the_way(launch, point):
    """CASES A11: no 250 was heard, so that the sender comes again; nothing is half there, and at most one is stored."""
    post = await launch(YUBIN_FAULT=point)
    async with post.mx.session() as talk:
        with pytest.raises((EOFError, ConnectionError)):
            await post.mx.send(talk, LETTER)
    assert await asyncio.to_thread(post.mx.process.wait, 10) == -9
    stored = await post.inbox()
    assert len(stored) == (0 if point == "mx.before_deliver" else 1)
    del post.mx.environment["YUBIN_FAULT"]
    post.mx.start()
    async with post.mx.session() as talk:
        assert (await post.mx.send(talk, LETTER)).code == 250
    assert len(await post.inbox()) == len(stored) + 1


async def test_a_real_directory_relays_nothing(launch):
    """CASES F1: the whole battery in one session: no 250, and neither a mailbox nor the ledger has anything."""
    post = await launch(YUBIN_ERRORS="1000")
    async with post.mx.session() as talk:
        await talk.say("MAIL FROM:<anna@a.example>")
        codes = [(await talk.say(f"RCPT TO:<{a}>")).code for a in relay("a.example", "other.example")]
        assert set(codes) == {501, 550, 553, 554}
        assert (await talk.say("RCPT TO:<user@other.example>")).text == "554 5.7.1 Relay access denied"
        assert (await talk.say("DATA")).code == 554
    assert post.mx.rows() == await post.inbox() == []


async def test_limits_of_connections(launch):
    """CASES E12: the 51st connection of an address, and one too many in a minute from its /24: 421 4.7.0."""
    post = await launch(YUBIN_CONNECTIONS_PER_MINUTE="60")
    async with contextlib.AsyncExitStack() as stack:
        talks = [await stack.enter_async_context(Dialogue(post.mx.port)) for _ in range(51)]
        assert [t.greeting.code for t in talks] == [220] * 50 + [421]
        assert talks[-1].greeting.text == "421 4.7.0 Too many connections"
    texts = []
    for _ in range(20):
        async with Dialogue(post.mx.port) as talk:
            texts.append(talk.greeting.text)
    assert texts.count("421 4.7.0 Too many connections from your network") == 10
    async with contextlib.AsyncExitStack() as stack:  # the neighbours are not concerned
        talk = await stack.enter_async_context(Dialogue(post.mx.port, source="127.0.1.1"))
        assert talk.greeting.code == 220


async def test_slow_clients(launch):
    """CASES E10: a command that comes octet by octet, and a letter below the least rate: 421, and nothing is stored."""
    post = await launch(YUBIN_COMMAND_TIMEOUT="1", YUBIN_DATA_TIMEOUT="1", YUBIN_DATA_RATE="500")

    async def drip(talk):
        with contextlib.suppress(OSError):
            while True:
                talk.send(b"x")
                await asyncio.sleep(0.1)

    for begin in ((), ("MAIL FROM:<s@s.example>", "RCPT TO:<anna@a.example>", "DATA")):
        async with post.mx.session() as talk:
            if begin:
                assert (await talk.say(*begin)).code == 354
            dripping = asyncio.create_task(drip(talk))
            assert (await talk.reply()).text.startswith("421 4.4.2")
            dripping.cancel()
    assert await post.inbox() == []


async def test_senseless_clients(launch):
    """CASES E8, E11, F3: a browser, twenty errors, a hundred RSETs, a PROXY line of nobody we know: 421."""
    post = await launch()
    for line, times in (
        ("GET / HTTP/1.1", 1),
        ("BOGUS", 20),
        ("RSET", 101),
        ("PROXY TCP4 10.0.0.1 10.0.0.2 1 25", 1),
    ):
        async with Dialogue(post.mx.port) as talk:
            replies = [await talk.say(line) for _ in range(times)]
            assert replies[-1].code == 421
            assert await talk.ended() == b""


async def test_secrets_and_bodies_are_not_logged(launch):
    """CASES L8, L9: a line for a letter and one for a refusal, no word of the letter, and nothing that ends a line."""
    post = await launch(YUBIN_LOG_LEVEL="debug")
    async with Dialogue(post.mx.port) as talk:
        await talk.say("EHLO \x1b[31mred")
        await talk.say("EHLO c.test")
        reply = await post.mx.send(talk, LETTER.replace(b"hello", b"xyzzy-body"))
        await post.mx.send(talk, LETTER, "nobody@a.example")
    post.mx.stop()
    assert re.search(r"queued as (\S+)", reply.text)[1] in post.mx.log
    assert post.mx.log.count('"action":"refuse"') + post.mx.log.count('"action": "refuse"') == 1
    assert "xyzzy" not in post.mx.log
    assert "\x1b" not in post.mx.log
