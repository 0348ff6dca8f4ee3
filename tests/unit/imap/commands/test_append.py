"""APPEND (RFC 9051 6.3.12, RFC 3502, RFC 3516 4.4, RFC 6855 4)."""

import pytest

from tests.unit.imap.talk import events, flaw, tags
from yubin.imap.commands import append
from yubin.imap.events import Message


def asked(command):
    (said,) = events(b"a APPEND " + command)
    assert isinstance(said, Message)
    return said


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        (b"x {3}\r\n", {}),
        (b"x () {3}\r\n", {}),
        (b"x (\\Seen $a) {3}\r\n", {"flags": ("\\Seen", "$a")}),
        (b'x " 7-Feb-1994 21:52:25 -0800" {3}\r\n', {"received": 760686745.0}),
        (b'x (\\Seen) "07-Feb-1994 21:52:25 -0800" {3}\r\n', {"flags": ("\\Seen",), "received": 760686745.0}),
        (b"x ~{3}\r\n", {"binary": True}),
        (b"x (\\Seen) utf8 (~{3}\r\n", {"flags": ("\\Seen",), "binary": True, "utf8": True}),
    ],
)
def test_what_is_said_of_a_letter(command, wanted):
    """Flags, then a date, both or none; literal8 and UTF8."""
    assert asked(command).args_so_far == append.Args(mailbox="x", messages=(append.Letter(size=3, **wanted),))


def test_sync_and_not():
    """RFC 7888."""
    assert asked(b"x {3}\r\n").sync
    assert not asked(b"x ~{3+}\r\n").sync


def test_an_empty_letter():
    """RFC 3502 6.3.11: a size of 0; what it means is for the session to say."""
    said = events(b"a APPEND x {0+}\r\n\r\nb NOOP\r\n")
    assert tags(said) == ["Message", "a APPEND", "b NOOP"]
    assert said[1].args.messages[0].size == 0


@pytest.mark.parametrize(
    "rest",
    [b"", b" x", b' x "letter"', b" x (\\Seen)", b' x "30-Feb-1994 21:52:25 -0800" {3}', b" x(\\Seen) {3}", b" x y {3}",
     b" x (\\Seen) (\\Seen) {3}", b" x UTF8 {3}", b" x UTF8 ({3}", b" x UTF8(~{3}", b" x CATENATE (TEXT {3}", b" x  {3}",
     b' x "07-Feb-1994 21:52:25 -0800" (\\Seen) {3}', b" x {3", b" x {" + b"9" * 30 + b"}"],
)  # fmt: skip
def test_no_append(rest):
    """Who waits is told BAD instead of ``+``."""
    assert flaw(b"APPEND" + rest).status == "BAD"


def test_a_name_that_is_none():
    """CASES H7: NO, before the letter comes."""
    assert tags(events(b"a APPEND R&D {3}\r\nb APPEND R&D {3+}\r\nxyz\r\nc NOOP\r\n")) == [
        "a NO [CANNOT]",
        "b NO [CANNOT]",
        "c NOOP",
    ]
