"""Encoded words, read back by Python's email package."""

from __future__ import annotations

import email
import email.policy
from email.header import decode_header, make_header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.mail import encoded

writable = st.text(max_size=300).filter(lambda text: not encoded.forbidden(text) and "\t" not in text)


@given(writable)
def test_a_subject_survives_and_stays_short(text):
    """RFC 2047 2: any text comes back from an independent reader; no line is longer than 78, or a word too long."""
    field = encoded.unstructured("Subject", text)
    assert field.isascii()
    assert field.endswith(b"\r\n")
    read = email.message_from_bytes(field + b"\r\n", policy=email.policy.compat32)["Subject"] or ""
    back = str(make_header(decode_header(read.replace("\r\n", "").replace("\n", ""))))
    assert back.strip() == text.strip()
    if not text.isascii():
        assert max(map(len, field.split(b"\r\n"))) <= 78


@given(writable)
def test_what_we_write_we_can_read(text):
    """``decode`` gives back what ``unstructured`` was given."""
    field = encoded.unstructured("Subject", text).decode().removeprefix("Subject:").replace("\r\n", "")
    assert encoded.decode(field).strip() == text.strip()


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Bob", "Bob"),
        ("Bob Q.", '"Bob Q."'),
        ('a"b', '"a\\"b"'),
        ("山田", "=?utf-8?B?5bGx55Sw?="),
        ("=?x", "=?utf-8?B?PT94?="),
    ],
)
def test_display_names(text, written):
    """RFC 5322 3.2.5, RFC 2047 5 (3): atoms, quoted strings, encoded words."""
    assert encoded.phrase(text) == written


@pytest.mark.parametrize("text", ["a\r\nBcc: x", "a\nb", "a\rb", "\0", "\x1b[31m", "a\u2028b", "\x85"])
def test_what_ends_a_line_is_forbidden(text):
    """CASES E16."""
    assert encoded.forbidden(text)


@pytest.mark.parametrize("text", ["件名　全角", "tab\there", "é", "😀", "a\u00a0b"])
def test_what_people_write_is_allowed(text):
    """A full-width space is no control character."""
    assert not encoded.forbidden(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("=?ISO-2022-JP?B?GyRCOzMbKEI=?=", "山"),
        ("=?utf-8?q?caf=C3=A9_x?=", "café x"),
        ("=?utf-8?B?5bGx?= =?utf-8?B?55Sw?= end", "山田 end"),
        ("=?idna?B?eHh4?=", "=?idna?B?eHh4?="),
        ("=?utf-8?B?/w==?=", "=?utf-8?B?/w==?="),
        ("=?nonsense?B?eA==?=", "=?nonsense?B?eA==?="),
        ("plain", "plain"),
    ],
)
def test_reading(value, text):
    """Broken words and unknown character sets stay as they are."""
    assert encoded.decode(value) == text


@given(st.text(max_size=200))
def test_reading_never_fails(text):
    encoded.decode("=?utf-8?B?" + text + "?= =?utf-8?q?" + text + "?=")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b" plain\r\n folded ", "plain folded"),
        (b"=?ISO-2022-JP?B?GyRCOzMbKEI=?=", "山"),
        (b"=?utf-8?B?5bE=?= =?utf-8?B?sQ==?=", "山"),
        (b"=?utf-8?Q?=E5=B1?=\r\n =?UTF-8*ja?Q?=B1?= x", "\ufffd\ufffd x"),
        (b"a =?utf-8?Q?b?= c =?utf-8?Q?d?= =?utf-8?Q?e?=", "a b c de"),
        (b"=?utf-8?Q?a b?=", "a b"),
        (b"=?utf-8?B?44GC44GE!?=", "あい"),
        (b"=?utf-8?B?44GCx?=", "あ"),
        (b"=?nonsense?Q?caf=E9?=", "café"),
        (b"=?utf-8?X?a?=", "=?utf-8?X?a?="),
        (b"=?utf-8?Q?no end", "=?utf-8?Q?no end"),
        (b"\x8e\x52\x93\x63\x82\xb3\x82\xf1", "山田さん"),
        (b"\x1b$B;3\x1b(B", "山"),
        (b"caf\xe9", "café"),
        (b"x\0y\x7f", "x y "),
        (b"=?utf-8?Q?a=0D=0Ab?=", "a b"),
    ],
)
def test_display(value, text):
    """CASES G8: for eyes: raw octets are guessed, characters cut between words are whole, controls are spaces."""
    assert encoded.display(value) == text


@given(st.binary(max_size=100), st.text("=?utf-8QBqb_ \n", max_size=60))
def test_display_never_fails(data, text):
    """Any octets are text, on one line."""
    shown = encoded.display(text.encode() + data + text.encode())
    assert not encoded.forbidden(shown.replace("\ufffe", ""))
