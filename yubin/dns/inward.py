"""Addresses that mail from strangers must never make us connect to (RFC 6890; SSRF by MX record, CASES D5).

Refused: loopback, private, link-local (with the clouds' metadata address), CGNAT, documentation, benchmark, multicast,
reserved, unspecified, and every IPv6 address outside the global unicast block. An IPv4 address wrapped into IPv6
(v4-mapped, 6to4, NAT64) is judged as what it wraps; Teredo and other tunnels are refused. The networks of the setting
``YUBIN_INSIDE_NETWORKS`` are allowed all the same; it is empty by default.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

INWARD4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network, unspecified
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # CGNAT, RFC 6598
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmark
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
GLOBAL6 = IPv6Network("2000::/3")
INWARD6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # IETF protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "3fff::/20",  # documentation, RFC 9637
    )
)
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052
SIX_TO_FOUR = IPv6Network("2002::/16")  # RFC 3056


def networks(text: str) -> tuple[Network, ...]:
    """``127.0.0.0/8, ::1`` as networks; raises ValueError."""
    return tuple(ipaddress.ip_network(item.strip()) for item in text.split(",") if item.strip())


def plain(text: str) -> Address:
    """An address as it will be connected to: a v4-mapped one is IPv4. Raises ValueError."""
    address = ipaddress.ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def points_inside(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return any(address in network for network in INWARD4)
    wrapped = _wrapped(address)
    if wrapped is not None:
        return points_inside(wrapped)
    return address not in GLOBAL6 or any(address in network for network in INWARD6)


def _wrapped(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.sixtofour if address in SIX_TO_FOUR else None


def allowed(address: Address, inside: Iterable[Network]) -> bool:
    """May be connected to: outside, or within a network of the setting."""
    return not points_inside(address) or any(
        address.version == network.version and address in network for network in inside
    )
