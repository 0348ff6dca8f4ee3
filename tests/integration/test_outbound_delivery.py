"""Outbound SMTP against a real socket: what the peer says is what each recipient gets."""

from __future__ import annotations

import email
import hashlib

from services.delivery.attempt import AttemptLimits
from services.delivery.terms import Timeouts
from tests.integration.outbound import BODY, claim, content, only, outbound, outcomes, quick
from tests.servers.smtp_sink import Do
from yubin.queue.port import Outcome, Pending


async def test_letter_arrives_byte_for_byte(smtp_sink):
    """A letter arrives with its envelope, its dots and its bytes, and the peer's reply is kept."""
    sink = await smtp_sink()
    body = BODY + b".\r\n..\r\n.hidden\r\nend\r\n"
    async with outbound(sink.port) as out:
        result = await out.deliver(claim("b@theirs.test", "c@theirs.test"), content(body))
    (letter,) = sink.letters
    assert hashlib.sha256(letter.body).digest() == hashlib.sha256(body).digest()
    assert letter.mail_from == "a@ours.test"
    assert letter.rcpts == ("b@theirs.test", "c@theirs.test")
    assert letter.mail_params == (f"SIZE={len(body)}",)
    assert outcomes(result) == [(Outcome.DELIVERED, 250)] * 2
    assert result.recipients[0].text == "ok 0"
    assert result.recipients[0].enhanced == "2.0.0"
    assert result.peer == f"mx0.theirs.test[127.0.0.1]:{sink.port}"
    assert result.counted
    assert not result.in_doubt
    assert out.marks == 1


async def test_peer_without_pipelining_takes_one_command_at_a_time(smtp_sink):
    """Where PIPELINING is not offered each command waits for the reply to the one before."""
    sink = await smtp_sink(
        extensions=(), script={"rcpt": lambda arg: "550 5.1.1 who?" if "no@" in arg else None}
    )
    async with outbound(sink.port) as out:
        mixed = await out.deliver(claim("no@theirs.test", "b@theirs.test"))
        none = await out.deliver(claim("no@theirs.test"))
        after = await out.deliver()
    assert outcomes(mixed) == [(Outcome.BOUNCED, 550), (Outcome.DELIVERED, 250)]
    assert outcomes(none) == [(Outcome.BOUNCED, 550)]
    assert only(after).outcome is Outcome.DELIVERED
    assert sink.connections == 1
    assert sink.commands.count("RSET") == 1
    assert [len(letter.mail_params) for letter in sink.letters] == [0, 0]


async def test_old_server_is_greeted_with_helo(smtp_sink):
    """A server that does not know EHLO is greeted with HELO (RFC 5321 3.2)."""
    sink = await smtp_sink(script={"ehlo": "502 5.5.1 what?"})
    async with outbound(sink.port) as out:
        result = await out.deliver()
    assert only(result).outcome is Outcome.DELIVERED
    assert sink.commands[:2] == ["EHLO out.ours.test", "HELO out.ours.test"]


async def test_recipients_get_their_own_outcomes(smtp_sink):
    """CASES C4: 250, 450, 550 and 452 at RCPT deliver, defer, bounce and go in another transaction, none of them twice."""
    replies = ["250 ok", "450 4.2.1 later", "550 5.1.1 who?", "452 4.5.3 too many"]
    sink = await smtp_sink(script={"rcpt": list(replies)})
    names = [f"{c}@theirs.test" for c in "abcd"]
    async with outbound(sink.port) as out:
        result = await out.deliver(claim(*names))
    assert outcomes(result) == [
        (Outcome.DELIVERED, 250),
        (Outcome.PENDING, 450),
        (Outcome.BOUNCED, 550),
        (Outcome.DELIVERED, 250),
    ]
    assert [letter.rcpts for letter in sink.letters] == [("a@theirs.test",), ("d@theirs.test",)]
    assert result.recipients[2].text == "who?"
    assert result.recipients[2].enhanced == "5.1.1"
    assert sink.connections == 1


