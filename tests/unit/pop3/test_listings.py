"""LIST (RFC 1939 5) and UIDL (RFC 1939 7)."""

import re

import pytest

from tests.unit.pop3.world import inside

IDS = ["0000006500000003", "0000006500000006", "0000006500000009"]


def test_list_of_all_and_of_one():
    """Numbers and stored octets."""
    assert inside().lines("LIST", "LIST 2") == ["+OK 3 messages", "1 23", "2 28", "3 18", ".", "+OK 2 28"]


def test_uidl_of_all_and_of_one():
    """CASES H13: UIDVALIDITY and UID: the same in every session, and never that of another message."""
    assert inside().lines("UIDL", "UIDL 3") == [
        "+OK 3 messages",
        *[f"{n} {i}" for n, i in enumerate(IDS, 1)],
        ".",
        f"+OK 3 {IDS[2]}",
    ]
    assert all(re.fullmatch("[!-~]{1,70}", i) for i in IDS)


@pytest.mark.parametrize("verb", ["LIST", "UIDL"])
def test_what_is_marked_is_not_listed(verb):
    """RFC 1939 5: and the others keep their numbers."""
    said = inside().lines("DELE 2", verb, f"{verb} 2", f"{verb} 3")
    assert [line.split()[0] for line in said[2:4]] == ["1", "3"]
    assert said[-2:][0] == "-ERR There is no such message"
    assert said[-1].startswith("+OK 3 ")


@pytest.mark.parametrize("verb", ["LIST", "UIDL"])
def test_a_large_maildrop_is_listed_in_parts(verb):
    """Never more than some thousand lines are held; all arrive."""
    world = inside(letters=[b"x\r\n"] * 9000)
    said = world.lines(verb)
    assert len(said) == 9002
    assert [int(line.split()[0]) for line in said[1:-1]] == list(range(1, 9001))
    assert world.rooms == 4


@pytest.mark.parametrize("verb", ["LIST", "UIDL", "RETR", "DELE"])
@pytest.mark.parametrize(
    "number", ["0", "-1", "+1", "01", "4", "1.0", "2147483648", "9" * 200, "１", "1 2", "one", "٣", " 1"]
)
def test_numbers_that_no_message_has(verb, number):
    """CASES H13: signs, leading zeros, 2^31 and what is no number: -ERR."""
    assert inside().lines(f"{verb} {number}")[0].startswith("-ERR")
