"""The tokens, and what several commands share."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.imap.flaw import Flaw
from yubin.imap.parser import Parser

_CHARS = bytes(range(1, 127)).decode("ascii")
ATOM_CHARS = "".join(c for c in _CHARS if c not in '(){ %*"\\]' and ord(c) > 31)


def refused(read, text):
    p = Parser(text)
    with pytest.raises(Flaw):
        read(p)
    return True


@given(st.text(ATOM_CHARS, min_size=1))
def test_atom(text):
    """RFC 9051 9: ATOM-CHAR; it ends before all others."""
    for special in b'(){ %*"\\]\x7f\r\n\x00':
        p = Parser(text.encode() + bytes([special]))
        assert p.atom() == text
        assert p.at == len(text)


def test_an_atom_has_a_character():
    """And none of the specials."""
    for octet in b'(){ %*"\\]\x7f\r\n\x00\xe3':
        assert refused(Parser.atom, bytes([octet]))
    assert refused(Parser.atom, b"")


@given(st.text(ATOM_CHARS + "]", min_size=1))
def test_astring_as_an_atom(text):
    """RFC 9051 9: ASTRING-CHAR has resp-specials too; octets above 127 are taken for UTF-8."""
    assert Parser(text.encode() + b" x").astring() == text.encode()
    assert Parser("日本".encode() + b" x").astring() == "日本".encode()


@given(st.text(st.characters(min_codepoint=1, exclude_characters="\r\n", exclude_categories=["Cs"])))
def test_quoted(text):
    r"""RFC 9051 9: ``\"`` and ``\\`` are one character; UTF-8 is what it is."""
    wire = b'"' + text.replace("\\", "\\\\").replace('"', '\\"').encode() + b'"'
    p = Parser(wire + b" x")
    assert p.astring() == text.encode()
    assert p.at == len(wire)


@pytest.mark.parametrize(
    "text", [b'"', b'"a', b'"a\\"', b'"a\\b"', b'"a\r\nb"', b'"a\0b"', b'"\\', b"a", b""]
)
def test_no_quoted(text):
    """Neither the end of a line nor NUL is in it; nothing else is escaped."""
    assert refused(Parser.string, text)


@given(st.binary().filter(lambda octets: b"\0" not in octets), st.sampled_from([b"", b"+"]))
def test_literal(octets, plus):
    """RFC 9051 4.3, RFC 7888: any octet but NUL."""
    p = Parser(b"{%d%b}\r\n%b x" % (len(octets), plus, octets))
    assert p.astring() == octets
    p.sp()


@pytest.mark.parametrize("text", [b"{1}a", b"{1}\r\n\0", b"{a}\r\nx", b"{}\r\n", b"~{1}\r\na", b"{-1}\r\n"])
def test_no_literal(text):
    """literal8 (RFC 3516) is not a string; it is for letters."""
    assert refused(Parser.string, text)


def test_nstring():
    """RFC 9051 9."""
    assert Parser(b"nil").nstring() is None
    assert Parser(b'"NIL"').nstring() == b"NIL"


@pytest.mark.parametrize(
    ("read", "least", "most"),
    [
        (Parser.number, 0, 2**32 - 1),
        (Parser.nz_number, 1, 2**32 - 1),
        (Parser.number64, 0, 2**63 - 1),
        (Parser.mod_sequence_value, 1, 2**63 - 1),
    ],
)
def test_numbers_have_their_bounds(read, least, most):
    """CASES H16: MODSEQ 2^63 and 2^63+1 are BAD, as is any other number that its rule does not have."""
    assert read(Parser(b"%d" % least)) == least
    assert read(Parser(b"%d" % most)) == most
    for number in (least - 1, most + 1, most + 2, 10**20, 10**30):
        assert refused(read, b"%d" % number)
    for text in (b"", b"+1", b"x", b"9" * 60_000, b" 1"):
        assert refused(read, text)


def test_list_mailbox():
    """RFC 9051 9: list-char has wildcards."""
    assert Parser(b"a%b*] x").pattern() == "a%b*]"
    assert Parser(b'"a b%" x').pattern() == "a b%"
    assert Parser(b"&ZeVnLIqe-*").pattern() == "日本語*"


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        (b"()", ()),
        (b"(\\Seen)", ("\\Seen",)),
        (b"(\\seen $Forwarded a\x7e)", ("\\seen", "$Forwarded", "a~")),
    ],
)
def test_flag_list(text, flags):
    """RFC 9051 9; flags are as the client wrote them."""
    assert Parser(text).flag_list() == flags


@pytest.mark.parametrize(
    "text", [b"(", b"(a", b"(a ", b"(a )", b"( a)", b"(a  b)", b"(\\*)", b"(\\)", b"(a,(b))", b"a", b""]
)
def test_no_flag_list(text):
    r"""One space between two, none elsewhere; ``\*`` is the server's."""
    assert refused(Parser.flag_list, text)


def test_lists_are_bounded():
    """CASES H6: [LIMIT]."""
    assert len(Parser(b"(" + b" ".join([b"a"] * 200) + b")").flag_list()) == 200
    with pytest.raises(Flaw) as flaw:
        Parser(b"(" + b" ".join([b"a"] * 201) + b")").flag_list()
    assert flaw.value.code == "LIMIT"


@pytest.mark.parametrize(
    ("text", "found"),
    [(b"1:50", (1, 50)), (b"50:1", (50, 1)), (b"-1:-30", (-1, -30)), (b"1:4294967295", (1, 2**32 - 1))],
)
def test_partial_range(text, found):
    """RFC 9394 4: as it was written."""
    assert Parser(text).partial_range() == found


@pytest.mark.parametrize(
    "text", [b"0:5", b"1:-5", b"-1:5", b"1", b"1:", b"1:*", b"--1:-2", b"1:4294967296", b"1:99999999999"]
)
def test_no_partial_range(text):
    """RFC 9394 4: both from one end."""
    p = Parser(text)
    try:
        p.partial_range()
        p.end()
    except Flaw:
        return
    pytest.fail("it was read")


def test_objectid():
    """RFC 8474 7."""
    assert Parser(b"M6d99ac3275bb4e_-").objectid() == "M6d99ac3275bb4e_-"
    for text in (b'""', b"a.b", b"x" * 256, b'"a b"'):
        assert refused(Parser.objectid, text)


def test_date():
    """RFC 9051 9: with quotation marks or without."""
    assert Parser(b"1-Feb-1994").date() == Parser(b'"1-Feb-1994"').date()
    for text in (b"30-Feb-1994", b'"1-Feb-1994', b"", b'""'):
        assert refused(Parser.date, text)


def test_a_flaw_says_where():
    """An octet, counted from the command's first."""
    p = Parser(b"abc (")
    p.atom()
    p.sp()
    with pytest.raises(Flaw, match="An atom is expected at octet 5"):
        p.atom()


@given(st.binary(max_size=40))
def test_nothing_but_a_flaw_is_raised(text):
    """Whatever comes, and no rule goes beyond the end."""
    for read in (Parser.atom, Parser.astring, Parser.list_mailbox, Parser.string, Parser.flag_list, Parser.date,
                 Parser.date_time, Parser.mailbox, Parser.sequence_set, Parser.partial_range, Parser.number64):  # fmt: skip
        p = Parser(text)
        with suppress(Flaw):
            read(p)
        assert 0 <= p.at <= len(text)
