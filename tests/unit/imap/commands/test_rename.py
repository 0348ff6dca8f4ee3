"""RENAME (RFC 9051 6.3.6)."""

import pytest

from tests.unit.imap.talk import args, flaw
from yubin.imap.commands import rename


def test_two_names():
    """The old one first."""
    assert args(b'RENAME a "b c"') == rename.Args(source="a", target="b c")


@pytest.mark.parametrize("rest", [b"", b" a", b" a b c", b" a (b)"])
def test_no_rename(rest):
    """Two, and nothing else."""
    assert flaw(b"RENAME" + rest).status == "BAD"
