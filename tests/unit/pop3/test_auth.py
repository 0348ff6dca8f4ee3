"""AUTH (RFC 5034)."""

from base64 import b64encode
from dataclasses import replace

import pytest

from tests.unit.pop3.world import ALICE, PASSWORD, TERMS, World, plain
from yubin.errors import Unavailable
from yubin.pop3.needs import Prove
from yubin.sasl.mechanisms import SERVER

INVALID = b64encode(b'{"status":"invalid_token"}').decode()
EVERY = replace(TERMS, mechanisms=tuple(SERVER))


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
        (["AUTH PLAIN", "A" * 65_536], "-ERR The line is too long"),
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


def test_scram_is_four_messages():
    """RFC 5802 over RFC 5034: the server's last word is a challenge, and the client's last line is empty."""
    world = World(terms=EVERY)
    said = world.lines("AUTH SCRAM-SHA-256", b64("n,,n=u,r=x"), b64("proof"), "")
    assert said == ["+ ", f"+ {b64('r=ours')}", f"+ {b64('v=x')}", "+OK 1 messages (7 octets)"]


def test_scram_that_proves_nothing_counts():
    """Three of them end the connection, as three wrong passwords do."""
    world = World(terms=EVERY)
    wrong = ["AUTH SCRAM-SHA-256", b64("n,,n=u,r=x"), b64("no proof")]
    assert world.lines(*wrong)[-1] == "-ERR [AUTH] Authentication credentials invalid"
    world.lines(*wrong)
    assert not world.session.over
    world.lines(*wrong)
    assert world.session.over


def test_a_bearer_token():
    """RFC 7628: in, or the reason as JSON, a dummy response, and only then -ERR."""
    right = b64("n,,\x01auth=Bearer right\x01\x01")
    assert World(terms=EVERY).lines(f"AUTH OAUTHBEARER {right}") == ["+OK 1 messages (7 octets)"]
    world = World(terms=EVERY)
    wrong = b64("n,,\x01auth=Bearer wrong\x01\x01")
    for _ in range(3):
        assert not world.session.over
        assert world.lines("AUTH OAUTHBEARER", wrong, "AQ==") == [
            "+ ",
            f"+ {INVALID}",
            "-ERR [AUTH] Authentication credentials invalid",
        ]
    assert world.session.over


def test_a_directory_that_is_away_is_no_verdict_about_the_token():
    """-ERR at once, with the code of a temporary failure."""
    world = World(terms=EVERY)
    world.failures[Prove] = Unavailable("Temporary authentication failure")
    right = b64("n,,\x01auth=Bearer right\x01\x01")
    assert world.lines(f"AUTH OAUTHBEARER {right}") == ["-ERR [SYS/TEMP] Temporary authentication failure"]
