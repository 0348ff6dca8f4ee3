"""Reverse names with forward confirmation, blocklists, and the names that they ask for."""

from __future__ import annotations

import pytest

from yubin.dns import blocklist, reverse
from yubin.dns.memory import MemoryLookup
from yubin.dns.names import pointer, reversed_address, service_name
from yubin.dns.port import Outcome
from yubin.errors import Invalid

REVERSE = """
8.8.8.8.in-addr.arpa. PTR good.example.
8.8.8.8.in-addr.arpa. PTR liar.example.
good.example. A 8.8.8.8
liar.example. A 9.9.9.9
9.9.9.9.in-addr.arpa. CNAME 9.sub.example.
9.sub.example. PTR liar.example.
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.5.4.1.0.0.a.2.ip6.arpa. PTR six.example.
six.example. AAAA 2a00:1450:0::1
"""
LISTS = """
2.0.0.127.bl.example. A 127.0.0.2
2.0.0.127.bl.example. A 127.0.0.4
2.0.0.127.bl.example. TXT "listed; see the page\\010"
8.8.8.8.wild.example. A 203.0.113.1
8.8.8.8.refuses.example. A 127.255.255.254
spam.example.dbl.example. A 127.0.1.2
"""


async def test_only_names_that_lead_back_are_confirmed():
    """RFC 7208 5.5: anybody can claim a name; only its owner can confirm it."""
    found = await reverse.find("8.8.8.8", MemoryLookup(REVERSE))
    assert set(found.names) == {"good.example", "liar.example"}
    assert found.confirmed == ("good.example",)


@pytest.mark.parametrize(("address", "name"), [("9.9.9.9", "liar.example"), ("2a00:1450::1", "six.example")])
async def test_a_delegated_and_an_ipv6_address_are_confirmed(address, name):
    """RFC 2317: a CNAME in the reverse tree is followed; IPv6 goes by nibbles."""
    assert (await reverse.find(address, MemoryLookup(REVERSE))).confirmed == (name,)


async def test_a_reverse_name_that_cannot_be_looked_up_is_temporary():
    """A timeout is no proof that the name lies."""
    lookup = MemoryLookup(REVERSE)
    lookup.failing |= {"good.example"}
    found = await reverse.find("8.8.8.8", lookup)
    assert (found.outcome, found.confirmed) == (Outcome.TEMPORARY, ())


async def test_an_address_without_names_has_none():
    """NXDOMAIN in the reverse tree is an answer."""
    assert (await reverse.find("7.7.7.7", MemoryLookup(REVERSE))).outcome is Outcome.NXDOMAIN


async def test_many_reverse_names_are_bounded():
    """RFC 7208 4.6.4: ten PTR names are looked at."""
    lookup = MemoryLookup("".join(f"8.8.8.8.in-addr.arpa. PTR n{n}.example.\n" for n in range(50)))
    assert len((await reverse.find("8.8.8.8", lookup)).names) == 10
    assert lookup.queries.total() == 11


async def test_a_listed_address_has_codes_and_a_text():
    """RFC 5782 2.1: the codes are of 127.0.0.0/8; the text is printable."""
    (found,) = await blocklist.find("127.0.0.2", ["BL.example."], MemoryLookup(LISTS))
    assert found.outcome is Outcome.FOUND
    assert set(found.codes) == {"127.0.0.2", "127.0.0.4"}
    assert found.text == "listed; see the page?"


@pytest.mark.parametrize(
    ("zone", "outcome"),
    [
        ("wild.example", Outcome.NODATA),
        ("refuses.example", Outcome.TEMPORARY),
        ("dead.example", Outcome.TEMPORARY),
        ("bl.example", Outcome.NXDOMAIN),
    ],
)
async def test_a_list_that_is_broken_lists_nobody(zone, outcome):
    """A wildcard of an expired zone, "you may not ask", and a timeout do not list."""
    lookup = MemoryLookup(LISTS)
    lookup.failing.add("8.8.8.8.dead.example")
    (found,) = await blocklist.find("8.8.8.8", [zone], lookup)
    assert (found.outcome, found.codes) == (outcome, ())


async def test_a_domain_is_looked_up_as_it_is():
    """RFC 5782 3: domains stand in front of the zone in their own order."""
    (found,) = await blocklist.find("Spam.example", ["dbl.example"], MemoryLookup(LISTS))
    assert found.codes == ("127.0.1.2",)


async def test_more_than_twenty_lists_are_refused():
    """One call asks a bounded number of zones."""
    with pytest.raises(Invalid):
        await blocklist.find("8.8.8.8", ["a.example"] * 21, MemoryLookup(""))


def test_addresses_are_turned_round():
    """RFC 1035 3.5 and RFC 3596 2.5."""
    assert pointer("8.8.4.4") == "4.4.8.8.in-addr.arpa"
    assert pointer("2001:db8::1").endswith("8.b.d.0.1.0.0.2.ip6.arpa")
    assert reversed_address("127.0.0.2") == "2.0.0.127"


@pytest.mark.parametrize("text", ["", "8.8.8", "a.example", "::g", "127.0.0.1/8"])
def test_what_is_no_address_is_invalid(text):
    """An RPC with nonsense is the caller's mistake, not a query."""
    with pytest.raises(Invalid):
        pointer(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("_dmarc.Example.COM.", "_dmarc.example.com"),
        ("例え.example", "xn--r8jz45g.example"),
        ("a_b.example", "a_b.example"),
    ],
)
def test_service_names_may_have_underscores(text, name):
    """RFC 8552: _dmarc, _domainkey and the like."""
    assert service_name(text) == name


@pytest.mark.parametrize(
    "text", ["_a b.example", "_" * 64 + ".example", "[8.8.8.8]", "_x." + "a." * 130 + "com"]
)
def test_what_is_no_name_is_invalid(text):
    """A name with a space, a label of 64, an address, more than 253 octets."""
    with pytest.raises(Invalid):
        service_name(text)
