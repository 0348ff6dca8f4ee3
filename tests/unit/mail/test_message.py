"""What submission adds and takes away, and that it leaves all else alone."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.errors import Invalid
from yubin.mail.header import scan
from yubin.mail.message import complete

TERMS = {"now": 0.0, "number": "0123456789ABCDEFGHJKMNPQRS", "domain": "example.org"}


def test_missing_fields_are_added():
    """RFC 6409 8.2, 8.3: Date and Message-ID, and From, which RFC 5322 3.6 demands."""
    letter = complete(b"Subject: x\r\n\r\nbody\r\n", **TERMS, sender="a@example.org")
    assert letter.join() == (
        b"From: <a@example.org>\r\nDate: Thu, 1 Jan 1970 00:00:00 +0000\r\n"
        b"Message-ID: <0123456789ABCDEFGHJKMNPQRS@example.org>\r\nSubject: x\r\n\r\nbody\r\n"
    )


def test_what_is_there_stays_byte_for_byte():
    """A complete letter leaves as it came, odd spacing and 8-bit bytes and all."""
    raw = b"from:  a@b \r\nDATE:x\r\nmessage-id:\t<q@r>\r\nX:\xff\r\n\ty\r\n\r\n\x00\xff body without end"
    letter = complete(raw, **TERMS)
    assert letter.join() == raw
    assert letter.message_id == "<q@r>"
    assert letter.size == len(raw)


def test_bcc_never_leaves():
    """RFC 5322 3.6.3, RFC 5321 4.4: Bcc, Resent-Bcc, Return-Path and Content-Length go, folds and all."""
    raw = (
        b"Bcc: a@b,\r\n c@d\r\nFrom: a@b\r\nbCC : e@f\r\nDate: x\r\nResent-Bcc: g@h\r\nMessage-ID: <1@2>\r\n"
        b"Return-Path: <x@y>\r\nContent-Length: 5\r\n\r\nBcc: in the body\r\n"
    )
    expected = b"From: a@b\r\nDate: x\r\nMessage-ID: <1@2>\r\n\r\nBcc: in the body\r\n"
    assert complete(raw, **TERMS).join() == expected


def test_a_letter_without_a_header_gets_one():
    """CASES G8: text without a header becomes the body, behind an empty line that all readers see."""
    letter = complete(b"hello\r\nthere: you\r\n", **TERMS, sender="a@b.org").join(b"Received: x\r\n")
    header, _, body = letter.partition(b"\r\n\r\n")
    assert body == b"hello\r\nthere: you\r\n"
    assert [line.split(b":")[0] for line in header.split(b"\r\n")] == [
        b"Received",
        b"From",
        b"Date",
        b"Message-ID",
    ]


def test_an_empty_letter_gets_a_header():
    """CASES G11."""
    assert complete(b"", **TERMS).join().endswith(b"@example.org>\r\n\r\n")


def test_a_header_that_ends_in_mid_line_is_ended():
    assert (
        complete(b"Date: x\r\nMessage-ID: <1@2>\r\nFrom: a@b", **TERMS).join().endswith(b"From: a@b\r\n\r\n")
    )


@pytest.mark.parametrize("name", ["From", "Sender", "Subject", "Date", "To", "Message-ID", "Reply-To"])
def test_a_second_from_is_refused(name):
    """RFC 5322 3.6, CASES F5: a receiver that shows the other one would be deceived."""
    with pytest.raises(Invalid) as refused:
        complete(f"{name}: <a@b>\r\n{name.upper()}: <c@d>\r\n\r\n".encode(), **TERMS)
    assert (refused.value.code, refused.value.enhanced) == (550, "5.6.0")


def test_the_body_is_copied_once():
    """10 MB of body: completing takes kilobytes, joining one copy."""
    raw = b"From: a@b\r\nBcc: c@d\r\n\r\n" + b"x" * 10_000_000
    tracemalloc.start()
    letter = complete(raw, **TERMS)
    assert tracemalloc.get_traced_memory()[1] < 100_000
    whole = letter.join()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < len(whole) + 100_000


field = st.sampled_from(
    [
        "From: a@b",
        "Bcc: v@w",
        "BCC:\tv@w\r\n x@y",
        "Date: x",
        "Subject: s",
        "X: y",
        "no field",
        "",
        "Resent-Bcc: q",
    ]
)


@given(st.lists(field, max_size=8), st.binary(max_size=40))
def test_whatever_comes_leaves_complete(lines, body):
    """CASES G8: of any letter either a refusal comes, or one with From, Date, Message-ID once each, no Bcc, the same body."""
    raw = "\r\n".join([*lines, "", ""]).encode() + body
    try:
        whole = complete(raw, **TERMS, sender="a@b").join()
    except Invalid:
        return
    headers = scan(whole)
    names = [f.name for f in headers.fields]
    assert headers.closed
    assert all(names.count(name) == 1 for name in ("from", "date", "message-id"))
    assert not {"bcc", "resent-bcc"} & set(names)
    assert whole[headers.body :] == raw[scan(raw).body :]
