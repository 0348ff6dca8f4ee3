"""AUTH (RFC 5034)."""

from base64 import b64encode

import pytest

from tests.unit.pop3.world import ALICE, PASSWORD, World, plain


def b64(text):
    return b64encode(text.encode()).decode()


def test_plain_with_an_initial_response():
    """RFC 5034 4: one line, and the client is in."""
    assert World().lines(f"AUTH PLAIN {plain()}") == ["+OK 3 messages (69 octets)"]


def test_plain_with_a_challenge():
    """RFC 5034 4: an empty challenge is "+ "."""
    assert World().lines("AUTH plain", plain()) == ["+ ", "+OK 3 messages (69 octets)"]


def test_login_asks_twice():
    """As Outlook and many devices speak it."""
    assert World().lines("AUTH LOGIN", b64(ALICE), b64(PASSWORD)) == [
        f"+ {b64('Username:')}",
        f"+ {b64('Password:')}",
        "+OK 3 messages (69 octets)",
    ]


def test_login_with_an_initial_response():
    """The name comes with the command."""
    assert World().lines(f"AUTH LOGIN {b64(ALICE)}", b64(PASSWORD))[-1].startswith("+OK")


def test_without_an_argument_the_mechanisms_are_named():
    """As clients older than CAPA ask."""
    assert World().lines("AUTH") == ["+OK Mechanisms follow", "PLAIN", "LOGIN", "."]


@pytest.mark.parametrize(
    ("commands", "said"),
    [
        (["AUTH XOAUTH2 abc"], "-ERR This mechanism is not offered"),
        (["AUTH PLAIN ***"], "-ERR Not base64"),
        (["AUTH PLAIN", "*"], "-ERR Authentication cancelled"),
        (["AUTH PLAIN", "dGhpcyBpcyBubyBQTEFJTg=="], "-ERR Bad PLAIN message"),
        (["AUTH PLAIN ="], "-ERR Bad PLAIN message"),
        (["AUTH PLAIN", "A" * 13000], "-ERR The line is too long"),
        ([f"AUTH PLAIN {plain(password='wrong')}"], "-ERR [AUTH] Authentication credentials invalid"),
        ([f"AUTH PLAIN {plain(password='a' * 2000)}"], "-ERR [AUTH] Authentication credentials invalid"),
    ],
)
def test_what_does_not_lead_in(commands, said):
    """CASES F9: bad base64, a cancel, too much, an empty response: -ERR, and the next attempt may succeed."""
    world = World()
    assert world.lines(*commands)[-1] == said
    assert world.lines(f"AUTH PLAIN {plain()}")[0].startswith("+OK")


def test_a_response_may_be_longer_than_a_command():
    """RFC 5034 4: up to 12 KB; here a login and a password of 1,000 octets each."""
    world = World()
    world.lines("AUTH PLAIN", plain("a" * 1000, "b" * 1000))
    assert world.logins == [("a" * 1000, "b" * 1000)]


def test_logins_that_no_account_can_have_count():
    """Three of them end the connection like three wrong passwords."""
    world = World()
    said = world.lines(*[f"AUTH PLAIN {plain(password='x' * 2000)}"] * 5)
    assert len(said) == 3
    assert world.session.over
