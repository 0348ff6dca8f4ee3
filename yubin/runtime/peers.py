"""Who is at the other end of a connection, as far as limits go that hold for each client."""

from __future__ import annotations

from ipaddress import IPv6Network


def neighbourhood(peer: str) -> str:
    """What counts as one client: an IPv4 address, or the 64 bits of IPv6 that one customer has."""
    return str(IPv6Network((peer.partition("%")[0], 64), strict=False)) if ":" in peer else peer
