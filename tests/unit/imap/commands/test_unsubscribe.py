"""UNSUBSCRIBE (RFC 9051 6.3.8)."""

import pytest

from tests.unit.imap.talk import args, flaw
from yubin.imap.commands import unsubscribe


def test_a_mailbox():
    """Its name decoded, of every form."""
    assert args(b"UNSUBSCRIBE a/b") == unsubscribe.Args(mailbox="a/b")
    assert args(b'UNSUBSCRIBE "&ZeVnLIqe- 1"') == unsubscribe.Args(mailbox="日本語 1")
    assert args(b"UNSUBSCRIBE {3+}\r\na b") == unsubscribe.Args(mailbox="a b")


@pytest.mark.parametrize("rest", [b"", b" ", b" a b", b" (a)", b" a%", b"  a"])
def test_no_mailbox(rest):
    """One name, and nothing else."""
    assert flaw(b"UNSUBSCRIBE" + rest).status == "BAD"
