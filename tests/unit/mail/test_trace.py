"""The Received field: complete, and closed to what a client says of itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.mail.header import scan
from yubin.mail.trace import protocol, received

CALL = {
    "helo": "laptop",
    "address": "192.0.2.7",
    "host": "mx.example.org",
    "protocol": "ESMTPSA",
    "number": "0123456789ABCDEFGHJKMNPQRS",
    "now": 0.0,
}


def test_the_field_of_a_submission():
    """RFC 5321 4.4: from, by, with, id and date, in this order; the id is the tracking number."""
    text = received(
        **CALL, reverse="host.example.net", recipient="bob@example.net", tls="TLSv1.3 TLS_AES_256_GCM_SHA384"
    )
    assert text == (
        b"Received: from laptop (host.example.net [192.0.2.7])\r\n"
        b"\tby mx.example.org (Yubin) with ESMTPSA\r\n"
        b"\t(using TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n"
        b"\tid 0123456789ABCDEFGHJKMNPQRS\r\n"
        b"\tfor <bob@example.net>;\r\n"
        b"\tThu, 1 Jan 1970 00:00:00 +0000\r\n"
    )


def test_the_client_can_be_left_out():
    """A setting hides where the sender sits: neither name nor address remain."""
    text = received(**CALL | {"address": None})
    assert b"192.0.2.7" not in text
    assert b"laptop" not in text


def test_an_ipv6_client_is_written_as_a_literal():
    """RFC 5321 4.1.3."""
    assert b"([IPv6:2001:db8::1])" in received(**CALL | {"address": "2001:db8::1"})


@pytest.mark.parametrize(
    ("facts", "keyword"),
    [
        ({}, "ESMTP"),
        ({"esmtp": False}, "SMTP"),
        ({"tls": True}, "ESMTPS"),
        ({"tls": True, "auth": True}, "ESMTPSA"),
        ({"auth": True, "tls": True, "utf8": True}, "UTF8SMTPSA"),
    ],
)
def test_the_with_keyword(facts, keyword):
    """RFC 3848 and RFC 6531 4.3."""
    assert protocol(**facts) == keyword


@given(st.text(max_size=400), st.text(max_size=400), st.text(max_size=400))
def test_nothing_a_client_says_adds_a_field_or_ends_a_comment(helo, reverse, recipient):
    """CASES E16, L9: whatever HELO, PTR and RCPT hold, one field comes out, and its parentheses are ours."""
    text = received(**CALL | {"helo": helo}, reverse=reverse, recipient=recipient)
    headers = scan(text)
    assert [f.name for f in headers.fields] == ["received"]
    assert headers.end == len(text)
    assert text.split(b"for <")[0].count(b"(") == 2
