"""The Lookup port: the fake and the network adapter, which asks a real DNS server over UDP and TCP, keep one contract."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.servers.dns import DnsServer
from yubin.dns.memory import MemoryLookup
from yubin.dns.network import NetworkLookup, Terms
from yubin.dns.port import Lookup, Outcome

ZONE = """
$ORIGIN example.
@ 60 SOA ns h 1 3600 600 86400 40
a 100 MX 10 mx1.a
a 100 MX 20 MX2.A
a 100 A 192.0.2.1
a 100 AAAA 2001:db8::1
a 100 TXT "v=spf1 " "-all"
null 100 MX 0 .
www 20 CNAME a
out 20 CNAME missing
_dmarc.a TXT "v=DMARC1"
big.a 100 TXT "many"
"""
MANY = "".join(f"many 100 MX {n} a-long-name-of-a-host-{n}.many\n" for n in range(300))


@pytest.fixture(params=["memory", "network", "mixed_case"])
def make(request, dns_server: DnsServer) -> Callable[[str], Lookup]:
    def of(zone: str) -> Lookup:
        if request.param == "memory":
            return MemoryLookup(zone)
        dns_server.load(zone)
        return NetworkLookup((dns_server.server,), Terms(mixed_case=request.param == "mixed_case"))

    return of


async def test_records_are_found(make):
    """Every type, in any case and with or without the last dot, with the TTL of the zone."""
    lookup = make(ZONE)
    mx = await lookup.query("A.example.", "MX")
    assert (mx.outcome, mx.ttl) == (Outcome.FOUND, 100)
    assert {(r.preference, r.value) for r in mx.records} == {(10, "mx1.a.example"), (20, "mx2.a.example")}
    for rdtype, value in (("A", "192.0.2.1"), ("AAAA", "2001:db8::1"), ("TXT", "v=spf1 -all")):
        answer = await lookup.query("a.example", rdtype)
        assert [r.value for r in answer.records] == [value]
    assert (await lookup.query("_dmarc.a.example", "TXT")).records[0].value == "v=DMARC1"


async def test_a_null_mx_is_the_root(make):
    """RFC 7505: the exchange is "."."""
    assert [r.value for r in (await make(ZONE).query("null.example", "MX")).records] == ["."]


async def test_absence_is_told_apart(make):
    """RFC 2308: NXDOMAIN is not NODATA, and both hold for the SOA's minimum."""
    lookup = make(ZONE)
    missing, none = await lookup.query("missing.example", "MX"), await lookup.query("www.a.example", "MX")
    assert (missing.outcome, missing.records, missing.ttl) == (Outcome.NXDOMAIN, (), 40)
    assert none.outcome is Outcome.NXDOMAIN
    nodata = await lookup.query("null.example", "A")
    assert (nodata.outcome, nodata.ttl) == (Outcome.NODATA, 40)


async def test_aliases_are_told(make):
    """The CNAMEs on the way, the least TTL, and what lies at the end."""
    lookup = make(ZONE)
    www, out = await lookup.query("www.example", "A"), await lookup.query("out.example", "A")
    assert (www.records[0].value, www.aliases, www.ttl) == ("192.0.2.1", ("a.example",), 20)
    assert (out.outcome, out.aliases) == (Outcome.NXDOMAIN, ("missing.example",))


async def test_a_name_that_dns_cannot_carry_does_not_exist(make):
    """A label of 64 octets, or an empty one, is answered without a query."""
    lookup = make(ZONE)
    for name in (f"{'a' * 64}.example", "a..example"):
        assert (await lookup.query(name, "A")).outcome is Outcome.NXDOMAIN


async def test_a_large_answer_arrives_whole(make):
    """CASES D4, D7: 300 MX records do not fit into a datagram."""
    answer = await make("$ORIGIN example.\n" + MANY).query("many.example", "MX")
    assert len(answer.records) == 300
