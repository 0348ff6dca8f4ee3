"""Transfer encodings undone in pieces, and the text of HTML."""

from __future__ import annotations

import binascii
import quopri
import tracemalloc
from base64 import b64encode, encodebytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.mail.timing import within
from yubin.mail import content
from yubin.mail.hypertext import plain
from yubin.mail.mime import parse

BIG = 50 * 1024 * 1024


def letter(body: bytes, encoding: str, kind: str = "text/plain; charset=utf-8") -> bytes:
    return f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() + body


def whole(raw: bytes, chunk: int) -> bytes:
    return b"".join(content.pieces(raw, parse(raw), chunk))


@pytest.mark.parametrize(
    ("encoding", "body", "found"),
    [
        ("base64", b"aGVsbG8=", b"hello"),
        ("BASE64", b"aG\r\nVs bG\t8", b"hello"),
        ("base64", b"*aGV*sbG8=*trailing text", b"hello"),
        ("base64", b"aGVsbG8", b"hello"),
        ("base64", b"a", b""),
        ("base64", b"====", b""),
        ("quoted-printable", b"a=C3=A9=\r\nb=\nc", "aébc".encode()),
        ("quoted-printable", b"a= \t\r\nb", b"ab"),
        ("quoted-printable", b"100%= =ZZ", b"100%= =ZZ"),
        ("Quoted-Printable ; x", b"=41", b"A"),
        ("x-uuencode", b"begin 644 x\n%:&5L;&\\\n`\nend\n", b"hello"),
        ("8bit", b"\xff\0", b"\xff\0"),
        ("", b"as it is", b"as it is"),
        ("x-nobody-knows", b"as it is", b"as it is"),
    ],
)
def test_encodings(encoding, body, found):
    """RFC 2045 6: garbage between, padding left out, spaces before a soft break, unknown names."""
    for chunk in (8, 11, 1000):
        assert whole(letter(body, encoding), chunk if "uu" not in encoding else 1000) == found


@given(st.binary(max_size=300), st.integers(min_value=3, max_value=100))
def test_pieces_are_the_whole(data, chunk):
    """However it is cut: the pieces of what another program encoded give its octets back."""
    assert whole(letter(encodebytes(data).replace(b"\n", b"\r\n"), "base64"), chunk) == data
    assert whole(letter(b64encode(data), "base64"), chunk) == data
    printable = quopri.encodestring(data, quotetabs=True)  # its encoder may take CRLF for LF
    assert whole(letter(printable, "quoted-printable"), chunk) == quopri.decodestring(printable)


@given(st.text("=A1 \t\r\n-", max_size=80), st.sampled_from(["base64", "x-uuencode", "8bit"]))
def test_a_chunk_changes_nothing(body, encoding):
    """Nonsense is the same nonsense, cut or not."""
    raw = letter(body.encode(), encoding)
    assert whole(raw, 5) == whole(raw, 10_000)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"=\r\n" * (BIG // 3), "quoted-printable"),
        (b"=41" * (BIG // 3), "quoted-printable"),
        (b"QUFB" * (BIG // 4), "base64"),
        (b"\r\n" * (BIG // 2), "base64"),
        (b"= " * (BIG // 2), "quoted-printable"),
    ],
)
def test_fifty_megabytes_are_read_in_pieces(body, encoding):
    """CASES G9: soft breaks only, base64 without a line end: far below 64 MB beyond the letter itself."""
    raw = letter(body, encoding)
    del body
    part = parse(raw)
    tracemalloc.start()
    try:
        size = sum(len(piece) for piece in content.pieces(raw, part))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size <= BIG
    assert peak < 4 * 1024 * 1024


def test_only_so_much_is_decoded_as_is_asked_for():
    """The first octets of a large part cost as little as those of a small one."""
    raw = letter(b"QUFB" * 1_000_000, "base64")
    part = parse(raw)
    assert content.decoded(raw, part, 1000) == b"A" * 1000
    assert within(0.01, lambda: content.decoded(raw, part, 1000))


def test_the_text_of_a_part():
    """Decoded twice: from its transfer encoding, from its character set; other parts have none."""
    raw = letter(b64encode("山".encode("iso2022_jp")), "base64", "text/plain; charset=ISO-2022-JP")
    assert content.text(raw, parse(raw), 1000) == "山"
    raw = letter(b"<p>a<br>b &amp; c", "8bit", "text/html")
    assert content.text(raw, parse(raw), 1000).split() == ["a", "b", "&", "c"]
    raw = letter(b"x", "8bit", "application/pdf")
    assert content.text(raw, parse(raw), 1000) == ""


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<style>p { color: red }</style><p>text</p>", ["text"]),
        ("<SCRIPT src=x>if (a<b) alert('<p>no</p>')</SCRIPT >yes", ["yes"]),
        ("<head><title>no</title></head>yes", ["yes"]),
        ("<!-- no <p> --no-- -->yes<!-- never ends", ["yes"]),
        ("東<b>京</b>都", ["東京都"]),
        ("one<br/>two<td>three</td><li>four", ["one", "two", "three", "four"]),
        ('<img src=x alt="a picture" width=1><IMG ALT=logo><img src=x>', ["a", "picture", "logo"]),
        (
            "1 < 2 &lt; 3 &#26481;&#x4EAC; &nbsp;&eacute;&copy &unknown; &",
            ["1", "<", "2", "<", "3", "東京", "é&copy", "&unknown;", "&"],
        ),
        ("&#0; &#xD800; &#1114112; &#99999999999;", ["\ufffd", "\ufffd", "\ufffd", "&#99999999999;"]),
        ("<p class='a", []),
        ("<script>no end", []),
        ("a <b", ["a"]),
    ],
)
def test_html(html, words):
    """What a browser would show, in words; entities as characters; no end is an end too."""
    assert plain(html).split() == words


@given(st.text("<>!-/&;#xa scriptyleimg=\"'", max_size=100))
def test_any_html_has_a_text(html):
    """And never one that is longer than it."""
    assert len(plain(html)) <= len(html) + 2 * html.count("<img")


@given(st.binary(max_size=200), st.sampled_from(["base64", "quoted-printable", "x-uuencode", "7bit"]))
def test_any_octets_have_a_text(body, encoding):
    """Nothing raises, whatever stands where text should be."""
    for kind in ("text/plain; charset=iso-2022-jp", "text/html; charset=x"):
        raw = letter(body, encoding, kind)
        content.text(raw, parse(raw), 100)


def test_uuencode_is_what_python_says():
    """Lines of 45 octets."""
    data = bytes(range(200))
    lines = b"".join(binascii.b2a_uu(data[i : i + 45]) for i in range(0, 200, 45))
    assert (
        whole(
            letter(b"begin 644 a\r\n" + lines.replace(b"\n", b"\r\n") + b"`\r\nend\r\n", "x-uuencode"), 1000
        )
        == data
    )
