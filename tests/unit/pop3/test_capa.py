"""CAPA (RFC 2449 5): what is announced is what is true now."""

from dataclasses import replace

from tests.unit.pop3.world import TERMS, World, inside

ALWAYS = {
    "TOP",
    "UIDL",
    "UTF8 USER",
    "RESP-CODES",
    "AUTH-RESP-CODE",
    "PIPELINING",
    "EXPIRE NEVER",
    "IMPLEMENTATION Yubin",
}


def capabilities(world):
    first, *rest, last = world.lines("CAPA")
    assert first.startswith("+OK")
    assert last == "."
    assert len(rest) == len(set(rest))
    return set(rest)


def test_in_clear_tls_is_offered_and_no_password_is_asked_for():
    """CASES F4: USER and SASL are announced behind TLS only (RFC 2595 2.3)."""
    assert capabilities(World(tls=False)) == ALWAYS | {"STLS"}


def test_behind_tls():
    """STLS is gone (RFC 2595 4)."""
    assert capabilities(World()) == ALWAYS | {"USER", "SASL PLAIN LOGIN"}


def test_behind_the_login():
    """RFC 2449 5: CAPA is good in both states."""
    assert capabilities(inside()) == ALWAYS | {"USER", "SASL PLAIN LOGIN"}


def test_without_a_certificate_there_is_no_stls():
    """What cannot be done is not announced."""
    assert capabilities(World(tls=False, terms=replace(TERMS, stls=False))) == ALWAYS


def test_on_loopback_passwords_in_clear_can_be_allowed():
    """For benchmarks."""
    open_terms = replace(TERMS, stls=False, auth_without_tls=True)
    assert capabilities(World(tls=False, terms=open_terms)) == ALWAYS | {"USER", "SASL PLAIN LOGIN"}


def test_capa_has_no_argument():
    """RFC 2449 5."""
    assert World().lines("CAPA x")[0].startswith("-ERR")
