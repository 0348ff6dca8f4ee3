"""What DNS says about where mail goes (RFC 5321 5.1, RFC 7505), and the plain look-ups that others need."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Verdict(StrEnum):
    OK = "ok"
    NULL_MX = "null_mx"  # 556 5.1.10 (RFC 7505)
    NO_DOMAIN = "no_domain"  # NXDOMAIN, or nothing that takes mail: 550 5.1.2
    INWARD = "inward"  # only addresses that point inside: 550 5.1.2
    INVALID = "invalid"  # not a domain name: 553 5.1.2
    TEMPORARY = "temporary"  # SERVFAIL, timeout: 451 4.4.3


@dataclass(frozen=True, kw_only=True)
class Host:
    """One mail exchanger: ``addresses`` are IPv4 or IPv6 text, in the order to try."""

    name: str
    preference: int
    addresses: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Route:
    """Where the mail of ``domain`` goes. ``site`` is the unit of limits; ``provider`` a bounded label for metrics.

    ``valid_for`` seconds may it be cached. ``reason`` is one line for a DSN, "" when the verdict is OK.
    ``stale`` says that the DNS did not answer and an older answer stands in.
    """

    domain: str
    verdict: Verdict
    site: str
    provider: str
    hosts: tuple[Host, ...]
    reason: str
    valid_for: float
    stale: bool = False


class Router(Protocol):
    async def route(self, domain: str) -> Route:
        """Never raises for what DNS says; raises Unavailable when the resolver itself is away."""


class Outcome(StrEnum):
    """What a look-up ended with. ``NODATA`` and ``NXDOMAIN`` are RFC 2308's: the name has none of it, or is not there."""

    FOUND = "found"
    NODATA = "nodata"
    NXDOMAIN = "nxdomain"
    TEMPORARY = "temporary"  # SERVFAIL, REFUSED, timeout, malformed: ask again later


@dataclass(frozen=True, kw_only=True)
class Record:
    """One record. ``value``: an address, a name without its last dot ("." is the root), or TXT octets as latin-1.

    The strings of one TXT record are joined. ``preference`` is that of an MX.
    """

    value: str
    preference: int = 0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Of one query. ``ttl`` seconds does it hold. ``aliases`` are the CNAMEs that lead from ``name`` to the records.

    With NODATA and aliases, the last alias has not been asked for when the server is not a recursive one
    (``yubin.dns.alias.follow`` does). ``stale`` (RFC 8767) says that a server failed and an older answer stands in.
    """

    name: str
    rdtype: str
    outcome: Outcome
    records: tuple[Record, ...] = ()
    ttl: float = 0.0
    aliases: tuple[str, ...] = ()
    stale: bool = False


RDTYPES = ("A", "AAAA", "MX", "TXT", "PTR", "CNAME")


class Lookup(Protocol):
    async def query(self, name: str, rdtype: str) -> Answer:
        """``name`` in A-labels, any case, with or without the last dot; ``rdtype`` one of RDTYPES. Never raises for DNS."""
