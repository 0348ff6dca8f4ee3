"""SELECT and EXAMINE (RFC 9051 6.3.2, RFC 7162)."""

import pytest

from tests.unit.imap.talk import args, flaw
from yubin.imap.commands import select
from yubin.imap.sets import SequenceSet


def numbers(*ranges):
    return SequenceSet(ranges=ranges)


@pytest.mark.parametrize("verb", [b"SELECT", b"EXAMINE"])
def test_a_mailbox(verb):
    """Its name decoded."""
    assert args(verb + b" Entw&APw-rfe") == select.Args(mailbox="Entwürfe")
    assert args(verb + b' "Entw&APw-rfe"', utf8=True) == select.Args(mailbox="Entw&APw-rfe")


def test_condstore():
    """RFC 7162 3.1.8."""
    assert args(b"SELECT INBOX (condstore)") == select.Args(mailbox="INBOX", condstore=True)


@pytest.mark.parametrize(
    ("params", "known", "match"),
    [
        (b"(67890007 20)", None, None),
        (b"(67890007 20 41,43:211)", numbers((41, 41), (43, 211)), None),
        (b"(67890007 20 (1:2 5,7))", None, (numbers((1, 2)), numbers((5, 5), (7, 7)))),
        (b"(67890007 20 41 (1 41))", numbers((41, 41)), (numbers((1, 1)), numbers((41, 41)))),
    ],
)
def test_qresync(params, known, match):
    """RFC 7162 3.2.5: each of the two last may be missing."""
    wanted = select.QResync(uidvalidity=67890007, modseq=20, known=known, match=match)
    assert args(b"SELECT INBOX (QRESYNC " + params + b")") == select.Args(mailbox="INBOX", qresync=wanted)
    both = args(b"SELECT INBOX (CONDSTORE QRESYNC " + params + b")")
    assert (both.condstore, both.qresync) == (True, wanted)


@pytest.mark.parametrize(
    "rest",
    [b"", b" ", b" a b", b" a ()", b" a (X)", b" a (QRESYNC)", b" a (QRESYNC (1))", b" a (QRESYNC (0 1))",
     b" a (QRESYNC (1 0))", b" a (QRESYNC (1 1 1:*))", b" a (QRESYNC (1 1 $))", b" a (QRESYNC (1 1 1 (1)))",
     b" a (QRESYNC (1 1 ))", b" a (QRESYNC (1 1 (1 1) 1))", b" a (CONDSTORE", b" a CONDSTORE",
     b" a (QRESYNC (1 9223372036854775809))"],
)  # fmt: skip
def test_no_select(rest):
    """CASES H16: a MODSEQ of 2^63+1 is BAD; known UIDs have no "*"."""
    assert flaw(b"SELECT" + rest).status == "BAD"


def test_a_name_that_is_none():
    """CASES H7: the grammar is right, the name is not: NO [CANNOT]."""
    said = flaw(b"SELECT R&D")
    assert (said.status, said.code) == ("NO", "CANNOT")
