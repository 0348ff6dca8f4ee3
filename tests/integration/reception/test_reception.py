"""The reception over real sockets, with a policy in memory: what strangers do to it, and what they get for it."""

import asyncio
import contextlib
import random
import re
import resource
import ssl
from dataclasses import replace

import pytest
import pytest_asyncio

from tests.servers.dialogue import Dialogue
from yubin.accounts.port import Identity, Limits
from yubin.errors import Denied, Unauthenticated, Unavailable
from yubin.reception.reception import Reception
from yubin.reception.terms import Terms
from yubin.reception.tls import ServerTls
from yubin.runtime.certificates import issue, make_ca

LETTER = b"From: a@a.test\r\n\r\nhello\r\n"
NO_END = [b"\n.\n", b"\n.\r", b"\r.\n", b"\r.\r", b"\n.\r\n", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r"]


class Memory:
    """A policy that takes everything, and notes it; ``gate`` holds letters back, ``fault`` is raised for one."""

    def __init__(self):
        self.letters, self.logins, self.cancelled = [], [], 0
        self.gate, self.fault = None, None

    def size_limit(self, session):
        return 1_000_000

    async def connect(self, session):
        pass

    async def helo(self, session):
        pass

    async def authenticate(self, session, credentials):
        self.logins.append(credentials.login)
        if credentials.password == "away":
            raise Unavailable("Temporary authentication failure", code=454, enhanced="4.7.0")
        if credentials.password != "right":
            raise Unauthenticated("Authentication credentials invalid")
        return Identity(
            tenant="t",
            account="a",
            login=credentials.login,
            senders=frozenset(),
            sender_domains=frozenset(),
            limits=Limits(),
        )

    async def mail(self, session, mail):
        if mail.reverse_path and mail.reverse_path.local == "nobody":
            raise Denied("no", code=553)

    async def rcpt(self, session, envelope, rcpt):
        if rcpt.forward_path.local == "unknown":
            raise Denied("no such user", enhanced="5.1.1")

    async def data(self, session, envelope, content):
        try:
            if self.gate is not None:
                await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.fault is not None:
            raise self.fault
        self.letters.append((session, envelope, content))
        return f"Ok: {len(self.letters)}"


@pytest.fixture(scope="session")
def ca(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ca")
    make_ca(folder)
    return issue(folder, "mail", sans=("localhost", "127.0.0.1"))


@pytest.fixture
def trust(ca):
    return ssl.create_default_context(cafile=str(ca.ca))


@pytest.fixture
def policy():
    return Memory()


@pytest_asyncio.fixture
async def serve(ca, policy):
    """Starts a reception with some terms of its own; the port."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(*, implicit_tls=False, **terms):
            given = Terms(
                hostname="mx.test",
                tls=ServerTls(ca.cert, ca.key).context,
                mechanisms=("PLAIN", "LOGIN"),
            )
            reception = Reception(replace(given, **terms), policy)
            start.reception = reception
            stack.push_async_callback(reception.stop, 0)
            return await reception.listen("127.0.0.1", 0, implicit_tls=implicit_tls)

        yield start


async def transaction(talk, *rcpts):
    """EHLO, MAIL and RCPT."""
    assert (await talk.say("EHLO c.test")).code == 250
    assert (
        await talk.say("MAIL FROM:<a@a.test>", *(f"RCPT TO:<{r}>" for r in rcpts or ["b@b.test"]))
    ).code == 250


async def test_a_letter_arrives_as_it_was_sent(serve, policy):
    """Dots unstuffed, octets untouched, two letters on one connection."""
    async with Dialogue(await serve()) as talk:
        assert talk.greeting.text.startswith("220 mx.test ESMTP")
        await transaction(talk, "b@b.test", "c@b.test")
        body = LETTER + b"..dot\r\n...\r\n\x80\xff\r\n"
        assert (await talk.letter(body)).text == "250 2.0.0 Ok: 1"
        await transaction(talk)
        assert (await talk.letter(b"")).text == "250 2.0.0 Ok: 2"
        assert (await talk.say("QUIT")).text == "221 2.0.0 Bye"
        assert await talk.ended() == b""
    (_, envelope, content), (_, _, empty) = policy.letters
    assert content == LETTER + b".dot\r\n..\r\n\x80\xff\r\n"
    assert [str(r.forward_path) for r in envelope.rcpts] == ["b@b.test", "c@b.test"]
    assert empty == b""


async def test_what_is_offered_before_and_behind_tls(serve, trust):
    """CASES F4: AUTH is not offered in clear, STARTTLS not behind it."""
    async with Dialogue(await serve()) as talk:
        clear = (await talk.say("EHLO c.test")).lines
        assert {"SIZE 52428800", "8BITMIME", "PIPELINING", "CHUNKING", "ENHANCEDSTATUSCODES", "DSN", "SMTPUTF8",
                "LIMITS RCPTMAX=1000", "STARTTLS"} == set(clear[1:])  # fmt: skip
        await talk.starttls(trust)
        behind = (await talk.say("EHLO c.test")).lines
        assert "AUTH PLAIN LOGIN" in behind
        assert "STARTTLS" not in behind
        assert (await talk.say("STARTTLS")).code == 503


async def test_auth_before_tls_is_refused(serve, policy):
    """CASES F4: 538, and nobody looks at the password."""
    async with Dialogue(await serve()) as talk:
        await talk.say("EHLO c.test")
        assert (await talk.login("a", "right")).text.startswith("538 5.7.11")
    assert policy.logins == []


async def test_tls_from_the_first_octet(serve, trust, policy):
    """Port 465: greeting, AUTH and a letter of some size behind a handshake."""
    async with Dialogue(await serve(implicit_tls=True), tls=trust) as talk:
        await talk.say("EHLO c.test")
        assert (await talk.login("alice", "right")).text.startswith("235 2.7.0")
        assert (await talk.login("alice", "right")).code == 503
        await transaction(talk)
        assert (await talk.letter(LETTER + b"x" * 70 + b"\r\n" * 5000)).code == 250
    session, _, _ = policy.letters[0]
    assert session.tls.startswith("TLSv1.3 with cipher TLS_")
    assert session.identity.login == "alice"


async def test_old_tls_is_refused(serve, trust):
    """RFC 8996: nothing below TLS 1.2."""
    trust.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        trust.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        async with Dialogue(await serve(implicit_tls=True), tls=trust):
            pass


@pytest.mark.parametrize("fake", NO_END)
async def test_no_second_letter_is_smuggled_in(serve, policy, fake):
    """CASES E1: 550 5.5.2 behind the real end, and no second mail."""
    async with Dialogue(await serve()) as talk:
        await transaction(talk)
        smuggled = b"MAIL FROM:<x@x.test>\r\nRCPT TO:<y@y.test>\r\nDATA\r\nevil\r\n"
        assert (await talk.letter(LETTER + b"x" + fake + smuggled)).text.startswith("550 5.5.2")
        assert (await talk.say("NOOP")).code == 250
    assert policy.letters == []


async def test_a_bare_line_feed_ends_no_command(serve, policy):
    """CASES E1: the line that hides behind it is never obeyed."""
    async with Dialogue(await serve()) as talk:
        talk.send(b"EHLO c.test\nMAIL FROM:<a@a.test>\r\n")
        assert (await talk.reply()).text.startswith("500 5.5.2")
        assert await talk.ended() == b""


async def test_what_is_injected_before_tls_is_dropped(serve, policy):
    """CASES E5: bytes in the segment of STARTTLS are never obeyed, and the connection ends."""
    async with Dialogue(await serve()) as talk:
        await talk.say("EHLO c.test")
        talk.send(b"STARTTLS\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\n")
        assert (await talk.reply()).code == 554
        assert await talk.ended() == b""


async def test_starttls_forgets_what_was_said(serve, trust):
    """CASES E5, RFC 3207 4.2: EHLO and MAIL must be said again."""
    async with Dialogue(await serve()) as talk:
        await transaction(talk)
        await talk.starttls(trust)
        assert (await talk.say("MAIL FROM:<a@a.test>")).text.startswith("503 5.5.1")
        await talk.say("EHLO c.test")
        assert (await talk.say("DATA")).code == 503


async def test_a_handshake_that_is_no_handshake_ends(serve):
    """Plain text behind STARTTLS is no TLS: closed."""
    async with Dialogue(await serve()) as talk:
        await talk.say("EHLO c.test")
        await talk.say("STARTTLS")
        talk.send(b"MAIL FROM:<a@a.test>\r\n" * 10)
        assert b"250" not in await talk.ended()


async def test_a_browser_is_sent_away(serve):
    """CASES E8: closed at the first line; the Host header is never read."""
    async with Dialogue(await serve()) as talk:
        talk.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await talk.reply()).code == 421
        assert await talk.ended() == b""


async def test_a_command_of_513_octets(serve):
    """CASES E9: 500, and the session goes on."""
    async with Dialogue(await serve()) as talk:
        assert (await talk.say("NOOP " + "x" * (512 - 7))).code == 250
        assert (await talk.say("NOOP " + "x" * (513 - 7))).code == 500
        assert (await talk.say("NOOP")).code == 250


async def test_a_line_without_an_end(serve):
    """CASES E9: after 64 KB the connection ends; the reply may be lost behind what nobody reads."""
    async with Dialogue(await serve()) as talk:
        talk.send(b"x" * 200_000)
        assert (await talk.ended()) in {b"", b"500 5.5.2 Line too long\r\n"}


async def test_a_line_of_a_megabyte_in_a_letter(serve, policy):
    """CASES E9: it is taken (delivery folds), and costs little more than itself."""
    async with Dialogue(await serve()) as talk:
        await transaction(talk)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert (await talk.letter(b"x" * 999_000 + b"\r\n")).code == 250
        assert (
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 * 1024
        )  # KiB; the client is here too
    assert len(policy.letters[0][2]) == 999_002


async def test_a_client_that_says_nothing(serve):
    """CASES E10: 421 when the deadline has passed."""
    async with Dialogue(await serve(command_timeout=0.2)) as talk:
        assert (await talk.reply()).text.startswith("421 4.4.2")
        assert await talk.ended() == b""


async def test_single_octets_do_not_prolong_a_command(serve):
    """CASES E10: 1 byte now and then gets 421 all the same."""
    async with Dialogue(await serve(command_timeout=0.5)) as talk:
        loop = asyncio.get_running_loop()
        began = loop.time()

        async def drip():
            while True:
                talk.send(b"N")
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        assert (await talk.reply()).code == 421
        dripping.cancel()
        assert loop.time() - began < 5


async def test_a_letter_that_drips(serve, policy):
    """CASES E10: below the least rate of a whole letter it is 421."""
    async with Dialogue(await serve(data_timeout=0.4, data_rate=10_000)) as talk:
        await transaction(talk)
        await talk.say("DATA")

        async def drip():
            while True:
                talk.send(b"x")
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        assert (await talk.reply()).code == 421
        dripping.cancel()
    assert policy.letters == []


async def test_twenty_errors(serve):
    """CASES E11: the twentieth is a 421."""
    async with Dialogue(await serve()) as talk:
        replies = [(await talk.say("BOGUS")).code for _ in range(20)]
        assert replies == [500] * 19 + [421]
        assert await talk.ended() == b""


@pytest.mark.parametrize("verb", ["NOOP", "RSET", "VRFY x", "HELP"])
async def test_a_hundred_commands_that_do_nothing(serve, verb):
    """CASES E11: the hundred and first is a 421, pipelined or not."""
    async with Dialogue(await serve()) as talk:
        talk.send(f"{verb}\r\n".encode() * 101)
        codes = [(await talk.reply()).code for _ in range(101)]
        assert set(codes[:100]) <= {250, 252, 214}
        assert codes[100] == 421


async def test_an_accepted_letter_clears_the_count(serve):
    """A long session of a mail program that says RSET before each letter goes on."""
    async with Dialogue(await serve(junk=3, errors=3)) as talk:
        for _ in range(5):
            assert (await talk.say("RSET", "RSET")).code == 250
            assert (await talk.say("BOGUS", "BOGUS")).code == 500
            await transaction(talk)
            assert (await talk.letter(LETTER)).code == 250


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("MAIL FROM:<a@b.test> SIZE=100000000000000000000", 501),
        ("MAIL FROM:<a@b.test> SIZE=1 SIZE=1", 501),
        ("MAIL FROM:<a@b.test> BODY=BINARYMIME", 555),
        ("MAIL FROM:<ア@b.test>", 553),
        (f"MAIL FROM:<{'a' * 250}@b.test>", 501),
        ("MAIL FROM:<a\0b@b.test>", 501),
        ("MAIL FROM:<a@b.test> SIZE=1000001", 552),
        ("MAIL FROM:<a@b.test> REQUIRETLS", 555),
    ],
)
async def test_bad_parameters(serve, command, code):
    """CASES E14."""
    async with Dialogue(await serve()) as talk:
        await talk.say("EHLO c.test")
        assert (await talk.say(command)).code == code
        assert (await talk.say("MAIL FROM:<a@b.test> SIZE=1000000 SMTPUTF8")).code == 250
        assert (await talk.say("RCPT TO:<ア@b.test>")).code == 250


async def test_the_thousand_and_first_recipient(serve, policy):
    """CASES E15: 452 4.5.3, and the first thousand get the letter."""
    async with Dialogue(await serve()) as talk:
        await transaction(talk)
        talk.send(b"".join(b"RCPT TO:<u%d@b.test>\r\n" % n for n in range(1, 1101)))
        replies = [(await talk.reply()).text for _ in range(1100)]
        assert [r[:9] for r in replies] == ["250 2.1.5"] * 999 + ["452 4.5.3"] * 101
        assert (await talk.letter(LETTER)).code == 250
    assert len(policy.letters[0][1].rcpts) == 1000


async def test_nobody_learns_who_is_here(serve):
    """CASES E15: VRFY and EXPN say the same for all."""
    async with Dialogue(await serve()) as talk:
        assert {(await talk.say(f"VRFY {who}")).text for who in ("root", "nobody", "", "a@b.test")} == {
            "252 2.5.2 Send some mail, and see"
        }
        assert {(await talk.say(f"EXPN {who}")).code for who in ("staff", "")} == {502}


async def test_pipelined_replies_leave_in_one_write(serve):
    """RFC 2920 3.2: one batch in, one batch out; refusals stand beside the rest."""
    async with Dialogue(await serve()) as talk:
        await talk.say("EHLO c.test")
        talk.send(b"MAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nRCPT TO:<unknown@b.test>\r\nDATA\r\n")
        first = await talk.reader.read(4096)
        assert [line[:9] for line in first.split(b"\r\n")] == [
            b"250 2.1.0", b"250 2.1.5", b"550 5.1.1", b"354 End d", b"",
        ]  # fmt: skip
        talk.send(LETTER + b".\r\nMAIL FROM:<nobody@a.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\n")
        assert [(await talk.reply()).code for _ in range(4)] == [250, 553, 503, 503]


async def test_data_without_valid_recipients(serve):
    """RFC 5321 3.3: 554, and no 354."""
    async with Dialogue(await serve()) as talk:
        await talk.say("EHLO c.test")
        talk.send(b"MAIL FROM:<a@a.test>\r\nRCPT TO:<unknown@b.test>\r\nDATA\r\n")
        assert [(await talk.reply()).code for _ in range(3)] == [250, 550, 554]


@pytest.mark.parametrize("sent", [b"EHLO c.test\r\nMAIL FROM:<a@a.test>\r\n", b"HELO c.test\r\nNOOP\r\n"])
async def test_who_does_not_wait_for_the_answer_is_sent_away(serve, sent):
    """CASES E7, RFC 2920 3.1: nothing may follow EHLO, DATA or AUTH in one batch."""
    async with Dialogue(await serve()) as talk:
        talk.send(sent)
        assert (await talk.reply()).code == 554
        assert await talk.ended() == b""


async def test_a_letter_above_its_declared_size(serve, policy):
    """CASES A13: SIZE=100 and a megabyte: 552 5.3.4 while receiving, nothing accepted, the session goes on."""
    async with Dialogue(await serve()) as talk:
        await talk.say("EHLO c.test")
        await talk.say("MAIL FROM:<a@a.test> SIZE=100", "RCPT TO:<b@b.test>")
        assert (await talk.letter(b"x" * 70 + b"\r\n" + b"y" * 900_000 + b"\r\n")).text.startswith(
            "552 5.3.4"
        )
        await transaction(talk)
        assert (await talk.letter(LETTER)).code == 250
    assert len(policy.letters) == 1


async def test_letters_in_memory_are_bounded(serve, policy):
    """DESIGN I7: when all letters together hold too much, one more is asked to come later."""
    async with Dialogue(await serve(held=300_000)) as talk:
        await transaction(talk)
        assert (await talk.letter(b"x" * 70 + b"\r\n" + b"y" * 900_000 + b"\r\n")).text.startswith(
            "452 4.3.1"
        )
        await transaction(talk)
        assert (await talk.letter(LETTER)).code == 250
    assert serve.reception.held == 0


async def test_chunks(serve, policy):
    """RFC 3030: octets are taken as they are, dots and all; the last chunk is the end."""
    async with Dialogue(await serve()) as talk:
        await transaction(talk)
        talk.send(b"BDAT 10\r\n.\r\n.\r\nabc\r")
        assert (await talk.reply()).text == "250 2.0.0 10 octets received"
        assert (await talk.say("DATA")).code == 503
        talk.send(b"BDAT 1\r\n\nBDAT 0 LAST\r\n")
        assert [(await talk.reply()).code for _ in range(2)] == [250, 250]
        await transaction(talk)
    assert policy.letters[0][2] == b".\r\n.\r\nabc\r\n"
    assert serve.reception.held == 0


async def test_chunks_that_are_refused_are_read_all_the_same(serve, policy):
    """RFC 3030 2: commands inside a chunk are never obeyed; bare line ends are refused as in DATA."""
    async with Dialogue(await serve()) as talk:
        await talk.say("EHLO c.test")
        talk.send(b"BDAT 22\r\nMAIL FROM:<a@a.test>\r\nNOOP\r\n")
        assert [(await talk.reply()).code for _ in range(2)] == [503, 250]
        await transaction(talk)
        talk.send(b"BDAT 3 LAST\r\na\nb")
        assert (await talk.reply()).text.startswith("550 5.5.2")
        talk.send(b"BDAT 99999999999 LAST\r\n")
        assert (await talk.reply()).code == 552
        assert await talk.ended() == b""
    assert policy.letters == []


async def test_a_client_that_leaves_in_the_middle_of_a_letter(serve, policy):
    """CASES A11: nothing is accepted."""
    async with Dialogue(await serve()) as talk:
        await transaction(talk)
        await talk.say("DATA")
        talk.send(LETTER * 100)
    async with Dialogue(await serve()) as talk:
        await talk.say("EHLO c.test")
    assert policy.letters == []


async def test_a_client_that_leaves_after_the_dot(serve, policy):
    """CASES A11: what was handed over is finished, once."""
    policy.gate = asyncio.Event()
    async with Dialogue(await serve()) as talk:
        await transaction(talk)
        await talk.say("DATA")
        talk.send(LETTER + b".\r\n")
        await asyncio.sleep(0.2)
    policy.gate.set()
    async with asyncio.timeout(10):
        while not policy.letters:
            await asyncio.sleep(0.01)
    assert len(policy.letters) == 1
    assert policy.cancelled == 0


async def test_accepting_that_takes_too_long(serve, policy):
    """CASES A12: 451 4.4.5, what was begun is unwound, and the session goes on."""
    policy.gate = asyncio.Event()
    async with Dialogue(await serve(accept_timeout=0.2)) as talk:
        await transaction(talk)
        assert (await talk.letter(LETTER)).text.startswith("451 4.4.5")
        assert policy.cancelled == 1
        policy.gate.set()
        await transaction(talk)
        assert (await talk.letter(LETTER)).code == 250
    assert len(policy.letters) == 1


async def test_a_fault_of_our_own(serve, policy):
    """STYLE: an unknown error is 451 4.3.0, says nothing of itself, and ends no session."""
    policy.fault = OSError("secret path")
    async with Dialogue(await serve()) as talk:
        await transaction(talk)
        assert (await talk.letter(LETTER)).text == "451 4.3.0 Internal error"
        policy.fault = Unavailable("Disk full", code=452, enhanced="4.3.1")
        await transaction(talk)
        assert (await talk.letter(LETTER)).text == "452 4.3.1 Disk full"


async def test_a_pod_that_stops_finishes_letters(serve, policy):
    """CASES A15: 50 letters under way end with 250, idle clients and new ones hear 421 4.3.2, none is lost."""
    policy.gate = asyncio.Event()
    port = await serve(per_address=100)
    async with contextlib.AsyncExitStack() as stack:
        talks = [await stack.enter_async_context(Dialogue(port)) for _ in range(50)]
        idle = await stack.enter_async_context(Dialogue(port))
        for talk in talks:
            await transaction(talk)
            await talk.say("DATA")
        for talk in talks[:25]:
            talk.send(LETTER + b".\r\n")
        await asyncio.sleep(0.1)
        stopping = asyncio.create_task(serve.reception.stop(10))
        assert (await idle.reply()).text.startswith("421 4.3.2")
        async with Dialogue(port) as late:
            assert late.greeting.text.startswith("421 4.3.2")
        for talk in talks[25:]:
            talk.send(LETTER + b".\r\n")
        policy.gate.set()
        assert [(await talk.reply()).code for talk in talks] == [250] * 50
        assert {(await talk.reply()).code for talk in talks} == {421}
        await stopping
    assert len(policy.letters) == 50


async def test_a_pod_that_has_no_more_time(serve, policy):
    """CASES A15: when the grace is over, what is not accepted hears 451, and was undone."""
    policy.gate = asyncio.Event()
    async with Dialogue(await serve()) as talk:
        await transaction(talk)
        await talk.say("DATA")
        talk.send(LETTER + b".\r\n")
        await asyncio.sleep(0.1)
        await serve.reception.stop(0.2)
        assert (await talk.reply()).text.startswith("451 4.3.2")
    assert policy.letters == []
    assert policy.cancelled == 1


async def test_too_many_connections_from_one_address(serve):
    """CASES E12: 421 for one more, and room again when one has left."""
    port = await serve(per_address=3)
    async with Dialogue(port), Dialogue(port):
        async with Dialogue(port), Dialogue(port) as fourth:
            assert fourth.greeting.text.startswith("421 4.7.0")
            assert await fourth.ended() == b""
        await asyncio.sleep(0.1)
        async with Dialogue(port) as again:
            assert again.greeting.code == 220


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (["AUTH"], 504),
        (["AUTH CRAM-MD5"], 504),
        (["AUTH PLAIN !!!"], 501),
        (["AUTH PLAIN ="], 501),
        (["AUTH PLAIN", "*"], 501),
        (["AUTH PLAIN", ""], 501),
        (["AUTH PLAIN", "A" * 12287], 500),
        (["AUTH LOGIN", "*"], 501),
        (["AUTH LOGIN", "YQ==", "*"], 501),
        (["AUTH LOGIN", ""], 535),
        (["AUTH LOGIN", "AGEA"], 535),
        (["AUTH LOGIN YQ==", "d3Jvbmc="], 535),
        (["AUTH LOGIN YQ==", "YXdheQ=="], 454),
    ],
)
async def test_bad_logins(serve, trust, lines, code):
    """CASES F9: bad base64, "*", 12 KB and more, nothing, NUL; other sessions and this one go on."""
    port = await serve(implicit_tls=True)
    async with Dialogue(port, tls=trust) as other, Dialogue(port, tls=trust) as talk:
        await talk.say("EHLO c.test")
        for line in lines[:-1]:
            assert (await talk.say(line)).code == 334
        assert (await talk.say(lines[-1])).code == code
        assert (await talk.login("alice", "right")).code == 235
        assert (await other.say("NOOP")).code == 250


async def test_any_cut_of_a_whole_session(serve, policy):
    """The same replies and letters, whether a session comes in one segment or octet by octet."""
    port = await serve()
    script = [b"EHLO c.test\r\n", b"MAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\n",
              b"..a\r\n.b\r\n.\r\nRSET\r\nQUIT\r\n"]  # fmt: skip
    for size in (1, 2, 3, 7, 100):
        async with Dialogue(port) as talk:
            heard = []
            for batch, replies in zip(script, (1, 3, 3), strict=True):
                for at in range(0, len(batch), size):
                    talk.send(batch[at : at + size])
                    await asyncio.sleep(0)
                heard += [(await talk.reply()).code for _ in range(replies)]
            assert heard == [250, 250, 250, 354, 250, 250, 221]
    assert [content for _, _, content in policy.letters] == [b".a\r\nb\r\n"] * 5


async def test_a_half_closed_client_hears_its_replies(serve, policy):
    """As with printf … | nc -N: what was sent is obeyed before the end of the stream counts."""
    async with Dialogue(await serve()) as talk:
        await transaction(talk)
        await talk.say("DATA")
        talk.send(LETTER + b".\r\nQUIT\r\n")
        talk.writer.write_eof()
        assert (await talk.ended()).startswith(b"250 2.0.0 Ok: 1\r\n221 2.0.0")


async def test_a_renewed_certificate_is_shown_to_the_next_client(ca, policy, tmp_path):
    """The files change, the next handshake has the new certificate; a broken file changes nothing."""
    make_ca(tmp_path)
    first = issue(tmp_path, "mail", sans=("localhost",))
    tls = ServerTls(first.cert, first.key)
    reception = Reception(Terms(hostname="mx.test", tls=tls.context), policy)
    port = await reception.listen("127.0.0.1", 0, implicit_tls=True)
    trust = ssl.create_default_context(cafile=str(first.ca))

    async def serial():
        async with Dialogue(port, tls=trust) as talk:
            return talk.writer.get_extra_info("peercert")["serialNumber"]

    before = await serial()
    assert not tls.reload()
    first.cert.unlink()
    assert not tls.reload()
    issue(tmp_path, "mail", sans=("localhost", "other.test"))
    assert tls.reload()
    assert await serial() != before
    await reception.stop(0)


SOUP = [b"EHLO c.test\r\n", b"MAIL FROM:<a@a.test>\r\n", b"RCPT TO:<b@b.test>\r\n", b"DATA\r\n", b".\r\n", b"\r\n.\r\n",
        b"BDAT 5\r\n", b"BDAT 3 LAST\r\n", b"RSET\r\n", b"AUTH PLAIN\r\n", b"AUTH LOGIN AA==\r\n", b"STARTTLS\r\n", b"\r",
        b"\0", b"\xff\xfe\r\n", b"x" * 700, b"NOOP\r\n", b"QUIT\r\n", b"\r\n", b"*\r\n", b"HELO\r\n", b"=\r\n"]  # fmt: skip


async def test_a_hundred_senseless_sessions(serve, policy):
    """CASES M6: whatever is said, every reply is one, no session is a fault of ours, and the next client is served."""
    dice = random.Random(20261106)
    port = await serve(command_timeout=5)
    for _ in range(100):
        async with Dialogue(port) as talk:
            with contextlib.suppress(OSError, RuntimeError):  # it may have been sent away already
                for _ in range(dice.randrange(1, 30)):
                    talk.send(dice.choice(SOUP)[: dice.choice([1, 4, 1000, 1000, 1000])])
                    await asyncio.sleep(0)
                talk.writer.write_eof()
            for line in (await talk.ended()).splitlines():
                assert re.match(rb"[2345]\d\d[ -]", line), line
                assert b"4.3.0" not in line
    async with Dialogue(port) as talk:
        await transaction(talk)
        assert (await talk.letter(LETTER)).code == 250
    assert serve.reception.held == 0
