"""DNS blocklists (RFC 5782): an address or a domain is listed in a zone that answers with an address of 127.0.0.0/8.

An address elsewhere is a zone that has died or a wildcard, and lists nothing (RFC 5782 2.1, 5). 127.255.255.0/24 is how
large lists say "you may not ask me": TEMPORARY, as is a timeout; neither lists anybody.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

from yubin.dns.names import reversed_address, service_name
from yubin.dns.port import Answer, Lookup, Outcome
from yubin.errors import Invalid

MAX_ZONES = 20
MAX_TEXT = 500
LISTS = IPv4Network("127.0.0.0/8")
REFUSES = IPv4Network("127.255.255.0/24")


@dataclass(frozen=True, kw_only=True)
class Listing:
    """``codes`` are addresses of 127.0.0.0/8, whose meaning the zone defines; ``text`` is for the sender's DSN."""

    zone: str
    outcome: Outcome
    codes: tuple[str, ...] = ()
    text: str = ""
    ttl: float = 0.0


async def find(subject: str, zones: Sequence[str], lookup: Lookup) -> tuple[Listing, ...]:
    """``subject`` is an address or a domain; raises Invalid for neither, and for more than 20 zones."""
    if len(zones) > MAX_ZONES:
        raise Invalid(f"At most {MAX_ZONES} zones at a time")
    label = _label(subject)
    return tuple(await asyncio.gather(*(_listing(label, service_name(z), lookup) for z in zones)))


def _label(subject: str) -> str:
    try:
        return reversed_address(subject)
    except Invalid:
        return service_name(subject)


async def _listing(label: str, zone: str, lookup: Lookup) -> Listing:
    name = f"{label}.{zone}"
    answer = await lookup.query(name, "A")
    codes = tuple(r.value for r in answer.records if ipaddress.ip_address(r.value) in LISTS)
    if any(ipaddress.ip_address(code) in REFUSES for code in codes):
        return Listing(zone=zone, outcome=Outcome.TEMPORARY, ttl=answer.ttl)
    if not codes:
        nothing = Outcome.NODATA if answer.outcome is Outcome.FOUND else answer.outcome
        return Listing(zone=zone, outcome=nothing, ttl=answer.ttl)
    why = await lookup.query(name, "TXT")
    return Listing(zone=zone, outcome=Outcome.FOUND, codes=codes, text=_text(why), ttl=answer.ttl)


def _text(answer: Answer) -> str:
    whole = " ".join(r.value for r in answer.records)[:MAX_TEXT]
    return "".join(c if " " <= c <= "~" else "?" for c in whole)