async def test_too_many_without_progress_is_deferred(smtp_sink):
    """CASES C4: a 452 for everybody is a deferral, not a loop."""
    sink = await smtp_sink(script={"rcpt": "452 4.5.3 too many"})
    async with outbound(sink.port) as out:
        result = await out.deliver(claim("a@theirs.test", "b@theirs.test"))
    assert outcomes(result) == [(Outcome.PENDING, 452)] * 2
    assert sum(command.startswith("MAIL") for command in sink.commands) == 1


async def test_stated_recipient_limit_is_kept(smtp_sink):
    """RFC 9422: a peer that says RCPTMAX=2 gets three recipients in two transactions."""
    sink = await smtp_sink(extensions=("PIPELINING", "LIMITS RCPTMAX=2 MAILMAX=9"))
    async with outbound(sink.port) as out:
        result = await out.deliver(claim(*(f"{c}@theirs.test" for c in "abc")))
    assert outcomes(result) == [(Outcome.DELIVERED, 250)] * 3
    assert [len(letter.rcpts) for letter in sink.letters] == [2, 1]


async def test_greylisting_defers_and_later_delivers(smtp_sink):
    """CASES C6: a 451 at RCPT defers without asking the next host; the same envelope is taken later."""
    sink = await smtp_sink(script={"rcpt": ["451 4.7.1 greylisted, come back"]})
    letter = claim()
    async with outbound(sink.port) as out:
        first = await out.deliver(letter)
        second = await out.deliver(letter)
    assert outcomes(first) == [(Outcome.PENDING, 451)]
    assert first.retry_after is None
    assert first.counted
    assert only(second).outcome is Outcome.DELIVERED
    said = [command for command in sink.commands if command.startswith(("MAIL", "RCPT"))]
    assert said[:2] == said[2:]


async def test_refused_envelope_with_354_gets_a_lone_dot(smtp_sink):
    """RFC 2920 3.1: when every RCPT was refused and DATA is answered 354, only a dot is sent."""
    sink = await smtp_sink(script={"rcpt": ["550 5.1.1 no"], "data": ["354 go on"]})
    async with outbound(sink.port) as out:
        refused = await out.deliver()
        accepted = await out.deliver()
    assert outcomes(refused) == [(Outcome.BOUNCED, 550)]
    assert only(accepted).outcome is Outcome.DELIVERED
    assert len(sink.letters) == 1
    assert sink.connections == 1


async def test_refused_sender_bounces_everybody(smtp_sink):
    """A 5xx to MAIL is the answer for every recipient, whatever the peer says to the pipelined rest."""
    sink = await smtp_sink(script={"mail": "553 5.1.8 not from there", "data": "354 go on"})
    async with outbound(sink.port) as out:
        result = await out.deliver(claim("a@theirs.test", "b@theirs.test"))
    assert outcomes(result) == [(Outcome.BOUNCED, 553)] * 2
    assert sink.letters == []


async def test_refused_letter_bounces_and_busy_one_defers(smtp_sink):
    """The reply to the dot is the outcome of all who were accepted."""
    sink = await smtp_sink(script={"dot": ["554 5.7.1 spam", "452 4.3.1 full"]})
    async with outbound(sink.port) as out:
        refused, busy, taken = await out.deliver(), await out.deliver(), await out.deliver()
    assert outcomes(refused) == [(Outcome.BOUNCED, 554)]
    assert outcomes(busy) == [(Outcome.PENDING, 452)]
    assert only(taken).outcome is Outcome.DELIVERED
    assert sink.connections == 1


async def test_dsn_parameters_travel_where_they_are_understood(smtp_sink):
    """RFC 3461: RET, ENVID, NOTIFY and ORCPT go to a peer that announces DSN."""
    sink = await smtp_sink()
    asked = Pending(
        n=0, address="b@theirs.test", orcpt="rfc822;b+x@here.test", notify=frozenset({"SUCCESS", "DELAY"})
    )
    async with outbound(sink.port) as out:
        result = await out.deliver(claim(asked, ret="HDRS", envid="a=b c"))
    (letter,) = sink.letters
    assert letter.mail_params[1:] == ("RET=HDRS", "ENVID=a+3Db+20c")
    assert letter.rcpt_params == (("NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;b+2Bx@here.test"),)
    assert only(result).outcome is Outcome.DELIVERED


