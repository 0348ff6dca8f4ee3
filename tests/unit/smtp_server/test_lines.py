"""Bare line ends, stuffed dots and long lines are seen and mended exactly."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.smtp import lines

crumbs = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"a", b"a" * 997, "日".encode() * 400]), max_size=12
)


@given(crumbs)
def test_bare_line_ends_are_those_that_a_regular_expression_finds(parts):
    """CASES E1: a CR without LF or an LF without CR, anywhere."""
    content = b"".join(parts)
    assert lines.bare(content) == bool(re.search(rb"(?<!\r)\n|\r(?!\n)", content))


@given(st.lists(st.sampled_from([b"", b".", b"..", b"a", b".a", b"a.", b"..."]), max_size=12))
def test_dots_that_were_stuffed_are_taken_away(parts):
    """RFC 5321 4.5.2: what a client does line by line is undone as a whole."""
    content = b"".join(part + b"\r\n" for part in parts)
    stuffed = b"".join((b"." if part.startswith(b".") else b"") + part + b"\r\n" for part in parts)
    assert lines.unstuffed(stuffed) == content


@given(crumbs)
def test_a_long_line_is_one_of_more_than_998_octets(parts):
    """RFC 5321 4.5.3.1.6, 1000 with the CRLF."""
    content = b"".join(parts)
    assert lines.long(content) == (max(map(len, content.split(b"\r\n"))) > 998)


@given(crumbs)
def test_folded_lines_are_short_and_lose_nothing(parts):
    """CASES E9: relayed lines have at most 998 octets, and no character is cut in two."""
    content = b"".join(parts).replace(b"\r\n", b"\n").replace(b"\r", b"").replace(b"\n", b"\r\n")
    folded = lines.folded(content)
    assert not lines.long(folded)
    assert folded.replace(b"\r\n ", b"") == content
    if content.replace(b"\r\n", b""):
        folded.decode()


@pytest.mark.parametrize("length", [998, 999, 1000, 2000, 10**6])
def test_a_line_is_folded_only_when_it_must_be(length):
    """CASES E9: 998 octets pass untouched, a megabyte becomes a thousand lines."""
    content = b"x" * length + b"\r\n"
    assert lines.long(content) == (length > 998)
    assert (lines.folded(content) == content) == (length <= 998)
