"""STLS (RFC 2595 4)."""

from dataclasses import replace

from tests.unit.pop3.world import ALICE, PASSWORD, TERMS, World


def test_passwords_are_taken_behind_it():
    """The same session in clear and then behind TLS."""
    world = World(tls=False)
    assert world.lines("STLS") == ["+OK Begin TLS"]
    assert world.handshakes == 1
    assert world.lines(f"USER {ALICE}", f"PASS {PASSWORD}")[1].startswith("+OK")


def test_what_came_behind_it_in_clear_ends_the_connection():
    """CASES E2's neighbour: octets that somebody put behind STLS are never obeyed behind TLS, nor before."""
    world = World(tls=False)
    assert world.lines("STLS", f"USER {ALICE}") == ["-ERR Nothing may follow STLS before its reply"]
    assert world.session.over
    assert world.handshakes == 0


def test_what_was_said_in_clear_is_forgotten():
    """RFC 2595 4: the server must discard what it knew."""
    world = World(tls=False, terms=replace(TERMS, auth_without_tls=True))
    world.lines(f"USER {ALICE}", "STLS")
    assert world.lines(f"PASS {PASSWORD}") == ["-ERR USER comes first"]


def test_not_twice():
    """RFC 2595 4: -ERR when TLS is active."""
    assert World().lines("STLS") == ["-ERR TLS is active already"]


def test_not_without_a_certificate():
    """What is not announced is refused."""
    assert World(tls=False, terms=replace(TERMS, stls=False)).lines("STLS") == ["-ERR STLS is not offered"]
