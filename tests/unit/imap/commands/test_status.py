"""STATUS (RFC 9051 6.3.11 and extensions)."""

import pytest

from tests.unit.imap.talk import args, flaw
from yubin.imap.commands import status


def test_every_item():
    """In the client's order, each once."""
    names = sorted(status.ITEMS)
    assert args(f"STATUS x ({' '.join(names).lower()} {names[0]})".encode()) == status.Args(
        mailbox="x", items=tuple(names)
    )
    assert len(names) == 11


@pytest.mark.parametrize(
    "rest", [b"", b" x", b" x ()", b" x (FOO)", b" x MESSAGES", b" x (MESSAGES", b" x (MESSAGES) y"]
)
def test_no_status(rest):
    """At least one, and only those that are known."""
    assert flaw(b"STATUS" + rest).status == "BAD"
