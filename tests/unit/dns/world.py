"""What the tests of routes have in common: a resolver over a zone in memory, and a seeded shuffle."""

from __future__ import annotations

import random

from yubin.dns import route
from yubin.dns.inward import networks
from yubin.dns.memory import MemoryLookup
from yubin.dns.port import Route
from yubin.dns.route import Rules


async def find(
    zone: str | MemoryLookup, domain: str, *, inside: str = "", families: tuple[str, ...] = ("A", "AAAA")
) -> Route:
    lookup = zone if isinstance(zone, MemoryLookup) else MemoryLookup(zone)
    rules = Rules(inside=networks(inside), families=families)
    return await route.find(domain, lookup, rules, random.Random(1))


def names(found: Route) -> list[str]:
    return [host.name for host in found.hosts]
