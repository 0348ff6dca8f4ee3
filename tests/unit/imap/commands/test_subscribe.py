"""SUBSCRIBE (RFC 9051 6.3.7)."""

import pytest

from tests.unit.imap.talk import args, flaw
from yubin.imap.commands import subscribe


def test_a_mailbox():
    """Its name decoded, of every form."""
    assert args(b"SUBSCRIBE a/b") == subscribe.Args(mailbox="a/b")
    assert args(b'SUBSCRIBE "&ZeVnLIqe- 1"') == subscribe.Args(mailbox="日本語 1")
    assert args(b"SUBSCRIBE {3+}\r\na b") == subscribe.Args(mailbox="a b")


@pytest.mark.parametrize("rest", [b"", b" ", b" a b", b" (a)", b" a%", b"  a"])
def test_no_mailbox(rest):
    """One name, and nothing else."""
    assert flaw(b"SUBSCRIBE" + rest).status == "BAD"
