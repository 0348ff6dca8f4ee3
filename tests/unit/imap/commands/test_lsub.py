"""LSUB (RFC 3501 6.3.9)."""

import pytest

from tests.unit.imap.talk import args, flaw
from yubin.imap.commands import lsub


def test_lsub():
    """A reference and a pattern."""
    assert args(b'LSUB "" "a/%"') == lsub.Args(reference="", pattern="a/%")


@pytest.mark.parametrize("rest", [b"", b' ""', b' "" (a b)', b' "" a RETURN ()', b' (SUBSCRIBED) "" *'])
def test_no_lsub(rest):
    """It knows nothing of RFC 5258."""
    assert flaw(b"LSUB" + rest).status == "BAD"
