"""The zone in memory, as an authoritative server would answer from it."""

from __future__ import annotations

import pytest

from yubin.dns.memory import MemoryLookup
from yubin.dns.port import Outcome
from yubin.dns.zone import Zone


async def outcome(zone: str, name: str, rdtype: str) -> Outcome:
    return (await MemoryLookup(zone).query(name, rdtype)).outcome


async def test_a_name_with_names_below_it_is_no_nxdomain():
    """RFC 8020: an empty non-terminal exists."""
    assert await outcome("mx.a.example. A 8.8.8.8", "a.example", "MX") is Outcome.NODATA
    assert await outcome("mx.a.example. A 8.8.8.8", "b.example", "MX") is Outcome.NXDOMAIN


async def test_directives_are_read():
    """$ORIGIN and $TTL, parentheses, comments, and a SOA at the origin."""
    zone = """
    $TTL 77
    $ORIGIN demo.example.
    @ SOA ns hostmaster ( 1 ; serial
         3600 600 86400 33 )
    @ MX 10 mx
    mx A 8.8.8.8
    key._domainkey TXT ( "v=DKIM1; k=rsa; "
         "p=abc" )
    """.replace("\n    ", "\n")
    lookup = MemoryLookup(zone)
    assert (await lookup.query("demo.example", "MX")).ttl == 77
    assert (await lookup.query("none.demo.example", "A")).ttl == 33
    assert (await lookup.query("key._domainkey.demo.example", "TXT")).records[
        0
    ].value == "v=DKIM1; k=rsa; p=abc"


@pytest.mark.parametrize("text", ["a. MX ten b.", "$INCLUDE secrets", "$TTL", "a. A 1.2.3", "$ORIGIN"])
def test_what_is_no_zone_says_so(text):
    """A wrong file is an error with its line, and nothing else is ever read from the disk."""
    with pytest.raises(ValueError, match="not a zone"):
        Zone.parse(text)


async def test_two_zones_add_up():
    """Records of one name from both, without changing either."""
    one, two = Zone.parse("a.example. MX 1 x."), Zone.parse("a.example. MX 2 y.\nb.example. A 8.8.8.8")
    both = MemoryLookup(one + two)
    assert len((await both.query("a.example", "MX")).records) == 2
    assert len((await MemoryLookup(one).query("a.example", "MX")).records) == 1
