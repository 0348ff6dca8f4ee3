"""FETCH (RFC 9051 6.4.5, RFC 7162, RFC 9394)."""

import pytest

from tests.unit.imap.talk import args, flaw
from yubin.imap.commands import fetch
from yubin.imap.commands.items import (
    BodyStructure,
    Envelope,
    Flags,
    InternalDate,
    Section,
    Size,
    Uid,
)
from yubin.imap.sets import SequenceSet

ONE = SequenceSet(ranges=((1, 1),))
FAST = (Flags(), InternalDate(), Size())


@pytest.mark.parametrize(
    ("items", "wanted"),
    [
        (b"FAST", FAST),
        (b"all", (*FAST, Envelope())),
        (b"FULL", (*FAST, Envelope(), BodyStructure(extended=False))),
        (b"FLAGS", (Flags(),)),
        (b"(UID FLAGS uid)", (Uid(), Flags())),
        (b"BODY[]", (Section(),)),
        (
            b"(BODY BODY[] BODYSTRUCTURE)",
            (BodyStructure(extended=False), Section(), BodyStructure(extended=True)),
        ),
    ],
)
def test_items(items, wanted):
    """A macro, one item, or a list; each item once."""
    assert args(b"FETCH 1 " + items) == fetch.Args(set=ONE, items=wanted)


@pytest.mark.parametrize(
    ("modifiers", "wanted"),
    [
        (b"(CHANGEDSINCE 12345)", {"changed_since": 12345}),
        (b"(changedsince 1 vanished)", {"changed_since": 1, "vanished": True}),
        (b"(VANISHED CHANGEDSINCE 9223372036854775807)", {"changed_since": 2**63 - 1, "vanished": True}),
        (b"(PARTIAL 1:50)", {"partial": (1, 50)}),
        (b"(PARTIAL -1:-30 CHANGEDSINCE 5)", {"partial": (-1, -30), "changed_since": 5}),
    ],
)
def test_modifiers(modifiers, wanted):
    """RFC 7162 3.1.4.1 and 3.2.6, RFC 9394 3.3: in any order."""
    assert args(b"UID FETCH 1 FLAGS " + modifiers) == fetch.Args(set=ONE, items=(Flags(),), **wanted)
    assert args(b"UID FETCH 1 (FLAGS) " + modifiers) == fetch.Args(set=ONE, items=(Flags(),), **wanted)


@pytest.mark.parametrize(
    "rest",
    [b"", b" 1", b" 1 ()", b" 1 (FAST)", b" 1 FOO", b" 1 (FLAGS", b" 1 FLAGS UID", b" 1 (FLAGS) ()", b" 1 FLAGS (FOO)",
     b" 1 FLAGS (CHANGEDSINCE)", b" 1 FLAGS (CHANGEDSINCE 0)", b" 1 FLAGS (VANISHED)", b" 1 FLAGS (CHANGEDSINCE 1 VANISHED)",
     b" 1 FLAGS (CHANGEDSINCE 9223372036854775808)", b" 1 FLAGS (CHANGEDSINCE 9223372036854775809)",
     b" 1 FLAGS (PARTIAL 1:2)", b" $$ FLAGS", b" 1 (FLAGS)(CHANGEDSINCE 1)"],
)  # fmt: skip
def test_no_fetch(rest):
    """CASES H16: MODSEQ 2^63+1 is BAD. VANISHED and PARTIAL go with UID FETCH."""
    assert flaw(b"FETCH" + rest).status == "BAD"


def test_all_messages_of_any_mailbox():
    """CASES H6: 1:4294967295 is one range."""
    assert args(b"FETCH 1:4294967295 UID").set.ranges == ((1, 2**32 - 1),)


def test_a_hundred_thousand_elements():
    """CASES H6: refused by the length of its line; as many as fit by [LIMIT]."""
    assert flaw(b"FETCH " + b",".join(b"%d" % n for n in range(1, 100_001)) + b" UID").code == "LIMIT"
    assert flaw(b"FETCH " + b",".join([b"1"] * 25_000) + b" UID").code == "LIMIT"


def test_many_items():
    """CASES H6: [LIMIT]."""
    assert flaw(b"FETCH 1 (" + b"UID " * 1000 + b"UID)").code == "LIMIT"
