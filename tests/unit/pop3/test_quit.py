"""QUIT (RFC 1939 4 and 6)."""

import pytest

from tests.unit.pop3.world import World, inside
from yubin.errors import Internal, Unauthenticated, Unavailable
from yubin.pop3.needs import Update


def test_before_the_login():
    """RFC 1939 4: there is no UPDATE state."""
    world = World()
    assert world.lines("QUIT", "NOOP") == ["+OK Goodbye"]
    assert world.session.over
    assert world.updates == []


def test_behind_the_login():
    """RFC 1939 6: the maildrop is let go before the reply, so that the next session finds it free."""
    world = inside()
    assert world.lines("QUIT") == ["+OK Goodbye"]
    assert world.updates == [()]
    assert world.session.over


@pytest.mark.parametrize("failure", [Unavailable("x"), Internal("x"), Unauthenticated("x")])
def test_removal_that_failed_is_told(failure):
    """RFC 1939 6: "-ERR some deleted messages not removed"; the connection ends all the same."""
    world = inside()
    world.failures[Update] = failure
    assert world.lines("DELE 1", "QUIT")[1] == "-ERR [SYS/TEMP] Some deleted messages were not removed"
    assert world.session.over


def test_quit_has_no_argument():
    """RFC 1939 4: it is a bad command, and nothing ends."""
    world = inside()
    assert world.lines("QUIT now")[0].startswith("-ERR")
    assert not world.session.over
