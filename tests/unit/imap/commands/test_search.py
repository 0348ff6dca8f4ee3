"""SEARCH (RFC 9051 6.4.4, RFC 4731, RFC 5182, RFC 9394)."""

import pytest

from tests.unit.imap.talk import args, flaw
from yubin.imap.commands import search
from yubin.imap.commands.keys import All, Text


@pytest.mark.parametrize(
    ("options", "returns", "partial"),
    [
        (b"", frozenset(), None),
        (b" RETURN ()", frozenset({"ALL"}), None),
        (b" RETURN (MIN MAX COUNT)", frozenset({"MIN", "MAX", "COUNT"}), None),
        (b" return (all save)", frozenset({"ALL", "SAVE"}), None),
        (b" RETURN (PARTIAL -1:-100 COUNT)", frozenset({"PARTIAL", "COUNT"}), (-1, -100)),
    ],
)
def test_what_is_to_be_returned(options, returns, partial):
    """RFC 4731 3.1: without options it is ALL; without RETURN the client wants an untagged SEARCH."""
    assert args(b"SEARCH" + options + b" ALL") == search.Args(key=All(), returns=returns, partial=partial)


def test_uid():
    """UID SEARCH says so."""
    assert args(b"UID SEARCH ALL") == search.Args(key=All(), uid=True)


@pytest.mark.parametrize(
    ("charset", "octets"),
    [
        ("UTF-8", "日本".encode()),
        ("iso-2022-jp", "日本".encode("iso-2022-jp")),
        ("Shift_JIS", "日本".encode("cp932")),
        ("EUC-JP", "日本".encode("euc-jp")),
    ],
)
def test_charsets(charset, octets):
    """RFC 9051 6.4.4: strings come decoded."""
    said = args(
        b"SEARCH RETURN (COUNT) CHARSET %b SUBJECT {%d+}\r\n%b" % (charset.encode(), len(octets), octets)
    )
    assert (said.charset, said.key) == (charset, Text(where="SUBJECT", text="日本"))


def test_without_a_charset():
    """It is UTF-8, which US-ASCII is a part of."""
    assert args('SEARCH BODY "日本"'.encode()).key == Text(where="BODY", text="日本")


def test_an_unknown_charset():
    """RFC 9051 6.4.4: NO [BADCHARSET]."""
    said = flaw(b"SEARCH CHARSET klingon ALL")
    assert said.status == "NO"
    assert said.code.startswith("BADCHARSET (")


@pytest.mark.parametrize(
    "rest",
    [b"", b" ", b" RETURN", b" RETURN () ", b" RETURN (FOO) ALL", b" RETURN (PARTIAL) ALL", b" RETURN (PARTIAL 1:2 ALL) ALL",
     b" CHARSET", b" CHARSET utf-8", b" CHARSET utf-8 ", b" ALL CHARSET utf-8 ALL", b" CHARSET utf-8 RETURN () ALL"],
)  # fmt: skip
def test_no_search(rest):
    """In this order: RETURN, CHARSET, one key or more."""
    assert flaw(b"SEARCH" + rest).status == "BAD"
