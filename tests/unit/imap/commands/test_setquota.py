"""SETQUOTA (RFC 9208 4.1.2)."""

import pytest

from tests.unit.imap.talk import args, flaw
from yubin.imap.commands import setquota


def test_limits():
    """A root and its resources; an empty list takes all away."""
    assert args(b'SETQUOTA "" (storage 512 MESSAGE 9223372036854775807)') == setquota.Args(
        root="", limits=(("STORAGE", 512), ("MESSAGE", 2**63 - 1))
    )
    assert args(b"SETQUOTA a ()") == setquota.Args(root="a", limits=())


@pytest.mark.parametrize(
    "rest",
    [
        b"",
        b' ""',
        b' "" STORAGE 5',
        b' "" (STORAGE)',
        b' "" (STORAGE -1)',
        b' "" (STORAGE 9223372036854775808)',
        b' "" (5 STORAGE)',
    ],
)
def test_no_setquota(rest):
    """Numbers of 63 bits."""
    assert flaw(b"SETQUOTA" + rest).status == "BAD"
