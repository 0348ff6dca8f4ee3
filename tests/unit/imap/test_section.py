"""Sections of a letter: the tree of RFC 3501 6.4.5, found by offsets alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.mail.test_mime import LINES
from yubin.imap import section
from yubin.mail.mime import parse
from yubin.mail.part import Part

INNER = b"Subject: inner\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\n\r\nfour one\r\n--in\r\nX: y\r\n\r\nfour two\r\n--in--\r\n"
LETTER = (
    b"Subject: outer\r\nContent-Type: multipart/mixed; boundary=out\r\n\r\n"
    b"--out\r\nX: 1\r\n\r\none\r\n"
    b"--out\r\nContent-Type: message/rfc822\r\n\r\nSubject: two\r\n\r\ntwo text\r\n"
    b"--out\r\nContent-Type: message/rfc822\r\n\r\n" + INNER + b"--out--\r\n"
)


@pytest.mark.parametrize(
    ("path", "kind", "found"),
    [
        ((), "", LETTER),
        ((), "HEADER", LETTER[: LETTER.index(b"--out")]),
        ((), "TEXT", LETTER[LETTER.index(b"--out") :]),
        ((), "MIME", None),
        ((1,), "", b"one"),
        ((1,), "MIME", b"X: 1\r\n\r\n"),
        ((1,), "HEADER", None),
        ((1, 1), "", None),
        ((2,), "", b"Subject: two\r\n\r\ntwo text"),
        ((2,), "HEADER", b"Subject: two\r\n\r\n"),
        ((2,), "TEXT", b"two text"),
        ((2, 1), "", b"two text"),
        ((2, 1), "MIME", b"Subject: two\r\n\r\n"),
        ((2, 2), "", None),
        ((3,), "", INNER[:-2]),
        ((3,), "MIME", b"Content-Type: message/rfc822\r\n\r\n"),
        ((3,), "HEADER", INNER[: INNER.index(b"--in")]),
        ((3, 1), "", b"four one"),
        ((3, 2), "", b"four two"),
        ((3, 2), "MIME", b"X: y\r\n\r\n"),
        ((3, 3), "", None),
        ((4,), "", None),
        ((0,), "", None),
        ((-1,), "", None),
        ((2**32,), "", None),
        ((1,) * 1000, "", None),
    ],
)
def test_sections(path, kind, found):
    """CASES H6: every section that there is, and None for others, however long their path."""
    where = section.find(parse(LETTER), path, kind)
    assert (where if where is None else LETTER[where[0] : sum(where)]) == found


def test_a_letter_that_is_no_multipart_has_one_part():
    """RFC 3501 6.4.5: part 1 of it is its text."""
    raw = b"Subject: x\r\n\r\ntext"
    assert section.find(parse(raw), (1,)) == (14, 4)
    assert section.find(parse(raw), (1, 1)) is None
    assert section.find(parse(raw), (2,)) is None
    assert section.find(parse(b""), ()) == (0, 0)


def check(letter: Part, part: Part, path: tuple[int, ...], size: int) -> None:
    """Each part is found under its own number, and lies in the letter."""
    inner = part.children[0] if part.message and part.children else part
    for number, child in enumerate(inner.children if inner.multipart else (inner,), 1):
        where = section.find(letter, (*path, number))
        assert where == (child.body, child.size)
        assert 0 <= where[0] <= where[0] + where[1] <= size
        if child.children and child is not inner:
            check(letter, child, (*path, number), size)


@given(st.lists(LINES, max_size=30))
def test_every_part_has_a_number(lines):
    raw = b"\r\n".join(lines)
    letter = parse(raw)
    if not letter.message:
        check(letter, letter, (), len(raw))
    header, text = section.find(letter, (), "HEADER"), section.find(letter, (), "TEXT")
    assert header is not None
    assert text is not None
    assert raw[: header[1]] + raw[text[0] : sum(text)] == raw
