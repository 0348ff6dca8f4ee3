"""LOGIN (RFC 9051 6.2.3)."""

import pytest

from tests.unit.imap.talk import args, flaw
from yubin.imap.commands import login


@pytest.mark.parametrize(
    ("command", "user", "password"),
    [
        (b"LOGIN alice secret", "alice", "secret"),
        (b'login "alice@example.org" "p\\"\\\\ w"', "alice@example.org", 'p"\\ w'),
        (b"LOGIN {5+}\r\nalice {3+}\r\n\r\n]", "alice", "\r\n]"),
        ('LOGIN "山田" パス'.encode(), "山田", "パス"),
        (b'LOGIN "" ""', "", ""),
    ],
)
def test_login(command, user, password):
    """Strings of every form, UTF-8 included."""
    assert args(command) == login.Args(user=user, password=password)


def test_a_password_is_not_shown():
    """Logs show arguments at most by their repr."""
    assert "secret" not in repr(args(b"LOGIN alice secret"))


@pytest.mark.parametrize(
    "rest", [b"", b" ", b" alice", b" alice ", b" a b c", b" (a) b", b' a "b', b" \xff b", b"  a b"]
)
def test_no_login(rest):
    """Two strings, and nothing else."""
    assert flaw(b"LOGIN" + rest).status == "BAD"
