"""RETR (RFC 1939 5) and TOP (RFC 1939 7)."""

import pytest

from tests.unit.pop3.world import LETTERS, inside
from yubin.errors import NotFound, Unavailable
from yubin.pop3.needs import Letter, Open


@pytest.mark.parametrize("pieces", [1, 2, 7, 1000])
def test_a_message_comes_whole(pieces):
    """However storage cuts it."""
    world = inside(pieces=pieces)
    assert world.say(b"RETR 1\r\n") == b"+OK 23 octets\r\n" + LETTERS[0] + b".\r\n"
    assert world.say(b"RETR 2\r\n") == b"+OK 28 octets\r\nSubject: two\r\n\r\n..dot\r\nlast\r\n.\r\n"


def test_a_message_of_no_octets():
    """The final dot alone."""
    assert (
        inside(letters=[b""]).say(b"RETR 1\r\nTOP 1 5\r\n")
        == b"+OK 0 octets\r\n.\r\n+OK The top follows\r\n.\r\n"
    )


def test_a_message_that_is_gone():
    """CASES H13: expunged by another session: -ERR, and the others keep their numbers."""
    world = inside()
    del world.letters[2]
    assert world.lines("RETR 2", "STAT", "LIST 3", "UIDL 2") == [
        "-ERR It is gone",
        "+OK 3 69",
        "+OK 3 18",
        "+OK 2 0000006500000006",
    ]
    assert b"three" in world.say(b"RETR 3\r\n")


def test_a_marked_message_is_not_sent():
    """RFC 1939 5: any reference to it is an error."""
    world = inside()
    assert world.lines("DELE 1", "RETR 1", "TOP 1 0", "DELE 1")[1:] == ["-ERR There is no such message"] * 3


def test_storage_that_is_away_is_told():
    """[SYS/TEMP], and the session goes on when it is back."""
    world = inside()
    world.failures[Open] = Unavailable("Away")
    assert world.lines("RETR 1") == ["-ERR [SYS/TEMP] Away"]
    assert world.lines("RETR 1")[0] == "+OK 23 octets"


@pytest.mark.parametrize("command", [b"RETR 1\r\n", b"TOP 1 9\r\n"])
@pytest.mark.parametrize("failure", [Unavailable("Away"), NotFound("Gone")])
def test_a_message_that_breaks_off_has_no_final_dot(command, failure):
    """A part is never taken for the whole: the connection ends, nothing is removed, nothing more is obeyed."""
    world = inside(pieces=5)
    world.failures[Letter.MORE] = failure
    said = world.say(b"DELE 3\r\n" + command + b"QUIT\r\n")
    assert said.endswith(b"\r\nSubje")
    assert world.session.over
    assert world.updates == []
    assert world.notes[-1] == (command.split()[0].decode(), "cut")
    assert world.session.maildrop.retrieved == set()


def test_what_was_sent_whole_is_known():
    """So that it can be marked as seen; TOP does not count."""
    world = inside()
    world.lines("RETR 1", "TOP 2 5", "RETR 3", "RSET")
    assert world.session.maildrop.retrieved == {1, 3}


@pytest.mark.parametrize("pieces", [1, 3, 1000])
@pytest.mark.parametrize(
    ("lines", "body"),
    [
        (0, b""),
        (1, b"..a\r\n"),
        (2, b"..a\r\nb\r\n"),
        (3, b"..a\r\nb\r\nc\r\n"),
        (2**31 - 1, b"..a\r\nb\r\nc\r\n"),
    ],
)
def test_top(lines, body, pieces):
    """The header, the empty line, and that many lines of the body."""
    world = inside(letters=[b"A: b\r\nC: d\r\n\r\n.a\r\nb\r\nc"], pieces=pieces)
    assert (
        world.say(f"TOP 1 {lines}\r\n".encode())
        == b"+OK The top follows\r\nA: b\r\nC: d\r\n\r\n" + body + b".\r\n"
    )


def test_top_of_a_large_message_does_not_read_it():
    """Storage is told as soon as there is enough."""
    world = inside(letters=[b"A: b\r\n\r\n" + b"x\r\n" * 100_000], pieces=100)
    world.say(b"TOP 1 1\r\n")
    assert world._open is None


@pytest.mark.parametrize(
    "arguments",
    ["1", "1 -1", "1 2147483648", "1 01", "1 +1", "-1 0", "0 0", "1  0", "1 0 0", "", "x y", "1 1e3"],
)
def test_top_with_numbers_that_are_none(arguments):
    """CASES H13: TOP -1, 2^31 and their like are -ERR."""
    assert inside().lines(f"TOP {arguments}")[0].startswith("-ERR")


def test_two_letters_in_one_pipeline():
    """RFC 2449 6.8: answered in order; what is asked behind a message waits for its end."""
    world = inside(pieces=4)
    said = world.say(b"RETR 1\r\nRETR 3\r\nDELE 1\r\nQUIT\r\n")
    assert said == (
        b"+OK 23 octets\r\n"
        + LETTERS[0]
        + b".\r\n+OK 18 octets\r\n"
        + LETTERS[2]
        + b".\r\n+OK Marked\r\n+OK Goodbye\r\n"
    )
    assert world.updates == [(1,)]


@pytest.mark.parametrize("command", ["RETR 2", "TOP 2 0", "TOP 2 1", "TOP 2 2", "TOP 2 9"])
def test_a_message_that_is_here_whole(command):
    """It is delivered in one step, with the same octets as in pieces, and the command behind it is next."""
    world = inside()
    world.session.feed(f"{command}\r\nRETR 3\r\n".encode())
    assert world.session.advance() == Open(number=2, verb=command[:4].rstrip())
    assert world.session.deliver(LETTERS[1]) == Open(number=3, verb="RETR")
    assert world.session.take() == inside().say(f"{command}\r\n".encode())
    assert (2 in world.session.maildrop.retrieved) == (command == "RETR 2")
    assert world.notes == [(command[:4].rstrip(), "ok")]