async def test_success_asked_of_a_peer_without_dsn_is_relayed(smtp_sink):
    """CASES C13: a peer without DSN takes the letter; who asked for SUCCESS learns that it was relayed."""
    sink = await smtp_sink(extensions=("PIPELINING",))
    asked = Pending(n=0, address="b@theirs.test", orcpt=None, notify=frozenset({"SUCCESS"}))
    silent = Pending(n=1, address="c@theirs.test", orcpt=None, notify=frozenset())
    async with outbound(sink.port) as out:
        result = await out.deliver(claim(asked, silent, ret="FULL"))
    assert [r.outcome for r in result.recipients] == [Outcome.RELAYED, Outcome.DELIVERED]
    assert sink.letters[0].mail_params == ()
    assert sink.letters[0].rcpt_params == ((), ())


async def test_letter_above_the_stated_size_is_never_sent(smtp_sink):
    """RFC 1870 6.1: a letter above the peer's SIZE bounces with 5.3.4 and no MAIL is said."""
    sink = await smtp_sink(extensions=("PIPELINING", "SIZE 50"))
    async with outbound(sink.port) as out:
        result = await out.deliver()
    assert (only(result).outcome, only(result).code, only(result).enhanced) == (Outcome.BOUNCED, 552, "5.3.4")
    assert not any(command.startswith("MAIL") for command in sink.commands)


async def test_utf8_addresses_need_a_peer_that_knows_them(smtp_sink):
    """CASES C13: without SMTPUTF8 the recipient with a UTF-8 address bounces with 5.6.7, the other one is served."""
    sink = await smtp_sink(extensions=("PIPELINING", "8BITMIME"))
    async with outbound(sink.port) as out:
        mixed = await out.deliver(claim("郵便@theirs.test", "b@theirs.test"))
        header = await out.deliver(None, content("Subject: 郵便\r\n\r\nx\r\n".encode(), utf8=True))
        sender = await out.deliver(claim(sender="郵便@ours.test"))
        plain = await out.deliver(None, content(utf8=True))
    assert [(r.outcome, r.enhanced) for r in mixed.recipients] == [
        (Outcome.BOUNCED, "5.6.7"),
        (Outcome.DELIVERED, "2.0.0"),
    ]
    assert only(header).enhanced == only(sender).enhanced == "5.6.7"
    assert only(plain).outcome is Outcome.DELIVERED


async def test_utf8_letter_goes_to_a_peer_that_knows_it(smtp_sink):
    """RFC 6531: SMTPUTF8 and BODY=8BITMIME are said when the letter needs them."""
    sink = await smtp_sink()
    body = "Subject: 郵便\r\n\r\n郵便\r\n".encode()
    async with outbound(sink.port) as out:
        await out.deliver(claim("郵便@theirs.test"), content(body, utf8=True))
    (letter,) = sink.letters
    assert letter.mail_params == (f"SIZE={len(body)}", "BODY=8BITMIME", "SMTPUTF8")
    assert letter.rcpts == ("郵便@theirs.test",)
    assert letter.body == body


async def test_eight_bit_letter_is_converted_for_a_peer_that_lacks_8bitmime(smtp_sink):
    """CASES C13: without 8BITMIME the letter arrives in quoted-printable; one that cannot be converted bounces, 5.6.3."""
    sink = await smtp_sink(extensions=("PIPELINING", "SIZE 0"))
    body = (
        b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + "été\r\n".encode() * 20_000
    )
    async with outbound(sink.port) as out:
        small = await out.deliver(None, content(body[:200]))
        large = await out.deliver(None, content(body))
        raw = await out.deliver(None, content(b"Subject: x\r\n\r\n\xe9\r\n"))
    assert only(small).outcome is only(large).outcome is Outcome.DELIVERED
    assert (
        email.message_from_bytes(sink.letters[1].body).get_payload(decode=True)
        == body.partition(b"\r\n\r\n")[2]
    )
    assert all(letter.body.isascii() for letter in sink.letters)
    assert sink.letters[1].mail_params == (f"SIZE={len(sink.letters[1].body)}",)
    assert (only(raw).outcome, only(raw).enhanced) == (Outcome.BOUNCED, "5.6.3")
    assert len(sink.letters) == 2


