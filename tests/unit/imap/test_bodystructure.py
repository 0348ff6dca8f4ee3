"""BODY and BODYSTRUCTURE: the grammar of RFC 9051, filled in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conformance import imap_text
from tests.unit.mail.test_mime import LINES
from tests.unit.mail.timing import within
from yubin.imap.bodystructure import bodystructure
from yubin.mail import structure
from yubin.mail.mime import parse
from yubin.mail.part import Part


def of(raw: bytes, extended: bool = True) -> bytes:
    return bodystructure(parse(raw), extended=extended)


@pytest.mark.parametrize(
    ("raw", "body", "extended"),
    [
        (
            b"\r\none\r\n",
            b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 5 1)',
            b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 5 1 NIL NIL NIL NIL)',
        ),
        (
            b"Content-Type: text/html\r\nContent-Disposition: inline\r\n\r\n",
            b'("text" "html" ("charset" "us-ascii") NIL NIL "7bit" 0 0)',
            b'("text" "html" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL ("inline" NIL) NIL NIL)',
        ),
        (
            b"Content-Type: image/png; name=x\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <a>\r\n\r\nAAAA",
            b'("image" "png" ("name" "x") "<a>" NIL "base64" 4)',
            b'("image" "png" ("name" "x") "<a>" NIL "base64" 4 NIL NIL NIL NIL)',
        ),
        (
            b"Content-Type: multipart/mixed; boundary=b\r\nContent-Language: ja\r\n\r\n--b--",
            b'(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0) "mixed")',
            b'(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL "ja" NIL)',
        ),
        (
            b"Content-Type: message/rfc822\r\n\r\nSubject: s\r\n\r\nx\r\n",
            (
                b'("message" "rfc822" NIL NIL NIL "7bit" 17 (NIL "s" NIL NIL NIL NIL NIL NIL NIL NIL) '
                b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 1) 3)'
            ),
            (
                b'("message" "rfc822" NIL NIL NIL "7bit" 17 (NIL "s" NIL NIL NIL NIL NIL NIL NIL NIL) '
                b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 1 NIL NIL NIL NIL) 3 NIL NIL NIL NIL)'
            ),
        ),
        (
            b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n",
            (
                b'("message" "rfc822" NIL NIL NIL "base64" 6 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) '
                b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0) 1)'
            ),
            (
                b'("message" "rfc822" NIL NIL NIL "base64" 6 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) '
                b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL) 1 NIL NIL NIL NIL)'
            ),
        ),
    ],
)
def test_structures(raw, body, extended):
    """RFC 3501 7.4.2: both forms of text, other types, multiparts, letters inside; charset us-ascii is said."""
    assert of(raw, False) == body
    assert of(raw) == extended


def test_encoded_parameters_are_shown_encoded():
    """RFC 2231 is the client's business; continuations are joined."""
    raw = b"Content-Type: a/b; name*0*=utf-8''%E5; name*1*=%B1%B1\r\nContent-Language: ja, en\r\n\r\n"
    assert of(raw) == b'("a" "b" ("name*" "utf-8\'\'%E5%B1%B1") NIL NIL "7bit" 0 NIL NIL ("ja" "en") NIL)'


@given(st.lists(LINES, max_size=30))
def test_any_letter_has_a_structure_that_can_be_read(lines):
    """The grammar holds for any tree, packed and unpacked, in both forms."""
    part = structure.unpack(structure.pack(parse(b"\r\n".join(lines))))
    for extended in (True, False):
        written = bodystructure(part, extended=extended)
        assert imap_text.body(imap_text.parse(written, strict=True), extended=extended)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["text", "image", "a"]),
            st.sampled_from(["plain", "html"]),
            st.lists(
                st.sampled_from(
                    [("charset", b"utf-8"), ("charset", b"us-ascii"), ("charset*", b"x"), ("name", b"")]
                ),
                max_size=3,
            ),
            st.sampled_from([None, b"", b"<i>"]),
            st.sampled_from(["7bit", "base64"]),
        ),
        max_size=9,
    )
)
def test_parts_that_are_much_alike_are_told_apart(parts):
    """What is remembered of one is not shown for another that differs in anything."""
    for kind, subtype, params, id_, encoding in parts:
        part = Part(
            type=kind,
            subtype=subtype,
            params=tuple(params),
            start=0,
            body=0,
            end=7,
            encoding=encoding,
            id=id_,
        )
        shown = [
            *params,
            *(
                [("charset", b"us-ascii")]
                if kind == "text" and not dict(params).keys() & {"charset", "charset*"}
                else []
            ),
        ]
        listed = (
            "(" + " ".join(f'"{name}" "{value.decode()}"' for name, value in shown) + ")" if shown else "NIL"
        )
        begun = (
            f'("{kind}" "{subtype}" {listed} '
            + ("NIL" if id_ is None else f'"{id_.decode()}"')
            + f' NIL "{encoding}" 7'
        )
        assert bodystructure(part, extended=False).decode() == begun + (" 0)" if kind == "text" else ")")


def test_the_deepest_and_the_broadest_letter():
    """CASES G1, G2: a hundred levels, ten thousand parts."""
    deep = parse(b"".join(b"Content-Type: multipart/x; boundary=%d\n\n--%d\n" % (i, i) for i in range(150)))
    broad = parse(b"Content-Type: multipart/x; boundary=a\n\n" + b"--a\n\n" * 20_000)
    assert bodystructure(deep, extended=True).count(b"(") > 100
    assert within(0.3, lambda: bodystructure(broad, extended=True))
