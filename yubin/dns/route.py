"""Where the mail of a domain goes: RFC 5321 5.1 and RFC 7505 over plain look-ups.

MX records sorted by preference, equal ones in random order; without any, the domain itself (implicit MX), but only
when the DNS says that there is none, never because it failed. A null MX is final at once. At most twenty hosts are
looked up, each with at most eight addresses, and hosts or addresses that point inside are dropped. An answer that is
stale can send mail on its way, but is never the reason to refuse it (CASES D6): the verdict is then TEMPORARY.
"""

from __future__ import annotations

import asyncio
import ipaddress
import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from yubin.dns import inward
from yubin.dns.alias import MAX_HOPS, follow
from yubin.dns.inward import Network
from yubin.dns.port import Answer, Host, Lookup, Outcome, Record, Route, Verdict
from yubin.dns.site import OTHER, place
from yubin.errors import Invalid
from yubin.mail.address import canonical_domain

MAX_HOSTS = 20
MAX_ADDRESSES = 8
FAMILIES = ("A", "AAAA")
SOON = 30.0  # seconds that a route with gaps, a stale one (RFC 8767 5) or a failure may be kept
LONG = 3600.0  # what no DNS record decides
_HOST_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9-]{1,63}")


@dataclass(frozen=True, kw_only=True)
class Rules:
    """``inside``: networks allowed although they point inside. ``families``: record types, the first tried first."""

    inside: tuple[Network, ...] = ()
    families: tuple[str, ...] = FAMILIES


@dataclass(frozen=True, kw_only=True)
class _Found:
    """One host looked up: ``inward`` says that addresses were dropped, ``failed`` that a look-up was TEMPORARY."""

    host: Host
    ttl: float
    inward: bool = False
    failed: bool = False
    stale: bool = False


async def find(text: str, lookup: Lookup, rules: Rules, entropy: random.Random) -> Route:
    """``text`` is a domain in any case, with U-labels or not, or an address literal."""
    try:
        domain = canonical_domain(text)
    except Invalid as failure:
        return unfit(text, failure)
    if domain.startswith("["):
        return _literal(domain, rules)
    if _is_localhost(domain):
        return _refusal(domain, Verdict.INWARD, f"{domain} is this machine itself", LONG)
    mx = await follow(lookup, domain, "MX")
    match mx.outcome:
        case Outcome.TEMPORARY:
            return _refusal(domain, Verdict.TEMPORARY, _why_temporary(domain, mx), SOON)
        case Outcome.NXDOMAIN:
            return _permanent(domain, Verdict.NO_DOMAIN, f"the domain {domain} does not exist", mx)
        case Outcome.NODATA:
            return await _implicit(domain, mx, lookup, rules, entropy)
    if [r.value for r in mx.records] == ["."]:  # RFC 7505 3
        return _permanent(domain, Verdict.NULL_MX, f"the domain {domain} accepts no mail (null MX)", mx)
    return await _exchanged(domain, mx, lookup, rules, entropy)


def unfit(text: str, failure: Invalid) -> Route:
    """The route of what is no domain name."""
    shown = "".join(c if c.isprintable() else "?" for c in text[:253])
    return _refusal(shown, Verdict.INVALID, failure.text, LONG)


def order(hosts: Iterable[Host], entropy: random.Random) -> tuple[Host, ...]:
    """RFC 5321 5.1: by preference; equal ones MUST be in random order."""
    return tuple(sorted(hosts, key=lambda host: (host.preference, entropy.random())))


async def _implicit(domain: str, mx: Answer, lookup: Lookup, rules: Rules, entropy: random.Random) -> Route:
    """RFC 5321 5.1: no MX records, so the domain is its own host, with preference 0. An alias counts as its end."""
    name = mx.aliases[-1] if mx.aliases else domain
    found = await _addresses(Record(value=name), lookup, rules, entropy)
    return _conclude(domain, mx, [found], f"{domain} has neither a mail server nor an address")


async def _exchanged(domain: str, mx: Answer, lookup: Lookup, rules: Rules, entropy: random.Random) -> Route:
    named = [r for r in mx.records if _may_be_host(r.value)]
    if not named:
        local = any(_is_localhost(r.value) for r in mx.records)
        verdict = Verdict.INWARD if local else Verdict.NO_DOMAIN
        return _permanent(domain, verdict, f"the MX of {domain} names no host", mx)
    kept = sorted(named, key=lambda r: (r.preference, entropy.random()))[:MAX_HOSTS]
    found = await asyncio.gather(*(_addresses(r, lookup, rules, entropy) for r in kept))
    return _conclude(domain, mx, found, f"no mail server of {domain} has an address")


