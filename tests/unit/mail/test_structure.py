"""The packed tree: what goes in comes out, also of newer and older code."""

from __future__ import annotations

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.errors import Internal
from yubin.mail import structure
from yubin.mail.mime import parse

LETTER = (
    b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: message/rfc822\r\n\r\nSubject: \xff\r\n\r\nx\r\n"
    b"--a\r\nContent-Type: text/html; charset=utf-8\r\nContent-Disposition: attachment; filename=\xe3\x81\x82\r\n"
    b"Content-Language: ja, en\r\n\r\ny\r\n--a--\r\n"
)


def test_a_tree_survives():
    """Offsets, octets and children are the same again, in little space."""
    part = parse(LETTER)
    assert structure.unpack(structure.pack(part)) == part
    assert len(structure.pack(part)) < 400


@given(st.binary(max_size=300))
def test_any_letters_tree_survives(raw):
    part = parse(b"Content-Type: multipart/x; boundary=a\n\n--a\n" + raw.replace(b"\0", b"\n--a\n"))
    assert structure.unpack(structure.pack(part)) == part


def test_a_deep_tree_survives():
    """CASES G1: a hundred levels."""
    part = parse(b"".join(b"Content-Type: multipart/x; boundary=%d\n\n--%d\n" % (i, i) for i in range(150)))
    assert structure.unpack(structure.pack(part)) == part


def test_ten_thousand_parts_stay_small():
    """CASES G2: whatever their headers say, a tree is at most a few MiB."""
    field = b"Content-Type: a/b; name=" + b"x" * 4000 + b"\nContent-Description: " + b"y" * 2000
    part = parse(b"Content-Type: multipart/x; boundary=a\n\n" + (b"--a\n%b\n\n" % field) * 2000)
    assert len(structure.pack(part)) < 2 * 1024 * 1024


def test_fields_that_newer_code_added_are_passed_over():
    """Design I8: one version back reads what the next one wrote."""
    columns = msgspec.msgpack.decode(structure.pack(parse(b"\r\n"))[1:])
    newer = structure.VERSION + msgspec.msgpack.encode([*columns, "of tomorrow"])
    assert structure.unpack(newer) == parse(b"\r\n")


@pytest.mark.parametrize(
    "data", [b"", b"\x02abc", b"\x01", b"\x01\x93\x01", b"\x01\x91\xa1\x80", b"\x01" + b"\x91" * 5000]
)
def test_what_cannot_be_read_is_a_fault_of_ours(data):
    """A broken row is an answer of 4xx."""
    with pytest.raises(Internal):
        structure.unpack(data)


@given(st.binary(max_size=100))
def test_noise_raises_nothing_else(data):
    with contextlib.suppress(Internal):
        structure.unpack(b"\x01" + data)
