"""Names of mailboxes on the wire."""

import codecs
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.mail.timing import SMALL, SMALL_LIMIT, within
from yubin.imap import names
from yubin.imap.flaw import Flaw


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),  # RFC 3501 5.1.3
        ("INBOX", b"INBOX"),
        ("R&D", b"R&-D"),
        ("&", b"&-"),
        ("Entwürfe", b"Entw&APw-rfe"),
        ("😀", b"&2D3eAA-"),
        ("a\tb", b"a&AAk-b"),
        ("", b""),
        ("&-ü&", b"&--&APw-&-"),
    ],
)
def test_modified_utf_7(name, wire):
    """RFC 3501 5.1.3, both ways."""
    assert names.encode(name) == wire
    assert names.decode(wire) == name


@given(st.text())
def test_both_ways(name):
    """Any text survives, with and without UTF-8."""
    assert names.decode(names.encode(name)) == name
    assert names.encode(name).isascii()
    assert names.decode(names.encode(name, utf8=True), utf8=True) == name


@given(st.text(max_size=20))
def test_as_another_implementation_writes_it(name):
    """Python's UTF-7, with the changes of RFC 3501 5.1.3 made to it, reads what is written here."""
    wire = names.encode(name).decode("ascii")
    parts = wire.split("&")
    read = parts[0]
    for part in parts[1:]:
        packed, _, rest = part.partition("-")
        read += codecs.decode(f"+{packed.replace(',', '/')}-".encode(), "utf-7") if packed else "&"
        read += rest
    assert read == name


@pytest.mark.parametrize(
    "wire",
    [
        b"R&D",
        b"&",
        b"&ZeVnLIqe",
        b"&ZeVnLIq-",
        b"&AGE-",  # "a" needs no shift
        b"&ACY-",  # nor does "&"
        b"&U,BTFw-&ZeVnLIqe-",  # two shifts where one is enough
        b"&ZeVnLIqf=-",
        b"&U/BTFw-",
        b"&2D0-",  # half of a pair
        b"&!!!-",
        b"a\tb",
        b"a\x7f",
        b"&ZeVnLIqf-x&",
    ],
)
def test_what_is_not_what_would_be_written(wire):
    """Two spellings of one name would be two mailboxes for one client, one for another."""
    with pytest.raises(Flaw) as flaw:
        names.decode(wire)
    assert (flaw.value.status, flaw.value.code) == ("NO", "CANNOT")


def test_utf_8_is_understood_from_everybody():
    """RFC 9051 5.1; and clients that never asked for it send it all the same."""
    assert names.decode("日本&語".encode(), utf8=True) == "日本&語"
    assert names.decode("日本&語".encode()) == "日本&語"
    assert names.decode(b"&ZeVnLIqe-", utf8=True) == "&ZeVnLIqe-"


@pytest.mark.parametrize("utf8", [True, False])
@pytest.mark.parametrize("wire", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"a\xe3\x81"])
def test_no_utf_8(wire, utf8):
    """Overlong forms and surrogates are none."""
    with pytest.raises(Flaw) as flaw:
        names.decode(wire, utf8=utf8)
    assert flaw.value.status == "NO"


@given(st.binary(max_size=30), st.booleans())
def test_what_is_read_is_written_back(wire, utf8):
    """One name has one spelling; whatever else comes is a Flaw."""
    try:
        name = names.decode(wire, utf8=utf8)
    except Flaw:
        return
    assert names.encode(name, utf8=utf8 or not wire.isascii()) == wire


@pytest.mark.parametrize("unit", [b"&", b"&-", b"&ZeVnLIqe-", b"-&", "日".encode(), b"&" + b"A" * 60_000])
def test_long_names_cost_little(unit):
    """CASES H7: a name of 64 KiB is read, or refused, in milliseconds."""

    def read():
        with suppress(Flaw):
            names.decode(unit * (SMALL // len(unit)))

    assert within(SMALL_LIMIT, read)
