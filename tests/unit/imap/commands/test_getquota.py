"""GETQUOTA (RFC 9208 4.1.1)."""

import pytest

from tests.unit.imap.talk import args, flaw
from yubin.imap.commands import getquota


def test_a_root():
    """Often it has an empty name."""
    assert args(b'GETQUOTA ""') == getquota.Args(root="")
    assert args(b"GETQUOTA alice") == getquota.Args(root="alice")


@pytest.mark.parametrize("rest", [b"", b" a b", b" (a)", b' "\xff"'])
def test_no_getquota(rest):
    """One string of UTF-8."""
    assert flaw(b"GETQUOTA" + rest).status == "BAD"
