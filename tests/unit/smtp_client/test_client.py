"""The client session as a state machine, without a network."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from yubin.smtp.client import Client
from yubin.smtp.envelope import Envelope, Recipient
from yubin.smtp.stage import Event, Refused, Stage, Violated

TWO = Envelope(sender="a@b", recipients=(Recipient(address="c@d"), Recipient(address="e@d")), size=10)


def events(client: Client) -> list[object]:
    got = []
    while (event := client.next_event()) is not None:
        got.append(event)
    return got


def greeted(*extensions: bytes, starttls: bool = True) -> Client:
    client = Client("me.test", starttls=starttls)
    client.feed(b"220 hi\r\n")
    client.feed(b"".join(b"250-%b\r\n" % x for x in (b"hi", *extensions)) + b"250 HELP\r\n")
    return client


def test_greeting_leads_to_ehlo_and_ready():
    """Banner, EHLO, ready."""
    client = Client("me.test")
    assert client.take() == b""
    client.feed(b"220 hi\r\n")
    assert client.take() == b"EHLO me.test\r\n"
    assert not client.idle
    client.feed(b"250 hi\r\n")
    assert events(client) == [Event.READY]
    assert client.idle


def test_envelope_is_one_write_with_pipelining():
    """RFC 2920: MAIL, RCPT and DATA leave together, and the body is due when all are answered."""
    client = greeted(b"PIPELINING")
    client.take()
    client.mail(TWO)
    assert client.take() == b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@d>\r\nDATA\r\n"
    client.feed(b"250 a\r\n250 b\r\n550 c\r\n354 d\r\n")
    assert events(client) == [Event.READY, Event.BODY]
    client.dot()
    assert client.stage is Stage.DOT
    client.feed(b"250 mine\r\n")
    assert events(client) == [Event.ENDED]
    assert [reply.code for reply in client.transaction.recipients] == [250, 550]
    assert client.transaction.final.text == "mine"
    client.mail(TWO)
    assert client.take().startswith(b"MAIL")  # the dot's reply cleared the peer: no RSET


def test_envelope_waits_for_each_reply_without_pipelining():
    """One command at a time, and DATA only when the caller says so."""
    client = greeted()
    client.take()
    client.mail(TWO)
    said = [client.take()]
    for reply in (b"250 a\r\n", b"250 b\r\n"):
        client.feed(reply)
        said.append(client.take())
    assert said == [b"MAIL FROM:<a@b>\r\n", b"RCPT TO:<c@d>\r\n", b"RCPT TO:<e@d>\r\n"]
    client.feed(b"250 c\r\n")
    assert events(client) == [Event.READY, Event.ENVELOPE]
    assert client.take() == b""
    client.data()
    assert client.take() == b"DATA\r\n"


def test_mail_that_is_refused_ends_the_envelope_early():
    """Without PIPELINING no RCPT follows a refused MAIL; the next transaction begins with RSET."""
    client = greeted()
    client.mail(TWO)
    client.take()
    client.feed(b"550 no\r\n")
    assert events(client) == [Event.READY, Event.ENDED]
    client.mail(TWO)
    assert client.take() == b"RSET\r\n"
    client.feed(b"250 ok\r\n")
    assert client.take() == b"MAIL FROM:<a@b>\r\n"


def test_354_for_nobody_gets_the_lone_dot():
    """RFC 2920 3.1: nobody was accepted and DATA got 354: a dot and nothing else, in no doubt."""
    client = greeted(b"PIPELINING")
    client.mail(TWO)
    client.take()
    client.feed(b"250 a\r\n550 b\r\n550 c\r\n354 d\r\n")
    assert client.take() == b".\r\n"
    assert not client.transaction.dot_sent
    client.feed(b"554 nobody\r\n")
    assert events(client) == [Event.READY, Event.ENDED]
    assert client.transaction.final is None


def test_starttls_forgets_what_was_said_before():
    """RFC 3207 4.2: EHLO is said again under TLS, and only what is announced there counts."""
    client = greeted(b"PIPELINING", b"STARTTLS")
    assert client.take().endswith(b"STARTTLS\r\n")
    client.feed(b"220 go\r\n")
    assert events(client) == [Event.HANDSHAKE]
    client.secured()
    assert client.take() == b"EHLO me.test\r\n"
    client.feed(b"250-hi\r\n250 STARTTLS\r\n")
    assert events(client) == [Event.READY]
    assert not client.peer.pipelining


def test_bytes_before_tls_end_the_session():
    """CASES C12: anything behind the reply to STARTTLS is a violation, in the same segment or in the next."""
    for pieces in (
        [b"220 go\r\n250 x\r\n"],
        [b"220 go\r\n", b"250 x\r\n"],
        [b"220 go\r\n2"],
        [b"220 go\r\n", b"\n"],
    ):
        client = greeted(b"STARTTLS")
        for piece in pieces:
            client.feed(piece)
        first, second = events(client)
        assert first is Event.HANDSHAKE
        assert isinstance(second, Violated)


def test_early_reply_to_a_body_is_a_refusal_and_an_early_yes_a_violation():
    """Before the dot a peer may refuse and leave; it cannot accept what it has not seen."""
    for reply, kind in ((b"552 big\r\n", Refused), (b"250 ok\r\n", Violated)):
        client = greeted(b"PIPELINING")
        client.mail(TWO)
        client.feed(b"250 a\r\n250 b\r\n250 c\r\n354 d\r\n" + reply)
        got = events(client)
        assert got[1] is Event.BODY
        assert isinstance(got[2], kind)
        assert got[2].stage is Stage.BODY


def test_nothing_is_heard_after_the_end():
    """Once the session is over further bytes are dropped."""
    client = greeted()
    client.feed(b"421 bye\r\n" + b"250 x\r\n" * 10)
    assert [type(event) for event in events(client)] == [Event, Refused]
    client.feed(b"x" * 100_000)
    assert events(client) == []
    assert not client.idle


codes = [b"220 a", b"250 b", b"250-c", b"354 d", b"421 e", b"450 f", b"452 g", b"550 h"]
line = st.sampled_from([*codes, b"250-PIPELINING", b"250 STARTTLS", b"junk", b"", b"250 \0"])
turn = st.lists(st.tuples(line, st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b""])), max_size=6).map(
    lambda parts: b"".join(a + b for a, b in parts)
)
answers = {
    Event.HANDSHAKE: lambda client: client.secured(),
    Event.READY: lambda client: client.mail(TWO),
    Event.ENVELOPE: lambda client: client.data(),
    Event.BODY: lambda client: client.dot(),
    Event.ENDED: lambda client: client.mail(TWO),
}


def conversation(turns: list[bytes], size: int) -> list[object]:
    """What happens when each turn of the peer arrives in pieces of ``size``; a caller obeys the last event of a turn."""
    client, record = Client("me.test"), []
    for data in turns:
        for start in range(0, len(data), size):
            client.feed(data[start : start + size])
        got = events(client)
        record += got
        if got and isinstance(got[-1], Event):
            answers[got[-1]](client)
        record.append(client.take())
    return record


@given(st.lists(turn, max_size=10), st.integers(1, 7))
def test_any_split_gives_the_same_events(turns, size):
    """However the network cuts what the peer says, events and commands are the same; and no peer can crash the client."""
    turns = [b"220 hi\r\n250-hi\r\n250 PIPELINING\r\n", *turns]
    assert conversation(turns, size) == conversation(turns, 10_000)
