"""Letters for peers without 8BITMIME, read back by Python's own e-mail package."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.smtp.sevenbit import convert

HEAD = b"From: a@b\r\nMIME-Version: 1.0\r\n"
TEXT = "日本語 = été\r\n..\r\nfrom here \r\n"


def leaves(raw: bytes) -> list[tuple[str, bytes]]:
    """(type, decoded content) of every leaf."""
    letter = email.message_from_bytes(raw, policy=email.policy.SMTP)
    return [
        (part.get_content_type(), part.get_payload(decode=True))
        for part in letter.walk()
        if not part.is_multipart()
    ]


def part(kind: str, encoding: str | None, body: bytes) -> bytes:
    label = f"Content-Transfer-Encoding: {encoding}\r\n" if encoding else ""
    return f"Content-Type: {kind}\r\n{label}\r\n".encode() + body


def mixed(*parts: bytes, boundary: bytes = b"b+(1)") -> bytes:
    inner = b"".join(b"\r\n--" + boundary + b"\r\n" + each for each in parts)
    kind = (
        b'Content-Type: multipart/mixed;\r\n boundary="'
        + boundary
        + b'"\r\nContent-Transfer-Encoding: 8bit\r\n'
    )
    return kind + b"\r\npreamble" + inner + b"\r\n--" + boundary + b"--\r\nepilogue\r\n"


@pytest.mark.parametrize("encoding", ["8bit", "8BIT", None])
def test_text_becomes_quoted_printable(encoding):
    """CASES C13: a text in UTF-8 is the same text, in ASCII, with its new encoding named once."""
    letter = HEAD + part("text/plain; charset=utf-8", encoding, TEXT.encode())
    made = convert(letter)
    assert made.isascii()
    assert leaves(made) == [("text/plain", TEXT.encode())]
    assert made.lower().count(b"content-transfer-encoding") == 1
    assert max(map(len, made.split(b"\r\n"))) <= 76


def test_bytes_become_base64():
    """What is no text, or says that it is binary, is kept exactly."""
    data = bytes(range(256)) * 20
    assert leaves(convert(HEAD + part("image/png", "binary", data))) == [("image/png", data)]


def test_parts_in_ascii_stay_byte_for_byte():
    """Of a multipart only the parts that need it change; containers are labelled 7bit."""
    plain = part("text/plain", "7bit", b"plain = text  \r\n.\r\n")
    coded = part("image/png", "base64", b"AAAA\r\n")
    inner = mixed(part("text/html", "8bit", "<p>é</p>".encode()), plain, boundary=b"inner")
    letter = HEAD + mixed(
        plain,
        coded,
        inner,
        part("message/rfc822", "8bit", b"Subject: x\r\n" + part("text/plain", "8bit", b"\xe9")),
    )
    letter = letter.replace(b"Subject: x\r\n", b"Subject: x\r\nMIME-Version: 1.0\r\n")
    made = convert(letter)
    assert made.isascii()
    assert made.count(plain) == 2
    assert made.count(coded) == 1
    assert leaves(made) == leaves(letter)
    assert b"8bit" not in made


def test_letter_in_ascii_is_returned_as_it_is():
    """Nothing to do, nothing done."""
    assert convert(b"no header at all\r\n") == b"no header at all\r\n"


@pytest.mark.parametrize(
    "letter",
    [
        b"From: a@b\r\n\r\n\xe9\r\n",
        HEAD + b"Subject: \xe9\r\n\r\nx\r\n",
        HEAD + part("text/plain", "base64", b"\xe9"),
        HEAD + part("text/plain", "quoted-printable", b"\xe9"),
        HEAD + part("text/plain", "8bit\r\nContent-Transfer-Encoding: 7bit", b"\xe9"),
        HEAD + mixed(part("text/plain", "8bit", b"\xe9")).replace(b"mixed", b"signed"),
        HEAD + mixed(part("text/plain", "8bit", b"\xe9")).replace(b"preamble", b"\xe9"),
        HEAD + mixed(part("text/plain", "8bit", b"\xe9")).replace(b"epilogue", b"\xe9"),
        HEAD + mixed(part("text/plain", "8bit", b"\xe9")).replace(b"--b+(1)--", b""),
        HEAD + b"Content-Type: multipart/mixed\r\n\r\n--x\r\n\r\n\xe9\r\n--x--\r\n",
        HEAD + part("message/partial", "8bit", b"\xe9"),
        HEAD + part("nonsense", "8bit", b"\xe9"),
        HEAD + b"no field\r\n\xe9",
        HEAD + b"x: y\r\n" * 3000 + b"\r\n\xe9",
    ],
)
def test_what_would_not_be_surely_right_is_not_touched(letter):
    """CASES C13: such a letter comes back with 5.6.3 instead."""
    assert convert(letter) is None


def test_nesting_is_bounded():
    """CASES G1: a letter nested beyond a bound is not followed."""
    letter = part("text/plain", "8bit", b"\xe9")
    for level in range(30):
        letter = mixed(letter, boundary=b"b%d" % level)
    assert convert(HEAD + letter) is None


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=300), st.binary(max_size=300)
)
def test_any_content_survives(text, data):
    """Whatever a letter holds, it holds it still."""
    letter = EmailMessage(policy=email.policy.SMTP.clone(cte_type="8bit"))
    letter["Subject"] = "x"
    letter.set_content(text, cte="8bit" if text.isascii() is False else "7bit")
    letter.add_attachment(data, maintype="application", subtype="octet-stream")
    raw = letter.as_bytes()
    made = convert(raw)
    assert made is not None
    assert made.isascii()
    assert leaves(made) == leaves(raw)
