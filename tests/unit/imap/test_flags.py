"""Flags: names and bits fit together, and many FETCH responses of flags are cheap."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.mail.timing import within
from yubin.imap import flags
from yubin.mailboxes import port

KEYWORDS = ("$Forwarded", "$Junk", "仕事")


def test_bits_are_those_of_the_store():
    """The gateway hands the store's bit sets over as they are."""
    assert {name: flags.bit(name, ()) for name in flags.SYSTEM} == dict(port.SYSTEM_FLAGS)
    assert flags.FIRST_KEYWORD == port.FIRST_KEYWORD
    assert flags.bit("k57", [f"k{n}" for n in range(port.KEYWORDS)]) < flags.RECENT


def test_a_set_is_named_in_one_order():
    """RFC 3501 7.4.2: Recent, system flags, then keywords."""
    assert flags.names(1 | 8 | 1 << 6, KEYWORDS, recent=True) == ["\\Recent", "\\Seen", "\\Deleted", "$Junk"]
    assert flags.names(0, KEYWORDS) == []


@given(st.integers(0, 2**63 - 1))
def test_names_lead_back_to_their_bits(bits):
    """Every bit that has a name has that name, and no other."""
    keywords = [f"k{n}" for n in range(20)]
    known = bits & (1 << 25) - 1
    assert sum(flags.bit(name, keywords) for name in flags.names(bits, keywords)) == known


def test_names_are_found_in_any_case():
    """RFC 9051 2.3.2: flags are case-insensitive; system flags are written in one way."""
    assert flags.bit("\\sEEN", KEYWORDS) == 1
    assert flags.bit("$junk", KEYWORDS) == 1 << 6
    assert flags.bit("$NotJunk", KEYWORDS) == 0
    assert flags.canonical("\\DELETED") == "\\Deleted"
    assert flags.canonical("$mdnsent") == "$mdnsent"


def test_lines_are_as_the_rfc_prints_them():
    """RFC 3501 7.4.2, with UID (6.4.8) and MODSEQ (RFC 7162 3.1.4.2) where they are asked for."""
    seqs, uids, bits = range(22, 24), [4827, 4829], [1, 0]
    assert flags.lines(seqs, uids, bits, (), uid=False) == (
        b"* 22 FETCH (FLAGS (\\Seen))\r\n* 23 FETCH (FLAGS ())\r\n"
    )
    assert flags.lines(seqs, uids, bits, (), uid=True) == (
        b"* 22 FETCH (UID 4827 FLAGS (\\Seen))\r\n* 23 FETCH (UID 4829 FLAGS ())\r\n"
    )
    assert flags.lines(seqs, uids, bits, (), uid=False, modseqs=[7, 9]) == (
        b"* 22 FETCH (FLAGS (\\Seen) MODSEQ (7))\r\n* 23 FETCH (FLAGS () MODSEQ (9))\r\n"
    )
    assert flags.lines(seqs, uids, bits, (), uid=True, modseqs=[7, 9], recent_from=4829) == (
        b"* 22 FETCH (UID 4827 FLAGS (\\Seen) MODSEQ (7))\r\n"
        b"* 23 FETCH (UID 4829 FLAGS (\\Recent) MODSEQ (9))\r\n"
    )
    assert flags.lines([], [], [], (), uid=True) == b""


def test_keywords_are_those_of_their_mailbox():
    """The same bits mean other words in another mailbox."""
    assert flags.rendered(("a", "b"))[1 << 6] == b"(b)"
    assert flags.rendered(("a", "c"))[1 << 6] == b"(c)"


def test_many_sets_do_not_gather():
    """A mailbox with a set of its own for each letter costs no more memory than the bound."""
    shown = flags.Rendered(tuple(f"k{n}" for n in range(58)))
    for bits in range(20_000):
        assert shown[bits].startswith(b"(")
    assert len(shown) <= 4096


def test_flags_of_5000_letters_are_cheap():
    """FETCH 1:* (FLAGS), 5,000 letters: microseconds each, in this module at most 2 (here with room for a slow machine)."""
    count = 5000
    uids, bits = array("I", range(1, count + 1)), array("Q", [n % 64 for n in range(count)])

    def render():
        flags.lines(range(1, count + 1), uids, bits, KEYWORDS, uid=True, recent_from=count - 10)

    assert within(10e-6 * count, render)
