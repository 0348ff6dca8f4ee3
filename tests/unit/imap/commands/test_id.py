"""ID (RFC 2971)."""

import pytest

from tests.unit.imap.talk import args, flaw
from yubin.imap.commands import id as identity


@pytest.mark.parametrize(
    ("command", "pairs"),
    [
        (b"ID NIL", ()),
        (b"ID ()", ()),
        (b'ID ("Name" "Mail" "version" NIL)', (("name", "Mail"), ("version", None))),
        (b'id ("os" {2+}\r\nab)', (("os", "ab"),)),
    ],
)
def test_id(command, pairs):
    """Names and values; a value may be NIL."""
    assert args(command) == identity.Args(pairs=pairs)


@pytest.mark.parametrize(
    "rest", [b"", b" x", b' ("a")', b' ("a" b)', b" (a NIL)", b' ("a" NIL', b' ("a" "\xff")', b' (NIL "a")']
)
def test_no_id(rest):
    """Strings in pairs."""
    assert flaw(b"ID" + rest).status == "BAD"


def test_too_much():
    """RFC 2971 3.3: thirty pairs, 30 octets, 1,024 octets."""
    assert len(args(b"ID (" + b" ".join([b'"a" NIL'] * 30) + b")").pairs) == 30
    assert flaw(b"ID (" + b" ".join([b'"a" NIL'] * 31) + b")").code == "LIMIT"
    assert flaw(b'ID ("' + b"a" * 31 + b'" NIL)').code == "LIMIT"
    assert flaw(b'ID ("a" "' + b"a" * 1025 + b'")').code == "LIMIT"
