"""APOP (RFC 1939 7)."""

from tests.unit.pop3.world import ALICE, World


def test_apop_is_refused_politely():
    """No plaintext is kept to compute its digest with; the reply says what to do instead, and is no bad command."""
    world = World()
    said = world.lines(*[f"APOP {ALICE} c4c9334bac560ecc979e58001b3e22fb"] * 20)
    assert said == ["-ERR APOP is not offered here; use USER or AUTH over TLS"] * 20
    assert not world.session.over
