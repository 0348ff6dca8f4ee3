"""USER and PASS, and how a login ends."""

import pytest

from tests.unit.pop3.world import ALICE, PASSWORD, World, inside
from yubin.errors import Exhausted, Unavailable
from yubin.pop3.needs import Login
from yubin.pop3.reply import InUse


def test_the_right_password_opens_the_maildrop():
    """RFC 1939 7: USER, PASS, and the reply says what is there."""
    world = World()
    assert world.lines(f"USER {ALICE}", f"PASS {PASSWORD}", "STAT") == [
        "+OK Now the password",
        "+OK 3 messages (69 octets)",
        "+OK 3 69",
    ]
    assert world.logins == [(ALICE, PASSWORD)]


def test_a_wrong_password_is_told_with_its_code():
    """RFC 3206 4: [AUTH]; USER has to be said again."""
    world = World()
    assert world.lines(f"USER {ALICE}", "PASS wrong")[1] == "-ERR [AUTH] Authentication credentials invalid"
    assert world.lines(f"PASS {PASSWORD}") == ["-ERR USER comes first"]


def test_the_third_wrong_password_ends_the_connection():
    """A list of passwords needs many connections, and those are counted elsewhere."""
    world = World()
    said = world.lines(*[f"USER {ALICE}", "PASS wrong"] * 5)
    assert [line[:4] for line in said] == ["+OK ", "-ERR"] * 3
    assert world.session.over
    assert len(world.logins) == 3


@pytest.mark.parametrize("command", [f"USER {ALICE}", f"PASS {PASSWORD}", "AUTH PLAIN", "AUTH"])
def test_no_password_in_clear(command):
    """CASES F4: before TLS it is not offered and refused, and nothing is asked of anybody."""
    world = World(tls=False)
    assert world.lines(command) == ["-ERR [AUTH] Passwords are taken over TLS only"]
    assert world.logins == []


def test_a_name_that_nobody_has_is_answered_like_any_other():
    """Who exists is not told by USER."""
    assert World().lines("USER nobody@a.example") == World().lines(f"USER {ALICE}")


def test_a_password_with_spaces_and_letters_of_the_world():
    """RFC 1939 7: all behind the first space is the password; RFC 6856 2.2: in UTF-8."""
    world = World()
    world.lines("USER 郵便@a.example", "PASS  ひみつ の ことば ")
    assert world.logins == [("郵便@a.example", " ひみつ の ことば ")]


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (InUse(), "-ERR [IN-USE] Another session reads this maildrop; try again later"),
        (Exhausted("Too many attempts", code=454, enhanced="4.7.0"), "-ERR [SYS/TEMP] Too many attempts"),
        (Unavailable("Away"), "-ERR [SYS/TEMP] Away"),
    ],
)
def test_why_a_login_failed_is_told_apart(failure, said):
    """RFC 2449 8.1.2 and RFC 3206: a program knows whether to ask for another password or to come again."""
    world = World()
    world.failures[Login] = failure
    assert world.lines(f"USER {ALICE}", f"PASS {PASSWORD}")[1] == said
    assert world.lines(f"USER {ALICE}", f"PASS {PASSWORD}")[1].startswith("+OK")


def test_who_is_inside_cannot_log_in_again():
    """RFC 1939 3: the state is TRANSACTION."""
    assert inside().lines(f"USER {ALICE}", "AUTH PLAIN") == ["-ERR This command has no place here"] * 2


def test_user_without_a_name():
    """A name is wanted."""
    assert World().lines("USER", "USER ") == ["-ERR USER wants a name"] * 2
