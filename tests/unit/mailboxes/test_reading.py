"""Reading a letter once: what is kept beside it, and how little that costs whatever it is."""

from __future__ import annotations

import random
import re
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.mail.timing import SMALL, SMALL_LIMIT, within
from yubin.imap.bodystructure import bodystructure
from yubin.mail import mime, structure, summary
from yubin.mailboxes.reading import index_words, read


def test_what_is_kept():
    """Envelope, structure, summary and words of one letter agree."""
    raw = b"From: a@b.example\r\nSubject: =?utf-8?B?5bGx?=\r\n\r\nbody\r\n"
    parsed = read(raw)
    assert parsed.envelope.startswith(b'(NIL "=?utf-8?B?5bGx?=" ((NIL NIL "a" "b.example"))')
    assert structure.unpack(parsed.structure) == mime.parse(raw)
    assert summary.unpack(parsed.summary).subject == "山"
    header, body = index_words(raw)
    assert {"山", "a@b.example"} <= header
    assert body == {"body"}


def thread(fields: str) -> str:
    return read(f"{fields}\r\n\r\nbody".encode()).thread


def test_letters_of_a_conversation_have_one_thread():
    """RFC 8474 5.2: the first letter, its reply, and a reply to that one; another letter has another."""
    first = thread("Message-ID: <one@x>")
    assert thread("Message-ID: <two@x>\r\nIn-Reply-To: <one@x>") == first
    assert thread("Message-ID: <three@x>\r\nIn-Reply-To: <two@x>\r\nReferences: <one@x> <two@x>") == first
    assert thread("Message-ID: <four@x>") != first
    assert re.fullmatch("[A-Z0-9]{1,40}", first)


def test_letters_without_ids_are_alone():
    """The same octets are the same thread, other octets another."""
    assert thread("Subject: a") == thread("Subject: a")
    assert thread("Subject: a") != thread("Subject: b")


@pytest.mark.parametrize(
    "raw", [b"", b"\r\n", b"\r\n\r\n", b"A: b", b"A: b\r\n", b"no header\r\n", b"\0", b"\xff" * 100]
)
def test_letters_that_are_hardly_any(raw):
    """CASES G8, G11: empty, a header only, line ends only, noise."""
    parsed = read(raw)
    assert structure.unpack(parsed.structure).end == len(raw)
    assert index_words(raw) is not None


@given(
    st.binary(max_size=500), st.sampled_from([b"", b"Content-Type: multipart/x; boundary=a\r\n\r\n--a\r\n"])
)
def test_any_octets_can_be_kept(noise, before):
    """Nothing raises, and both readings are of the same letter."""
    raw = before + noise.replace(b"\0", b"\n--a\n").replace(b"\1", b"\n").replace(b"\2", b": ")
    parsed = read(raw)
    assert structure.unpack(parsed.structure) == mime.parse(raw)
    summary.unpack(parsed.summary)
    index_words(raw)


def test_a_bad_utf_8_tail():
    """CASES G8: in header and body."""
    parsed = read("Subject: 山田".encode()[:-1] + b"\r\n\r\n" + "山田".encode()[:-1])
    assert summary.unpack(parsed.summary).subject == "山\ufffd"
    assert summary.unpack(parsed.summary).preview == "山\ufffd"


def test_a_line_of_a_megabyte():
    """CASES G8: in the header, without a colon, and with one."""
    for line in (b"x" * 1_000_000, b"Subject: " + b"x" * 1_000_000):
        raw = line + b"\r\nFrom: a@b\r\n\r\nbody"
        assert within(0.5, lambda raw=raw: read(raw))
        assert structure.unpack(read(raw).structure).end == len(raw)