async def _addresses(record: Record, lookup: Lookup, rules: Rules, entropy: random.Random) -> _Found:
    answers = await asyncio.gather(*(follow(lookup, record.value, family) for family in rules.families))
    lists = [[inward.plain(r.value) for r in answer.records] for answer in answers]
    usable = [[a for a in found if inward.allowed(a, rules.inside)] for found in lists]
    for found in usable:
        entropy.shuffle(found)
    turns = chain.from_iterable(zip_longest(*usable))  # a family that is cut off costs every second try only
    texts = dict.fromkeys(str(address) for address in turns if address is not None)
    return _Found(
        host=Host(name=record.value, preference=record.preference, addresses=tuple(texts)[:MAX_ADDRESSES]),
        ttl=min((a.ttl for a in answers if a.outcome is not Outcome.TEMPORARY), default=SOON),
        inward=sum(map(len, usable)) < sum(map(len, lists)),
        failed=any(a.outcome is Outcome.TEMPORARY for a in answers),
        stale=any(a.stale for a in answers),
    )


def _conclude(domain: str, mx: Answer, found: Sequence[_Found], nothing: str) -> Route:
    hosts = tuple(f.host for f in found if f.host.addresses)
    failed, stale = any(f.failed for f in found), mx.stale or any(f.stale for f in found)
    valid_for = min(mx.ttl, *(f.ttl for f in found))
    if failed or stale:
        valid_for = min(valid_for, SOON)
    if hosts:
        site, provider = place(f.host.name for f in found)
        return Route(
            domain=domain,
            verdict=Verdict.OK,
            site=site,
            provider=provider,
            hosts=hosts,
            reason="",
            valid_for=valid_for,
            stale=stale,
        )
    if failed or stale:
        return _refusal(domain, Verdict.TEMPORARY, f"the DNS gives no address for {domain} now", SOON)
    if any(f.inward for f in found):
        why = f"the mail servers of {domain} have addresses that point inside only"
        return _refusal(domain, Verdict.INWARD, why, valid_for)
    return _refusal(domain, Verdict.NO_DOMAIN, nothing, valid_for)


def _literal(domain: str, rules: Rules) -> Route:
    """RFC 5321 4.1.3: ``[192.0.2.1]``, ``[IPv6:2001:db8::1]``."""
    address = inward.plain(domain[1:-1].removeprefix("IPv6:"))
    if not inward.allowed(address, rules.inside):
        return _refusal(domain, Verdict.INWARD, f"the address {domain} points inside", LONG)
    host = Host(name=domain, preference=0, addresses=(str(address),))
    return Route(
        domain=domain,
        verdict=Verdict.OK,
        site=domain,
        provider=OTHER,
        hosts=(host,),
        reason="",
        valid_for=LONG,
    )


def _permanent(domain: str, verdict: Verdict, reason: str, answer: Answer) -> Route:
    if answer.stale:
        return _refusal(domain, Verdict.TEMPORARY, f"the DNS gives no answer for {domain} now", SOON)
    return _refusal(domain, verdict, reason, answer.ttl)


def _refusal(domain: str, verdict: Verdict, reason: str, valid_for: float) -> Route:
    return Route(
        domain=domain,
        verdict=verdict,
        site=f"~{domain}",
        provider=OTHER,
        hosts=(),
        reason=reason,
        valid_for=valid_for,
    )


def _why_temporary(domain: str, answer: Answer) -> str:
    if answer.aliases:
        return f"the aliases of {domain} go round or further than {MAX_HOPS} steps"
    return f"the DNS gives no answer for {domain} now"


def _is_localhost(name: str) -> bool:
    """RFC 6761 6.3."""
    return name == "localhost" or name.endswith(".localhost")


def _may_be_host(name: str) -> bool:
    """An MX names a host (RFC 5321 5.1), not an address in disguise, this machine, or octets for our logs."""
    if _is_localhost(name) or not _HOST_NAME.fullmatch(name) or name.rpartition(".")[2].isdigit():
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return True
    return False
