"""DELETE (RFC 9051 6.3.5)."""

import pytest

from tests.unit.imap.talk import args, flaw
from yubin.imap.commands import delete


def test_a_mailbox():
    """Its name decoded, of every form."""
    assert args(b"DELETE a/b") == delete.Args(mailbox="a/b")
    assert args(b'DELETE "&ZeVnLIqe- 1"') == delete.Args(mailbox="日本語 1")
    assert args(b"DELETE {3+}\r\na b") == delete.Args(mailbox="a b")


@pytest.mark.parametrize("rest", [b"", b" ", b" a b", b" (a)", b" a%", b"  a"])
def test_no_mailbox(rest):
    """One name, and nothing else."""
    assert flaw(b"DELETE" + rest).status == "BAD"
