"""ENABLE (RFC 9051 6.3.1)."""

import pytest

from tests.unit.imap.talk import args, flaw
from yubin.imap.commands import enable


def test_enable():
    """In upper case, known or not."""
    assert args(b"ENABLE condstore UTF8=ACCEPT X-Foo") == enable.Args(
        capabilities=("CONDSTORE", "UTF8=ACCEPT", "X-FOO")
    )


@pytest.mark.parametrize("rest", [b"", b" ", b" A  B", b" (A)", b' "A"'])
def test_no_enable(rest):
    """At least one atom."""
    assert flaw(b"ENABLE" + rest).status == "BAD"


def test_many():
    """[LIMIT]."""
    assert flaw(b"ENABLE" + b" X" * 1000).code == "LIMIT"
