"""STAT, NOOP and RSET (RFC 1939 5)."""

import pytest

from tests.unit.pop3.world import inside


def test_stat_leaves_out_what_is_marked():
    """RFC 1939 5: marked messages are not counted in either total."""
    assert inside().lines("STAT", "DELE 2", "STAT")[::2] == ["+OK 3 69", "+OK 2 41"]


def test_stat_of_an_empty_maildrop():
    """Two zeros."""
    assert inside(letters=[]).lines("STAT") == ["+OK 0 0"]


def test_rset_unmarks():
    """RFC 1939 5: what was marked is there again."""
    world = inside()
    assert world.lines("DELE 1", "DELE 2", "RSET", "STAT", "QUIT")[2:4] == [
        "+OK 3 messages (69 octets)",
        "+OK 3 69",
    ]
    assert world.updates == [()]


@pytest.mark.parametrize("verb", ["STAT", "NOOP", "RSET"])
def test_without_an_argument(verb):
    """An argument is -ERR; a space at the end of the line is not one."""
    assert inside().lines(f"{verb} 1")[0].startswith("-ERR")
    assert inside().lines(f"{verb} ")[0].startswith("+OK")
