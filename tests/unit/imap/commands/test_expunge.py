"""EXPUNGE (RFC 9051 6.4.3) and UID EXPUNGE (RFC 4315 2.1)."""

from tests.unit.imap.talk import args, flaw
from yubin.imap.commands import expunge
from yubin.imap.sets import SequenceSet


def test_all():
    """Without a set."""
    assert args(b"EXPUNGE") == expunge.Args()
    assert flaw(b"EXPUNGE 1:2").status == "BAD"


def test_some():
    """UID EXPUNGE has a set, always."""
    assert args(b"UID EXPUNGE 3000:3002") == expunge.Args(set=SequenceSet(ranges=((3000, 3002),)))
    assert flaw(b"UID EXPUNGE").status == "BAD"
