"""Items of FETCH (RFC 9051 9: fetch-att)."""

import pytest

from tests.unit.imap.talk import args, flaw
from yubin.imap.commands.items import (
    Binary,
    BinarySize,
    BodyStructure,
    EmailId,
    Envelope,
    Flags,
    InternalDate,
    ModSeq,
    Preview,
    SaveDate,
    Section,
    Size,
    ThreadId,
    Uid,
)


@pytest.mark.parametrize(
    ("text", "item"),
    [
        (b"FLAGS", Flags()),
        (b"ENVELOPE", Envelope()),
        (b"BODY", BodyStructure(extended=False)),
        (b"BODYSTRUCTURE", BodyStructure(extended=True)),
        (b"INTERNALDATE", InternalDate()),
        (b"RFC822.SIZE", Size()),
        (b"UID", Uid()),
        (b"MODSEQ", ModSeq()),
        (b"EMAILID", EmailId()),
        (b"THREADID", ThreadId()),
        (b"SAVEDATE", SaveDate()),
        (b"PREVIEW", Preview()),
        (b"preview (lazy)", Preview(lazy=True)),
        (b"RFC822", Section(rfc822="RFC822")),
        (b"RFC822.HEADER", Section(kind="HEADER", peek=True, rfc822="RFC822.HEADER")),
        (b"RFC822.TEXT", Section(kind="TEXT", rfc822="RFC822.TEXT")),
        (b"BODY[]", Section()),
        (b"body.peek[]", Section(peek=True)),
        (b"BODY[HEADER]", Section(kind="HEADER")),
        (b"BODY[text]", Section(kind="TEXT")),
        (b"BODY[1]", Section(path=(1,))),
        (b"BODY[4.2.1]", Section(path=(4, 2, 1))),
        (b"BODY[4.2.MIME]", Section(path=(4, 2), kind="MIME")),
        (b"BODY[4.HEADER]<0.2048>", Section(path=(4,), kind="HEADER", offset=0, length=2048)),
        (b"BODY.PEEK[1]<100.1>", Section(path=(1,), peek=True, offset=100, length=1)),
        (b'BODY[HEADER.FIELDS (Date "X-y")]', Section(kind="HEADER.FIELDS", fields=(b"Date", b"X-y"))),
        (b"BODY[2.header.fields.not (To)]", Section(path=(2,), kind="HEADER.FIELDS.NOT", fields=(b"To",))),
        (b"BODY[HEADER.FIELDS ({2+}\r\nTo)]", Section(kind="HEADER.FIELDS", fields=(b"To",))),
        (b"BINARY[]", Binary()),
        (b"BINARY[1.2]<5.6>", Binary(path=(1, 2), offset=5, length=6)),
        (b"BINARY.PEEK[3]", Binary(path=(3,), peek=True)),
        (b"BINARY.SIZE[]", BinarySize()),
        (b"BINARY.SIZE[2]", BinarySize(path=(2,))),
    ],
)
def test_an_item(text, item):
    """Alone, and among others."""
    assert args(b"FETCH 1 " + text).items == (item,)
    assert args(b"FETCH 1 (BODY[9] " + text + b" BODY[8])").items == (
        Section(path=(9,)),
        item,
        Section(path=(8,)),
    )


@pytest.mark.parametrize(
    "text",
    [b"BODY[", b"BODY[0]", b"BODY[1.0]", b"BODY[01]", b"BODY[1.]", b"BODY[.1]", b"BODY[MIME]", b"BODY[1.FOO]", b"BODY[1MIME]",
     b"BODY[HEADER.FIELDS]", b"BODY[HEADER.FIELDS ()]", b"BODY[HEADER.FIELDS To]", b"BODY[TEXT.1]", b"BODY[]<>", b"BODY[]<1>",
     b"BODY[]<1.0>", b"BODY[]<-1.5>", b"BODY[]<1.2", b"BODY.PEEK", b"BODY.PEEK]", b"BINARY", b"BINARY[TEXT]", b"BINARY.SIZE",
     b"BINARY.SIZE[1]<0.5>", b"PREVIEW (EAGER)", b"PREVIEW ()", b"RFC822.PEEK", b"RFC822.SIZE[1]", b"X-GM-MSGID", b"FLAGS.SILENT",
     b"BODY[4294967296]", b"BODY[99999999999999999999]"],
)  # fmt: skip
def test_no_item(text):
    """BAD."""
    assert flaw(b"FETCH 1 (" + text + b")").status == "BAD"


def test_deep_parts():
    """CASES H6: BODY[1.1…] of 1,000 levels is [LIMIT], of 100 is read."""
    assert len(args(b"FETCH 1 BODY[" + b"1." * 99 + b"1]").items[0].path) == 100
    assert flaw(b"FETCH 1 BODY[" + b"1." * 999 + b"1]").code == "LIMIT"


def test_enormous_partials():
    """CASES H6: they are read, and cost nothing here; above 63 bits they are BAD."""
    (item,) = args(b"FETCH 1 BODY[]<4294967295.4294967295>").items
    assert (item.offset, item.length) == (2**32 - 1, 2**32 - 1)
    assert flaw(b"FETCH 1 BODY[]<9223372036854775808.1>").status == "BAD"


def test_many_fields():
    """CASES H6: [LIMIT]."""
    assert flaw(b"FETCH 1 BODY[HEADER.FIELDS (" + b"a " * 1000 + b"a)]").code == "LIMIT"
