"""A fake of the DNS: a zone in memory, read by the code that reads the network's replies, with failures on request."""

from __future__ import annotations

import asyncio
from collections import Counter

import dns.message
import dns.name

from yubin.dns import wire
from yubin.dns.port import Answer, Outcome
from yubin.dns.zone import Zone


class MemoryLookup:
    """``failing`` names answer TEMPORARY; ``queries`` counts what was asked; while ``gate`` is clear, askers wait."""

    def __init__(self, zone: Zone | str = "") -> None:
        self.zone = Zone.parse(zone) if isinstance(zone, str) else zone
        self.failing: set[str] = set()
        self.broken = False
        self.queries: Counter[tuple[str, str]] = Counter()
        self.gate = asyncio.Event()
        self.gate.set()

    async def query(self, name: str, rdtype: str) -> Answer:
        key = name.lower().removesuffix(".")
        self.queries[key, rdtype] += 1
        await self.gate.wait()
        if self.broken or key in self.failing:
            return Answer(name=name, rdtype=rdtype, outcome=Outcome.TEMPORARY)
        try:
            asked = dns.message.make_query(dns.name.from_text(key), rdtype)
        except dns.exception.DNSException:
            return Answer(name=name, rdtype=rdtype, outcome=Outcome.NXDOMAIN)
        return wire.read(name, rdtype, self.zone.reply(asked))
