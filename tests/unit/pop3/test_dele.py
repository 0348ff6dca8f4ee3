"""DELE (RFC 1939 5)."""

from tests.unit.pop3.world import inside


def test_dele_marks_and_quit_removes():
    """RFC 1939 6: only the UPDATE state removes, and exactly what was marked."""
    world = inside()
    assert world.lines("DELE 3", "DELE 1") == ["+OK Marked"] * 2
    assert world.updates == []
    assert world.lines("QUIT") == ["+OK Goodbye"]
    assert world.updates == [(1, 3)]


def test_dele_without_quit():
    """CASES H13: nothing is removed when the connection ends otherwise."""
    world = inside()
    world.lines("DELE 1", *["XYZZY"] * 10)
    assert world.session.over
    assert world.updates == []


def test_marking_twice():
    """RFC 1939 5: -ERR."""
    assert inside().lines("DELE 1", "DELE 1")[1] == "-ERR There is no such message"
