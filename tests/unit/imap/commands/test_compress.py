"""COMPRESS (RFC 4978)."""

import pytest

from tests.unit.imap.talk import args, flaw
from yubin.imap.commands import compress


def test_compress():
    """An algorithm; whether there is such a one the session says."""
    assert args(b"COMPRESS deflate") == compress.Args(algorithm="DEFLATE")


@pytest.mark.parametrize("rest", [b"", b" ", b" A B", b' "DEFLATE"'])
def test_no_compress(rest):
    """One atom."""
    assert flaw(b"COMPRESS" + rest).status == "BAD"