@pytest.mark.parametrize(
    ("encoding", "piece"),
    [
        ("quoted-printable", b"=\r\n"),
        ("base64", b"QUFB"),
        ("8bit", b"a b\xe5\xb1\xb1 "),
        ("base64", b"5bGxIHg="),
    ],
)
def test_fifty_megabytes_cost_little_memory(encoding, piece):
    """CASES G9: soft breaks only, base64 in one line: at most 64 MB beyond the letter, and a few seconds."""
    head = f"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
    raw = head + piece * (50 * 1024 * 1024 // len(piece))
    tracemalloc.start()
    try:
        read(raw)
        index_words(raw)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64 * 1024 * 1024
    assert within(1, lambda: read(raw))
    assert within(10, lambda: index_words(raw))


# ── no 64 KiB cost more than others (design I7): each list is a parser's, each entry what could be quadratic in it ──


def repeated(piece: bytes, size: int = SMALL) -> bytes:
    return (piece * (size // len(piece) + 1))[:size]


SIGNS = [
    *(
        b"(",
        b")",
        b'"',
        b'\\"',
        b'"\\"',
        b"\\",
        b"<",
        b">",
        b"@",
        b",",
        b";",
        b":",
        b"<@,",
        b"a@:",
        b"g:;",
        b"(((a",
        b"[",
        b"[a]",
    ),
    *(
        b"=?",
        b"=?a?b?",
        b"=?utf-8?q?=41?=",
        b"=?utf-8?b?4pi?= ",
        b"=?a?q?x?= =?b?q?y?= ",
        b"a=",
        b"; a*0=b",
        b"a*=b;",
        b'a="',
    ),
    *(
        b" \n ",
        b" ",
        b"\t",
        b"\0",
        b"\xff",
        b"\x1b$B",
        b"\x1b$G!",
        b"\x82\xa0",
        b"re:",
        b"[re",
        b"(fwd)",
        b"[fwd:",
        b"<a>",
        b"a.b@c ",
    ),
]
FIELDS = [
    b"From",
    b"To",
    b"Subject",
    b"Date",
    b"References",
    b"Content-Type",
    b"Content-Disposition",
    b"Content-Language",
    b"X-Other",
]


@pytest.mark.parametrize("field", FIELDS)
def test_no_field_is_expensive(field):
    """CASES G4, G6, G8, G13: comments, quotes, encoded words, parameters, brackets, without end."""
    for sign in SIGNS:
        raw = field + b": " + repeated(sign) + b"\r\n\r\n"
        assert within(SMALL_LIMIT, lambda raw=raw: (read(raw), index_words(raw))), sign


LINES = [
    b"a\n",
    b"a:\n",
    b"a:\n\n",
    b":\n",
    b"\n ",
    b"\r",
    b"--\n",
    b"--b\n",
    b"--b\n\n",
    b"--b\na\n",
    b"--b--\n",
    b"content-type:a/b\n",
    b"--b",
]


def _nested(boundaries: list[bytes], piece: bytes) -> bytes:
    head = b"".join(b"Content-Type: multipart/a; boundary=%b\n\n--%b\n" % (one, one) for one in boundaries)
    return head + repeated(piece, SMALL - len(head))


STRUCTURES = {
    "header": [repeated(line) for line in LINES],
    "multipart": [b"Content-Type: multipart/a; boundary=b\n\n" + repeated(line) for line in LINES],
    "digest": [b"Content-Type: multipart/digest; boundary=b\n\n" + repeated(b"--b\n\n\n")],
    "letters": [repeated(b"Content-Type: message/rfc822\n\n")],
    "deep": [
        _nested([b"%d." % i for i in range(100)], piece)
        for piece in (b"--99.\n\n", b"--50.\n\n", b"--0.\n", b"--\n", b"x\n--")
    ],
    "alike": [
        _nested([b"a", *(b"b%d" % i for i in range(97)), b"ab"], b"--ab\n\n"),
        _nested([b"a" * i for i in range(1, 99)], b"--a\n\n"),
        _nested([b"a"] * 99, b"--a\n\n"),
    ],
    "siblings": [
        b"Content-Type: multipart/a; boundary=b\n\n"
        + b"".join(b"--b\nContent-Type: multipart/a; boundary=c%d\n\n" % i for i in range(1500))
    ],
}


@pytest.mark.parametrize("kind", STRUCTURES)
def test_no_structure_is_expensive(kind):
    """CASES G1, G2: boundaries that never come, that begin alike, that are everywhere."""
    for raw in STRUCTURES[kind]:
        assert within(SMALL_LIMIT, lambda raw=raw: read(raw)), raw[:60]
        assert within(SMALL_LIMIT, lambda raw=raw: index_words(raw)), raw[:60]
        part = mime.parse(raw)
        assert within(SMALL_LIMIT, lambda part=part: bodystructure(part, extended=True)), raw[:60]


HTML = [
    *(
        b"<",
        b"<a",
        b"<!--",
        b"<!--x-->",
        b"<script",
        b"<script>",
        b"<style></",
        b"<img alt",
        b"<img alt=",
        b'<img alt="',
        b"<p>",
        b"</",
    ),
    *(
        b"&",
        b"&#",
        b"&#1",
        b"&#1;",
        b"&a;",
        b"&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        b"&lt;",
        b"<b>a</b>",
        b"alt=",
        b"<br",
        b'<img alt="a">',
    ),
]


@pytest.mark.parametrize("before", [b"", b"<img ", b"<!--", b"<script>"])
def test_no_html_is_expensive(before):
    """Tags, comments, scripts and entities without end."""
    for piece in HTML:
        raw = b"Content-Type: text/html\n\n" + before + repeated(piece)
        assert within(SMALL_LIMIT, lambda raw=raw: (read(raw), index_words(raw))), piece


TEXTS = [
    *(
        "a b ",
        "a.",
        "a.b.c.d.e.f.g.h ",
        "a@b.c ",
        "サー",
        "ー",
        "ぁ",
        "\u0301",
        "a\u0315\u0301",
        "\ufdfa",
        "ﬃ",
        "㌀",
        "हि",
        "ก",
        "ŉ",
        "がﾞ",
        "漢",
        "漢 ",
    ),
]
OCTETS = [
    b"\x1b$B",
    b"\x1b$B!!\xff",
    b"\x1b$B-!",
    b"\x1b$(D!!",
    b"\x1b(I!",
    b"\x1b$G!\x0f",
    b"\x0e!",
    b"\xad\xa1",
    b"\x8f\xb0\xa1",
    b"+2AA-",
    b"~{AA",
]
SETS = [
    "utf-8",
    "utf-7",
    "utf-16",
    "iso-2022-jp",
    "shift_jis",
    "euc-jp",
    "gb18030",
    "big5",
    "iso-2022-kr",
    "hz-gb-2312",
    "x-unknown",
]


@pytest.mark.parametrize("name", SETS)
def test_no_character_set_is_expensive(name):
    """Escapes, halves of characters, marks to be sorted, characters that become eighteen, noise."""
    noise = random.Random(1).randbytes(SMALL)
    for body in [*(repeated(text.encode()) for text in TEXTS), *map(repeated, OCTETS), noise]:
        raw = f"Content-Type: text/plain; charset={name}\n\n".encode() + body
        assert within(SMALL_LIMIT, lambda raw=raw: read(raw)), body[:20]
        assert within(2 * SMALL_LIMIT, lambda raw=raw: index_words(raw)), body[:20]  # in the background


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "x-uuencode"])
def test_no_transfer_encoding_is_expensive(encoding):
    """Garbage between letters, padding, soft breaks, empty lines."""
    for piece in (
        b"=",
        b"A",
        b"A=",
        b"AA==",
        b"-",
        b"= ",
        b"=\n",
        b"=\r",
        b"=4",
        b"\n",
        b"!\n",
        b"!aaaa\n",
        b"= \n",
        b"M" + b"a" * 60 + b"\n",
    ):
        raw = f"Content-Transfer-Encoding: {encoding}\n\n".encode() + repeated(piece)
        assert within(SMALL_LIMIT, lambda raw=raw: (read(raw), index_words(raw))), piece
