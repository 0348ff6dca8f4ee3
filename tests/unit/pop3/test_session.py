"""The session as a whole: states, cuts of the stream, what is borne of a client that leads nowhere."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.pop3.world import ALICE, PASSWORD, TERMS, World, inside, plain
from yubin.pop3.commands import COMMANDS
from yubin.pop3.dialogue import State

STREAM = (
    f"CAPA\r\nUSER {ALICE}\r\nPASS {PASSWORD}\r\nSTAT\r\nLIST\nUIDL 2\r\nRETR 1\r\nTOP 2 1\r\nRETR 9\r\nXYZZY\r\n"
    f"TOP 1 -1\r\n{'x' * 300}\r\nDELE 2\r\nLIST\r\nRSET\r\nNOOP\r\n{'A' * 13000}\r\nDELE 1\r\nQUIT\r\nSTAT\r\n"
).encode()


def test_the_greeting_names_the_host_and_no_timestamp():
    """A timestamp in angle brackets would announce APOP (RFC 1939 7)."""
    assert World().greeting == b"+OK mail.a.example POP3\r\n"


@given(st.lists(st.integers(0, len(STREAM)), max_size=40))
def test_every_cut_of_the_stream_gives_the_same_replies(cuts):
    """Commands are the same however the network delivers them, and so is each answer."""
    whole = World()
    expected = whole.say(STREAM)
    edges = [0, *sorted(cuts), len(STREAM)]
    world = World()
    assert world.say(*[STREAM[a:b] for a, b in itertools.pairwise(edges)]) == expected
    assert world.updates == whole.updates == [(1,)]
    assert world.notes == whole.notes


@given(st.binary(max_size=2000), st.binary(max_size=200))
def test_noise_gets_replies_and_nothing_else(before, behind):
    """Whatever octets come, each line of an answer begins with +OK, -ERR or belongs to a listing, and no exception leaves."""
    world = World()
    for line in (world.say(before, b"\r\n", behind)).split(b"\r\n")[:-1]:
        assert line[:1] in b"+-" or line.isascii()
    assert world.logins == []


def test_a_line_feed_alone_ends_a_command_too():
    """As other servers take it."""
    assert World().say(b"USER a\nUSER b\r\n").count(b"+OK") == 2


@pytest.mark.parametrize(
    "line", [b"NO\0OP", b"USER a\0b", b"USER a\tb", b"NOOP\rNOOP", b"USER \xff\xfe", b"", b" USER a", b"AB"]
)
def test_octets_that_no_command_has(line):
    """NUL, controls, a bare CR, what is no UTF-8, and empty lines are -ERR, once."""
    said = World().say(line + b"\r\n")
    assert said.startswith(b"-ERR ")
    assert said.count(b"\r\n") == 1


def test_the_longest_command():
    """RFC 2449 4: 255 octets with CRLF; one more is refused."""
    assert World().lines("USER " + "a" * 248)[0].startswith("+OK")
    assert World().lines("USER " + "a" * 249)[0].startswith("-ERR")


def test_a_line_without_end_costs_no_memory_and_one_error():
    """What is longer than any command is thrown away as it comes; the next line is a command again."""
    world = World()
    for _ in range(1000):
        assert world.say(b"x" * 4096) == b""
        assert world.session.held <= 12288 + 4096
    assert world.say(b"\r\nUSER a\r\n").split(b"\r\n")[:2] == [
        b"-ERR The line is too long",
        b"+OK Now the password",
    ]


def test_a_token_may_be_long():
    """RFC 5034 4: 64 KiB for AUTH and for what answers a challenge, and nothing else; what is longer is thrown away."""
    token = "A" * (65_536 - 20)
    for said in ([f"AUTH PLAIN {token}"], ["AUTH PLAIN", token]):
        assert World().lines(*said)[-1] == "-ERR Bad PLAIN message"
        assert World().lines(*said[:-1], said[-1] + "A" * 20)[-1] == "-ERR The line is too long"
    world = World()
    world.say(b"auth plain\r\n")
    for _ in range(1000):
        assert world.say(b"A" * 4096) == b""
        assert world.session.held <= 65_536 + 4096
    assert (
        world.say(b"\r\nAUTHOR " + b"A" * 12_288 + b"\r\n").split(b"\r\n")[:2]
        == [b"-ERR The line is too long"] * 2
    )
    for _ in range(100):
        assert world.say(b"AUTH" + b"A" * 4096) == b""
        assert world.session.held <= 12_288 + 4100


@pytest.mark.parametrize("state", [State.AUTHORIZATION, State.TRANSACTION])
def test_each_verb_has_its_states(state):
    """RFC 1939 3: a verb of another state is -ERR and changes nothing."""
    others = {verb for table in COMMANDS.values() for verb in table} - COMMANDS[state].keys()
    for verb in others:
        world = World() if state is State.AUTHORIZATION else inside()
        assert world.lines(f"{verb} 1")[0] == "-ERR This command has no place here"
        assert not world.session.over


def test_verbs_in_any_case():
    """RFC 1939 3: keywords are case-insensitive."""
    assert inside().lines("sTaT") == inside().lines("STAT")


def test_ten_bad_commands_end_the_connection():
    """CASES E11's neighbour: the tenth refusal is the last reply; what follows is not read."""
    world = World()
    assert len(world.lines(*["XYZZY"] * 30)) == 10
    assert world.session.over


