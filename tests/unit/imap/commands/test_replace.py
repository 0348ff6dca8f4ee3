"""REPLACE (RFC 8508)."""

import pytest

from tests.unit.imap.talk import events, flaw
from yubin.imap.commands import append, replace


@pytest.mark.parametrize(("written", "number"), [(b"4", 4), (b"*", 0), (b"4294967295", 2**32 - 1)])
def test_replace(written, number):
    """A number, then as of APPEND."""
    (asked,) = events(b"a REPLACE " + written + b" Drafts (\\Seen) {3}\r\n")
    assert asked.args_so_far == replace.Args(
        number=number, mailbox="Drafts", messages=(append.Letter(size=3, flags=("\\Seen",)),)
    )


@pytest.mark.parametrize(
    "rest",
    [b"", b" 4", b" 4 x", b" 0 x {3}", b" 1:2 x {3}", b" x {3}", b" 4 x (\\Seen)", b" $ x {3}", b" 4 {3"],
)
def test_no_replace(rest):
    """One letter is replaced, by one."""
    assert flaw(b"REPLACE" + rest).status == "BAD"
