"""MOVE (RFC 9051 6.4.8)."""

import pytest

from tests.unit.imap.talk import args, events, flaw
from yubin.imap.commands import move
from yubin.imap.sets import SAVED, SequenceSet


def test_a_set_and_a_mailbox():
    """Also of UIDs."""
    wanted = move.Args(set=SequenceSet(ranges=((1, 0), (7, 7))), mailbox="a b")
    assert args(b'MOVE 1:*,7 "a b"') == wanted
    (said,) = events(b'a UID MOVE 1:*,7 "a b"\r\n')
    assert (said.uid, said.args) == (True, wanted)


def test_the_saved_result():
    """RFC 5182 2.1."""
    assert args(b"MOVE $ a").set == SAVED


@pytest.mark.parametrize("rest", [b"", b" 1", b" a 1", b" 0 a", b" 1 a b", b" (1) a", b" 1, a"])
def test_not(rest):
    """A set, a name, and nothing else."""
    assert flaw(b"MOVE" + rest).status == "BAD"