def test_what_is_of_use_makes_up_for_bad_commands():
    """A long session with a mistake now and then goes on."""
    world = inside()
    for _ in range(30):
        world.lines("XYZZY", "RETR 1")
    assert not world.session.over


def test_commands_that_do_nothing_are_counted_by_the_minute():
    """A hundred at once and one a second; a client that asks every minute stays."""
    world = inside()
    for _ in range(500):
        world.now += 60
        assert world.lines("NOOP") == ["+OK Done"]
    said = world.lines(*["NOOP"] * 200)
    assert said[-1].startswith("-ERR [SYS/TEMP] Too many")
    assert len(said) == 101  # 99 that are borne, one more, and why it ends
    assert world.session.over


def test_a_stranger_may_not_go_on_for_ever():
    """Before login every command counts, whether or not it is answered with +OK."""
    world = World()
    world.lines(*["AUTH", "XYZZY"] * 200)
    assert world.session.over


def test_a_long_pipeline_lets_others_in_between():
    """RFC 2449 6.8: all are answered in order; after each hundred the session asks for room."""
    world = inside()
    assert world.lines(*["LIST 1"] * 1000) == ["+OK 1 23"] * 1000
    assert world.rooms == 9


def test_what_was_done_is_noted_with_bounded_names():
    """Metrics have the verbs of the table and no word of a client's making."""
    world = World()
    world.lines("XYZZY", "QWERTY 1", "STAT", "CAPA", f"AUTH PLAIN {plain()}", "RETR 1", "RETR 9")
    assert world.notes == [
        ("other", "err"), ("other", "err"), ("STAT", "err"), ("CAPA", "ok"), ("AUTH", "ok"), ("RETR", "ok"), ("RETR", "err"),
    ]  # fmt: skip


def test_nothing_secret_is_shown():
    """CASES L8: neither a command nor a need shows a password when it is logged or printed."""
    from yubin.pop3.command import command
    from yubin.pop3.needs import Login

    assert PASSWORD not in repr(command(f"PASS {PASSWORD}".encode()))
    assert PASSWORD not in repr(Login(login=ALICE, password=PASSWORD))


def test_terms_bound_the_errors():
    """The settings are obeyed, not only the defaults."""
    world = World(terms=replace(TERMS, errors=2))
    assert len(world.lines(*["XYZZY"] * 30)) == 2
