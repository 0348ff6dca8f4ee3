"""Keys of SEARCH (RFC 9051 9: search-key, and extensions)."""

from datetime import date

import pytest

from tests.unit.imap.talk import args, flaw
from yubin.imap.commands.keys import (
    All,
    And,
    Date,
    EmailId,
    Flag,
    ModSeq,
    Not,
    Older,
    Or,
    Saved,
    SaveDateSupported,
    Set,
    Size,
    Text,
    ThreadId,
    Uid,
    Younger,
)
from yubin.imap.sets import SequenceSet

DAY = date(1994, 2, 1)
NUMBERS = SequenceSet(ranges=((2, 4), (0, 0)))
SEEN, UNSEEN = Flag(name="\\Seen"), Flag(name="\\Seen", on=False)


def key(text):
    return args(b"SEARCH " + text).key


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (b"ALL", All()),
        (b"ANSWERED", Flag(name="\\Answered")),
        (b"DELETED", Flag(name="\\Deleted")),
        (b"DRAFT", Flag(name="\\Draft")),
        (b"FLAGGED", Flag(name="\\Flagged")),
        (b"seen", SEEN),
        (b"RECENT", Flag(name="\\Recent")),
        (b"NEW", And(keys=(Flag(name="\\Recent"), UNSEEN))),
        (b"OLD", Flag(name="\\Recent", on=False)),
        (b"UNANSWERED", Flag(name="\\Answered", on=False)),
        (b"UNDELETED", Flag(name="\\Deleted", on=False)),
        (b"UNDRAFT", Flag(name="\\Draft", on=False)),
        (b"UNFLAGGED", Flag(name="\\Flagged", on=False)),
        (b"UNSEEN", UNSEEN),
        (b"KEYWORD $x", Flag(name="$x")),
        (b"UNKEYWORD x", Flag(name="x", on=False)),
        *[
            (where.encode() + b' "a b"', Text(where=where, text="a b"))
            for where in ("BCC", "BODY", "CC", "FROM", "SUBJECT", "TEXT", "TO")
        ],
        (b'HEADER X-y ""', Text(where="HEADER", field="X-y", text="")),
        (b"TEXT {3+}\r\na\r\n", Text(where="TEXT", text="a\r\n")),
        *[
            (f"{prefix}{op} {written}".encode(), Date(which=which, op=op.lower(), day=DAY))
            for prefix, which in (("", "internal"), ("SENT", "sent"), ("SAVED", "saved"))
            for op in ("BEFORE", "ON", "SINCE")
            for written in ("1-Feb-1994", '"01-feb-1994"')
        ],
        (b"LARGER 0", Size(op=">", size=0)),
        (b"SMALLER 4294967296", Size(op="<", size=2**32)),
        (b"2:4,*", Set(set=NUMBERS)),
        (b"*", Set(set=SequenceSet(ranges=((0, 0),)))),
        (b"UID 2:4,*", Uid(set=NUMBERS)),
        (b"$", Saved()),
        (b"UID $", Saved()),
        (b"MODSEQ 620162338", ModSeq(modseq=620162338)),
        (b"MODSEQ 0", ModSeq(modseq=0)),
        (b'MODSEQ "/flags/\\\\draft" all 5', ModSeq(modseq=5, entry="/flags/\\draft")),
        (b"YOUNGER 259200", Younger(seconds=259200)),
        (b"OLDER 1", Older(seconds=1)),
        (b"EMAILID M1-_", EmailId(id="M1-_")),
        (b"THREADID T1", ThreadId(id="T1")),
        (b"SAVEDATESUPPORTED", SaveDateSupported()),
        (b"NOT SEEN", Not(key=SEEN)),
        (b"OR SEEN ALL", Or(keys=(SEEN, All()))),
        (b"(SEEN)", SEEN),
        (b"(SEEN ALL)", And(keys=(SEEN, All()))),
    ],
)
def test_a_key(text, wanted):
    """Alone; beside another, all of them hold."""
    assert key(text) == wanted
    assert key(b"DRAFT " + text + b" DRAFT") == And(keys=(Flag(name="\\Draft"), wanted, Flag(name="\\Draft")))


def test_combined():
    """RFC 9051 6.4.4."""
    assert key(b"OR (SEEN NOT ALL) OR NOT NOT SEEN (OR 2:4,* ALL) UNSEEN") == And(
        keys=(
            Or(
                keys=(
                    And(keys=(SEEN, Not(key=All()))),
                    Not(key=Not(key=SEEN)),
                    Or(keys=(Set(set=NUMBERS), All())),
                )
            ),
            UNSEEN,
        )
    )


@pytest.mark.parametrize(
    "text",
    [b"FOO", b"()", b"(SEEN", b"SEEN)", b"NOT", b"NOT ", b"OR SEEN", b"OR SEEN ", b"OR", b"SEEN  ALL", b"TEXT", b"TEXT ()",
     b"HEADER x", b"BEFORE", b"BEFORE 30-Feb-1994", b"SINCE 1994-02-01", b"LARGER", b"LARGER -1", b"LARGER 9223372036854775808",
     b"0", b"UID", b"UID 0", b"UID a", b"MODSEQ", b"MODSEQ -1", b"MODSEQ 9223372036854775808", b"MODSEQ 9223372036854775809",
     b'MODSEQ "/flags/x" 5', b'MODSEQ "/flags/x" some 5', b"YOUNGER 0", b"OLDER", b"EMAILID", b"EMAILID a.b", b"KEYWORD \\Seen",
     b"KEYWORD", b"1:4294967296", b"FUZZY ALL"],
)  # fmt: skip
def test_no_key(text):
    """CASES H16: MODSEQ 2^63+1 is BAD, as is any other that no rule has."""
    assert flaw(b"SEARCH " + text).status == "BAD"


def test_a_long_chain_of_ors():
    """A client may look for hundreds of addresses at once: one ``Or``, no deeper than one."""
    found = key(b"OR FROM x " * 900 + b"FROM x")
    assert isinstance(found, Or)
    assert len(found.keys) == 901


@pytest.mark.parametrize(
    "text",
    [
        b"OR ALL " * 8_000 + b"ALL",
        b"OR " * 10_000 + b"ALL",
        b"NOT " * 10_000 + b"ALL",
        b"(" * 10_000 + b"ALL" + b")" * 10_000,
        b" ".join([b"ALL"] * 10_000),
        b"(" + b" ".join([b"ALL"] * 10_000) + b")",
        b"NOT (" * 5_000,
        b"OR (" * 5_000,
    ],
)
def test_ten_thousand_keys(text):
    """CASES H6: OR x10 k, and whatever else nests or repeats: [LIMIT], and the session goes on."""
    assert flaw(b"SEARCH " + text).code == "LIMIT"


def test_the_deepest():
    """Fifty levels are read."""
    assert flaw(b"SEARCH " + b"NOT " * 51 + b"ALL").code == "LIMIT"
    assert isinstance(key(b"NOT " * 50 + b"ALL"), Not)
