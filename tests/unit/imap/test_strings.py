"""Strings of answers, read back by the grammar of RFC 3501."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.imap.strings import nstring, string


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (b"", b'""'),
        (b"plain text", b'"plain text"'),
        (b'a"b\\c', b'"a\\"b\\\\c"'),
        (b"NIL", b'"NIL"'),
        (b"a\r\nb", b"{4}\r\na\r\nb"),
        ("山".encode(), b"{3}\r\n\xe5\xb1\xb1"),
        (b"a\0b", b"{5}\r\na\xef\xbf\xbdb"),
        (b"\x7f", b"{1}\r\n\x7f"),
    ],
)
def test_strings(value, written):
    """RFC 3501 4.3: quoted where it can be, else a literal; NUL in neither."""
    assert string(value) == written


def test_nil_is_no_string():
    """RFC 3501 4.5."""
    assert nstring(None) == b"NIL"
    assert nstring(b"") == b'""'


@given(st.binary(max_size=50))
def test_strings_are_read_back(value):
    """Whatever stands in it, a client gets it, bar NUL."""
    written = string(value)
    if written.startswith(b'"'):
        back = written[1:-1].replace(b"\\\\", b"\0").replace(b'\\"', b'"').replace(b"\0", b"\\")
    else:
        size, _, back = written[1:].partition(b"}\r\n")
        assert int(size) == len(back)
    assert back == value.replace(b"\0", "\ufffd".encode())
