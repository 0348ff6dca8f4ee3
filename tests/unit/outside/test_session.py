"""The sink's SMTP session: octets in, replies and letters out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.outside import world
from yubin.outside.session import LINE_LIMIT, RECIPIENT_LIMIT, Received, Session

HELLO = b"EHLO me.example\r\n"
LETTER = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<u@accepts.example>\r\nDATA\r\nSubject: x\r\n\r\n..dot\r\nbody\r\n.\r\n"


def session(*, tls: bool = False) -> tuple[Session, list[Received]]:
    kept: list[Received] = []

    def keep(letter: Received) -> str:
        kept.append(letter)
        return f"Letter {len(kept)}"

    return Session(name="mx.test", rule=world.rule, keep=keep, can_start_tls=tls), kept


def codes(replies: bytes) -> list[str]:
    return [line[:3].decode() for line in replies.split(b"\r\n") if line and line[3:4] == b" "]


def test_a_letter_is_kept_as_it_was_sent():
    """Pipelined, the dot taken away again, the envelope with its parameters."""
    one, kept = session()
    letter = LETTER.replace(b"example>\r\nDATA", b"example> NOTIFY=NEVER\r\nDATA")
    letter = letter.replace(b"b.example>", b"b.example> SIZE=9 BODY=8BITMIME ENVID=x")
    assert codes(one.feed(HELLO + letter)) == ["250", "250", "250", "354", "250"]
    assert kept[0].data == b"Subject: x\r\n\r\n.dot\r\nbody\r\n"
    assert (kept[0].sender, kept[0].recipients) == ("a@b.example", ("u@accepts.example",))
    assert (kept[0].mail_parameters, kept[0].rcpt_parameters) == (
        "SIZE=9 BODY=8BITMIME ENVID=x",
        ("NOTIFY=NEVER",),
    )


@given(st.lists(st.integers(1, 40), max_size=40))
def test_the_cut_of_the_octets_never_matters(cuts):
    """However TCP cuts the stream, the replies and the letter are the same."""
    whole, cut = session(), session()
    stream = HELLO + LETTER + LETTER + b"QUIT\r\n"
    replies, at = b"", 0
    for size in [*cuts, len(stream)]:
        replies += cut[0].feed(stream[at : at + size])
        at += size
    assert replies == whole[0].feed(stream)
    assert cut[1] == whole[1]
    assert len(cut[1]) == 2


@pytest.mark.parametrize(
    ("recipient", "code"),
    [
        ("u@accepts.example", "250"),
        ("u@refuses.example", "550"),
        ("u@Later.Example", "451"),
        ("u@any.example", "250"),
    ],
)
def test_the_domain_decides_about_the_recipient(recipient, code):
    """accepts, 550 5.1.1, 451 4.7.1; a domain that the world does not know is accepted."""
    one, _ = session()
    one.feed(HELLO + b"MAIL FROM:<>\r\n")
    assert codes(one.feed(f"RCPT TO:<{recipient}>\r\n".encode())) == [code]


def test_without_a_recipient_there_is_no_data():
    """RFC 5321 4.1.1.4: 554 when none was accepted, also pipelined."""
    one, kept = session()
    replies = one.feed(HELLO + b"MAIL FROM:<>\r\nRCPT TO:<u@refuses.example>\r\nDATA\r\n")
    assert codes(replies) == ["250", "250", "550", "554"]
    assert kept == []


@pytest.mark.parametrize(
    "line",
    [
        b"MAIL FROM:<a@b>",
        b"RCPT TO:<a@b>",
        b"DATA",
        b"STARTTLS",
        b"AUTH PLAIN x",
        b"\xff\xfe",
        b"MAIL TO:<a@b>",
        b"",
    ],
)
def test_a_command_out_of_order_is_refused(line):
    """Before EHLO, or unknown: 5xx, and the session goes on."""
    one, _ = session()
    assert codes(one.feed(line + b"\r\n"))[0][0] == "5"
    assert codes(one.feed(HELLO)) == ["250"]


def test_a_parameter_that_was_not_offered_is_refused():
    """RFC 5321 4.1.1.11: 555, so that a client that ignores EHLO is noticed."""
    one, _ = session()
    assert codes(one.feed(HELLO + b"MAIL FROM:<a@b> REQUIRETLS\r\n")) == ["250", "555"]


def test_a_bare_line_feed_ends_nothing():
    """RFC 5321 2.3.8: only CRLF ends a line, only CRLF.CRLF a letter."""
    one, kept = session()
    one.feed(HELLO + b"MAIL FROM:<>\r\nRCPT TO:<u@accepts.example>\r\nDATA\r\n")
    assert one.feed(b"a\n.\nMAIL FROM:<x@y>\r\n\n.\r\n\r.\r\n") == b""
    assert codes(one.feed(b"\r\n.\r\n")) == ["250"]
    assert len(kept) == 1


def test_what_follows_starttls_in_clear_is_thrown_away():
    """RFC 3207 4.2: an injected command never counts; after the handshake all begins anew."""
    one, kept = session(tls=True)
    assert b"250 STARTTLS" in one.feed(HELLO)
    assert codes(one.feed(b"STARTTLS\r\n" + LETTER)) == ["220"]
    assert one.starts_tls
    assert one.feed(LETTER) == b""
    one.secured()
    assert codes(one.feed(b"MAIL FROM:<a@b>\r\n")) == ["503"]
    assert b"STARTTLS" not in one.feed(HELLO)
    one.feed(LETTER)
    assert [letter.tls for letter in kept] == [True]


def test_lines_recipients_and_errors_are_bounded():
    """A client out of control is sent away."""
    one, _ = session()
    assert codes(one.feed(b"x" * (LINE_LIMIT + 1))) == ["500"]
    assert one.over
    two, _ = session()
    two.feed(HELLO + b"MAIL FROM:<>\r\n")
    replies = codes(two.feed(b"RCPT TO:<u@accepts.example>\r\n" * (RECIPIENT_LIMIT + 1)))
    assert replies.count("452") == 1
    assert codes(two.feed(b"NONSENSE\r\n" * 30))[-1] == "421"


@given(st.binary(max_size=300))
def test_any_octets_get_an_answer_and_no_exception(octets):
    """Whatever comes, the session lives or says why it ends."""
    one, _ = session()
    one.feed(HELLO)
    replies = one.feed(octets.replace(b"\n", b"\r\n") + b"\r\n")
    assert all(code[0] in "2345" for code in codes(replies))
