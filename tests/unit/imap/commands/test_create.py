"""CREATE (RFC 9051 6.3.4, RFC 6154 3)."""

import pytest

from tests.unit.imap.talk import args, flaw
from yubin.imap.commands import create


@pytest.mark.parametrize(
    ("command", "use"),
    [
        (b"CREATE x", ()),
        (b"CREATE x (USE (\\Sent))", ("\\Sent",)),
        (b"create x (use (\\Drafts \\sent))", ("\\Drafts", "\\sent")),
        (b"CREATE x (USE ())", ()),
    ],
)
def test_create(command, use):
    """A name, and perhaps special uses as the client wrote them."""
    assert args(command) == create.Args(mailbox="x", use=use)


@pytest.mark.parametrize(
    "rest", [b"", b" x y", b" x ()", b" x (USE)", b" x (USE \\Sent)", b" x (USE (Sent))", b" x (USE (\\Sent)"]
)
def test_no_create(rest):
    """An attribute begins with a backslash."""
    assert flaw(b"CREATE" + rest).status == "BAD"
