"""The summary of a letter: decoded, on one line, bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.errors import Internal
from yubin.mail import letterhead, mime, preview, summary
from yubin.mail.summary import Summary


def of(raw: bytes) -> Summary:
    headers, part = mime.read(raw)
    return summary.read(raw, headers, letterhead.read(headers), part)


def test_a_letter_in_japanese():
    """What a list of letters shows, and what sorting and threading compare."""
    read = of(
        b"Date: Wed, 1 Jul 2026 12:00:00 +0900\r\nFrom: =?ISO-2022-JP?B?GyRCOzNFRBsoQg==?= <taro@example.jp>\r\n"
        b'To: "Suzuki, H." <h@example.jp>, friends: a@b.example, c@d.example;\r\nCc: \xe5\xb1\xb1 <y@example.jp>\r\n'
        b"Subject: Re: =?UTF-8?B?44Oq?=\r\n =?UTF-8?B?44K5?= =?UTF-8?Q?=E3=83?= =?UTF-8?Q?=88?=\r\n"
        b"Message-ID: <m@example.jp>\r\nIn-Reply-To: your mail <r@example.jp> of today\r\n"
        b"References: <a@example.jp>\r\n <b@example.jp>\r\nContent-Type: text/plain; charset=shift_jis\r\n\r\n\x8e\x52\r\n\x93\x63"
    )
    assert (read.subject, read.base, read.reply) == ("Re: リスト", "リスト", True)
    assert read.from_ == "山田 <taro@example.jp>"
    assert read.to == "Suzuki, H. <h@example.jp>, friends: a@b.example, c@d.example;"
    assert read.cc == "山 <y@example.jp>"
    assert read.bcc == ""
    assert (read.message_id, read.in_reply_to) == ("m@example.jp", "r@example.jp")
    assert read.references == ("a@example.jp", "b@example.jp")
    assert read.date == 1782874800.0
    assert read.preview == "山 田"


@pytest.mark.parametrize("year", [b"0", b"0000", b"99999", b"9" * 50, b"-1"])
def test_a_year_that_is_none(year):
    """CASES G11: no date, and no exception."""
    assert of(b"Date: Wed, 1 Jul %b 12:00:00 +0900\r\n\r\n" % year).date is None


@pytest.mark.parametrize("raw", [b"", b"\r\n", b"\r\n\r\n", b"A: b", b"A: b\r\n"])
def test_letters_that_say_nothing(raw):
    """CASES G11: everything is empty."""
    assert of(raw) == Summary()


def test_references_are_bounded():
    """CASES G13: of a hundred thousand the last hundred that the header limit lets in."""
    read = of(
        b"References: "
        + b" ".join(b"<%d@x>" % i for i in range(100_000))
        + b"\r\nMessage-ID: <lost@x>\r\n\r\n"
    )
    assert len(read.references) == 100
    assert len(summary.pack(read)) < 10_000
    assert of(b"References: <%b>\r\n\r\n" % (b"x" * 5000)).references == ()


def test_text_is_on_one_line():
    """Controls, also encoded ones, are spaces; a subject has an end."""
    assert of(b"Subject: a\0b =?utf-8?Q?c=0D=0Ad?=\r\n\r\n").subject == "a b c d"
    assert len(of(b"Subject: " + b"x" * 100_000 + b"\r\n\r\n").subject) == summary.TEXT_LIMIT
    assert of(b"Subject: a\r\nSubject: b\r\n\r\n").subject == "a"


def test_many_addresses_are_cut():
    """A hundred of them are shown."""
    assert of(b"To: " + b"a@b, " * 5000 + b"\r\n\r\n").to.count("a@b") == summary.ADDRESSES


ALTERNATIVE = b"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>rich</p>\r\n--b\r\n%b--b--"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"\r\n one \t two\r\n\r\nthree ", "one two three"),
        (ALTERNATIVE % b"\r\nplain\r\n", "plain"),
        (ALTERNATIVE % b"\r\n  \r\n", "rich"),
        (ALTERNATIVE % b"Content-Disposition: attachment\r\n\r\nfile\r\n", "rich"),
        (b"Content-Type: image/png\r\n\r\nx", ""),
        (b"Content-Type: message/rfc822\r\n\r\n\r\ninside", ""),
        (b"\r\na\0\x01b\x7f", "a b"),
    ],
)
def test_previews(raw, shown):
    """RFC 8970: the first plain text, or HTML; no attachments."""
    assert preview.preview(raw, mime.parse(raw)) == shown


def test_a_preview_is_short():
    """RFC 8970 3.2: at most 200 characters, whatever they are."""
    assert len(preview.preview(b"", mime.parse(b""))) == 0
    raw = b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + "山".encode() * 5000
    assert preview.preview(raw, mime.parse(raw)) == "山" * 200


@given(st.binary(max_size=300))
def test_any_letter_has_a_summary(raw):
    """It survives being packed, and is one line of text everywhere."""
    read = of(
        b"Subject: "
        + raw.replace(b"|", b"\r\nFrom: ").replace(b"~", b"\r\nReferences: <").replace(b"}", b"=?utf-8?Q?")
    )
    assert summary.unpack(summary.pack(read)) == read
    for text in (read.subject, read.from_, read.preview, read.message_id, *read.references):
        assert "\n" not in text
        assert "\0" not in text


@pytest.mark.parametrize("data", [b"", b"\x02", b"\x01\xff", b"\x01\x91"])
def test_what_cannot_be_read_is_a_fault_of_ours(data):
    """A broken row is an answer of 4xx."""
    with pytest.raises(Internal):
        summary.unpack(data)