async def test_odd_replies_are_understood_by_their_first_digit(smtp_sink):
    """CASES C14: no text, no enhanced code, a contradicting one, codes of no list and foreign text are all replies."""
    replies = [
        b"550 5.7.2\r\n",
        b"250\r\n",
        b"550 2.0.0 x\r\n",
        b"577 \xe9t\xe9\r\n",
        b"299-a\r\n299 b\r\n",
        b"498 z\n",
    ]
    sink = await smtp_sink(script={"dot": list(replies)})
    async with outbound(sink.port) as out:
        got = [only(await out.deliver()) for _ in replies]
    assert [(r.outcome, r.code, r.enhanced, r.text) for r in got] == [
        (Outcome.BOUNCED, 550, "5.7.2", ""),
        (Outcome.DELIVERED, 250, "2.0.0", ""),
        (Outcome.BOUNCED, 550, "5.0.0", "2.0.0 x"),
        (Outcome.BOUNCED, 577, "5.0.0", "?t?"),
        (Outcome.DELIVERED, 299, "2.0.0", "a b"),
        (Outcome.PENDING, 498, "4.0.0", "z"),
    ]


async def test_stray_line_ends_never_reach_the_wire(smtp_sink):
    """CASES E3: bare CR and LF become CRLF, dots are stuffed, and no second letter can be smuggled in."""
    sink = await smtp_sink()
    body = b"Subject: x\n\nfirst\n.\nMAIL FROM:<evil@x>\r.\r\nRCPT TO:<v@x>\r\n.\rDATA\n\r\nlast"
    async with outbound(sink.port) as out:
        result = await out.deliver(None, content(body))
    (letter,) = sink.letters
    assert only(result).outcome is Outcome.DELIVERED
    assert letter.raw.replace(b"\r\n", b"").count(b"\r") == letter.raw.replace(b"\r\n", b"").count(b"\n") == 0
    lines = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    assert letter.body.split(b"\r\n") == [*lines, b""]
    assert letter.rcpts == ("b@theirs.test",)


async def test_long_lines_are_broken_as_the_limit_asks(smtp_sink):
    """RFC 5321 4.5.3.1.6: a line above 998 octets is broken with CRLF SP, so that no peer has to refuse the letter."""
    sink = await smtp_sink()
    async with outbound(sink.port) as out:
        await out.deliver(None, content(b"Subject: x\r\n\r\n" + b"y" * 200_000 + b"\r\n"))
    (letter,) = sink.letters
    lines = letter.raw.split(b"\r\n")
    assert max(map(len, lines)) == 998
    assert letter.raw.replace(b"\r\n ", b"").count(b"y") == 200_000


async def test_slow_reply_to_the_dot_is_waited_for(smtp_sink):
    """CASES C2: the dot's reply has a time of its own (ten minutes by default), longer than the attempt has left."""
    sink = await smtp_sink(script={"dot": Do(reply="250 2.0.0 at last", delay=0.6)})
    async with outbound(sink.port, timeouts=quick(dot=5.0), limits=AttemptLimits(total=0.4)) as out:
        result = await out.deliver()
    assert only(result).outcome is Outcome.DELIVERED
    assert Timeouts().dot == 600.0


async def test_address_that_cannot_be_written_bounces(smtp_sink):
    """CASES E16: an address with a line end or a bracket never becomes a command."""
    sink = await smtp_sink()
    evil = "b@theirs.test>\r\nRCPT TO:<v@x"
    async with outbound(sink.port) as out:
        result = await out.deliver(claim(evil, "b@theirs.test"))
        sender = await out.deliver(claim(sender="a@b> BODY=8BITMIME\r\nX"))
    assert [(r.outcome, r.enhanced) for r in result.recipients] == [
        (Outcome.BOUNCED, "5.1.3"),
        (Outcome.DELIVERED, "2.0.0"),
    ]
    assert only(sender).enhanced == "5.1.7"
    assert sink.letters[0].rcpts == ("b@theirs.test",)
