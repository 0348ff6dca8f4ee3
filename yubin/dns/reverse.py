"""The names of an address, and those of them that lead back to it (RFC 8601 3, "iprev"; RFC 7208 5.5)."""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import dataclass

from yubin.dns.alias import follow
from yubin.dns.names import pointer
from yubin.dns.port import Lookup, Outcome

MAX_NAMES = 10  # RFC 7208 4.6.4


@dataclass(frozen=True, kw_only=True)
class Reverse:
    """``confirmed`` are those of ``names`` that have ``address``; TEMPORARY when none is and one could not be asked."""

    address: str
    outcome: Outcome
    names: tuple[str, ...] = ()
    confirmed: tuple[str, ...] = ()
    valid_for: float = 0.0


async def find(address: str, lookup: Lookup) -> Reverse:
    """Raises Invalid for what is no address."""
    answer = await follow(lookup, pointer(address), "PTR")  # classless delegations are CNAMEs (RFC 2317)
    names = tuple(dict.fromkeys(r.value for r in answer.records))[:MAX_NAMES]
    rdtype = "AAAA" if ":" in address else "A"
    forward = await asyncio.gather(*(follow(lookup, name, rdtype) for name in names))
    wanted = ipaddress.ip_address(address)
    pairs = zip(names, forward, strict=True)
    confirmed = tuple(n for n, a in pairs if any(ipaddress.ip_address(r.value) == wanted for r in a.records))
    failed = any(a.outcome is Outcome.TEMPORARY for a in forward) and not confirmed
    return Reverse(
        address=address,
        outcome=Outcome.TEMPORARY if failed else answer.outcome,
        names=names,
        confirmed=confirmed,
        valid_for=min((a.ttl for a in (answer, *forward)), default=0.0),
    )
