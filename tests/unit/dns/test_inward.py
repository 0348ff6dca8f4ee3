"""Addresses that point inside are never a way out (CASES D5)."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.dns.world import find, names
from yubin.dns.inward import allowed, networks, plain, points_inside
from yubin.dns.port import Verdict

INSIDE = [
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "0.1.2.3",
    "192.0.2.1",
    "198.51.100.7",
    "203.0.113.9",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "fd12:3456::1",
    "ff02::1",
    "2001:db8::1",
    "3fff::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "2002:7f00:1::",
    "2002:0a00:0001::1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "100::1",
    "5f00::1",
]
OUTSIDE = [
    "8.8.8.8",
    "172.32.0.1",
    "100.128.0.1",
    "11.0.0.1",
    "192.0.1.1",
    "2a00:1450::1",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
]


@pytest.mark.parametrize("address", INSIDE)
def test_points_inside(address):
    """CASES D5: loopback, private, link-local, CGNAT, multicast, unspecified, documentation, ULA, and what wraps them."""
    assert not allowed(plain(address), ())


@pytest.mark.parametrize("address", OUTSIDE)
def test_points_outside(address):
    """A public address is not refused, wrapped or not."""
    assert allowed(plain(address), ())


@given(st.ip_addresses(v=4))
def test_ipv4_is_never_looser_than_the_standard_library(address):
    """What Python's registry calls not global is inside for us as well."""
    assert points_inside(address) or address.is_global


@given(st.ip_addresses(v=6))
def test_ipv6_is_never_looser_than_the_standard_library(address):
    """The same for IPv6, save for NAT64 and 6to4, which are judged by what they wrap."""
    wraps = address.sixtofour or address in ipaddress.IPv6Network("64:ff9b::/96")
    assert points_inside(address) or address.is_global or wraps


@given(st.ip_addresses(v=4))
def test_a_wrapped_address_is_judged_as_what_it_wraps(address):
    """CASES D5: v4-mapped, 6to4 and NAT64 are no way round."""
    n = int(address)
    for wrapped in (0xFFFF << 32 | n, 0x2002 << 112 | n << 80 | 1, 0x64FF9B << 96 | n):
        assert points_inside(ipaddress.IPv6Address(wrapped)) == points_inside(address)


def test_a_network_of_the_setting_is_allowed_and_nothing_else():
    """YUBIN_INSIDE_NETWORKS opens what it names, also when the address comes v4-mapped."""
    inside = networks("127.0.0.0/8, fd00:1::/32")
    assert allowed(plain("127.0.0.1"), inside)
    assert allowed(plain("::ffff:127.0.0.1"), inside)
    assert allowed(plain("fd00:1::5"), inside)
    assert not allowed(plain("10.0.0.1"), inside)
    assert not allowed(plain("fd00:2::5"), inside)
    assert not allowed(plain("::1"), inside)


@pytest.mark.parametrize("text", ["10.0.0.1/8", "ten", "10.0.0.0/33"])
def test_a_network_that_cannot_be_read_is_an_error(text):
    """A setting with host bits or a typing error opens nothing silently."""
    with pytest.raises(ValueError):
        networks(text)


@pytest.mark.parametrize(
    "literal", ["[127.0.0.1]", "[IPv6:::1]", "[10.0.0.1]", "[IPv6:::ffff:10.0.0.1]", "[169.254.169.254]"]
)
async def test_an_address_literal_inside_is_refused(literal):
    """CASES D5: `u@[127.0.0.1]`, `[IPv6:::1]`, `[10.0.0.1]` → INWARD (550 5.1.2)."""
    assert (await find("", literal)).verdict is Verdict.INWARD


async def test_an_address_literal_inside_is_allowed_by_the_setting():
    """CASES D5: … unless allowed."""
    found = await find("", "[127.0.0.1]", inside="127.0.0.0/8")
    assert (found.verdict, found.hosts[0].addresses) == (Verdict.OK, ("127.0.0.1",))


async def test_a_public_address_literal_is_a_route():
    """RFC 5321 4.1.3: a literal bypasses the DNS."""
    found = await find("", "[IPv6:2A00:1450:0::1]")
    assert (found.site, found.hosts[0].addresses) == ("[IPv6:2a00:1450::1]", ("2a00:1450::1",))


@pytest.mark.parametrize("domain", ["localhost", "LOCALHOST.", "a.localhost"])
async def test_localhost_is_inside_whatever_dns_says(domain):
    """RFC 6761 6.3: localhost is this machine, and is not asked for."""
    assert (await find("localhost. A 8.8.8.8\na.localhost. A 8.8.8.8", domain)).verdict is Verdict.INWARD


async def test_a_domain_with_only_inside_addresses_is_refused():
    """CASES D5: by MX or by implicit MX, a stranger's zone cannot point at our own network."""
    zone = "mx.example. MX 1 h.example.\nh.example. A 10.0.0.1\nh.example. AAAA ::1\nimplicit.example. A 127.0.0.1"
    assert (await find(zone, "mx.example")).verdict is Verdict.INWARD
    assert (await find(zone, "implicit.example")).verdict is Verdict.INWARD


async def test_inside_addresses_are_dropped_among_others():
    """CASES D5: a host keeps its public addresses; one without any is dropped."""
    zone = """
    mix.example. MX 1 a.mix.example.
    mix.example. MX 2 b.mix.example.
    a.mix.example. A 192.168.0.1
    b.mix.example. A 8.8.8.8
    b.mix.example. A 10.0.0.1
    """.replace("    ", "")
    found = await find(zone, "mix.example")
    assert names(found) == ["b.mix.example"]
    assert found.hosts[0].addresses == ("8.8.8.8",)
