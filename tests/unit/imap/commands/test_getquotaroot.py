"""GETQUOTAROOT (RFC 9208 4.1.3)."""

import pytest

from tests.unit.imap.talk import args, flaw
from yubin.imap.commands import getquotaroot


def test_a_mailbox():
    """Its name decoded, of every form."""
    assert args(b"GETQUOTAROOT a/b") == getquotaroot.Args(mailbox="a/b")
    assert args(b'GETQUOTAROOT "&ZeVnLIqe- 1"') == getquotaroot.Args(mailbox="日本語 1")
    assert args(b"GETQUOTAROOT {3+}\r\na b") == getquotaroot.Args(mailbox="a b")


@pytest.mark.parametrize("rest", [b"", b" ", b" a b", b" (a)", b" a%", b"  a"])
def test_no_mailbox(rest):
    """One name, and nothing else."""
    assert flaw(b"GETQUOTAROOT" + rest).status == "BAD"
