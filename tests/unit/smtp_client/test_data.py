"""The body on the wire."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.smtp import data

BREAK = re.compile(rb"\r\n|\r|\n")


def wired(body: bytes) -> bytes:
    return b"".join(data.wire(body))


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (b"", b""),
        (b"a\r\nb\r\n", b"a\r\nb\r\n"),
        (b"a\r\nb", b"a\r\nb\r\n"),
        (b".\r\n", b"..\r\n"),
        (b".a\r\n..\r\n", b"..a\r\n...\r\n"),
        (b"a\n.\nb", b"a\r\n..\r\nb\r\n"),
        (b"a\r.\r\nb", b"a\r\n..\r\nb\r\n"),
        (b"a\r\r\nb\r", b"a\r\n\r\nb\r\n"),
        (b"\n.\r\nQUIT\r\n", b"\r\n..\r\nQUIT\r\n"),
    ],
)
def test_lines_are_repaired_and_dots_stuffed(body, sent):
    """CASES E3: only CRLF ends a line on the wire, and a dot that begins one is doubled (RFC 5321 4.5.2)."""
    assert wired(body) == sent


def test_line_of_998_is_left_alone_and_a_longer_one_is_broken():
    """RFC 5321 4.5.3.1.6: at most 998 octets and CRLF; what is above goes on behind CRLF SP."""
    assert wired(b"x" * 998 + b"\r\n") == b"x" * 998 + b"\r\n"
    assert wired(b"x" * 999) == b"x" * 998 + b"\r\n x\r\n"
    assert wired(b"x" * 1996) == b"x" * 998 + b"\r\n " + b"x" * 997 + b"\r\n x\r\n"


def test_break_spares_characters():
    """A UTF-8 character is never cut in two by a line break."""
    for lead in range(4):
        lines = wired(b"x" * lead + "郵".encode() * 40_000).split(b"\r\n")
        for line in lines:
            line.decode()
        assert b"".join(line.removeprefix(b" ") for line in lines) == b"x" * lead + "郵".encode() * 40_000


def test_large_letter_leaves_in_chunks_of_whole_lines():
    """Chunks are about 64 KiB, cut behind CRLF, and put together are the letter."""
    body = b"".join(b"line %d\r\n" % n for n in range(50_000))
    chunks = list(data.wire(body))
    assert b"".join(chunks) == body
    assert all(chunk.endswith(b"\r\n") and len(chunk) <= data.CHUNK for chunk in chunks)


alphabet = st.sampled_from(
    [b"a", b".", b"\r", b"\n", b"\r\n", b" ", "é".encode(), b"word word", b"\r\n.\r\n"]
)
bodies = st.lists(alphabet, max_size=120).map(b"".join)


@given(bodies)
def test_any_letter_becomes_lawful_and_stays_itself(body):
    """For any letter: CRLF only, short lines, dots stuffed; unstuffed and with line ends repaired it is the same letter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "CHUNK", 48)
        patch.setattr(data, "LINE", 16)
        sent = wired(body)
    assert sent == b"" or sent.endswith(b"\r\n")
    rest = sent.replace(b"\r\n", b"")
    assert b"\r" not in rest
    assert b"\n" not in rest
    lines = sent.split(b"\r\n")[:-1]
    assert all(len(line) <= 16 + line.startswith(b".") for line in lines)
    assert b"." not in lines
    plain = [line[1:] if line.startswith(b".") else line for line in lines]
    expected = BREAK.split(body)
    expected = expected[:-1] if expected[-1] == b"" else expected
    if all(len(line) <= 16 for line in expected):
        assert plain == expected
    else:
        assert b"".join(plain).replace(b" ", b"") == b"".join(expected).replace(b" ", b"")
