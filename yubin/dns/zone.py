"""Records in memory, answered as an authoritative server would (RFC 1034 4.3.2): for the fake, and the pretend world.

A zone is text in the master-file format of RFC 1035 5; names are relative to the root until ``$ORIGIN`` says else,
and a SOA stands at an origin, beyond which records are left out, as in any zone. An exact name answers with its records of the type, or with its CNAME and whatever that
leads to inside this zone; a name that only has names below it is NODATA, any other NXDOMAIN. Negative replies carry a SOA (RFC 2308), by default one whose minimum is 60 seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.zonefile

SOA = ". 60 IN SOA ns.invalid. hostmaster.invalid. 1 3600 600 86400 60"
MAX_HOPS = 200
DEFAULT_TTL = 300
Key = tuple[dns.name.Name, dns.rdatatype.RdataType]


class Zone:
    """``sets`` by (name, type), ``names`` all names and those above them."""

    def __init__(self, sets: Iterable[dns.rrset.RRset]) -> None:
        self._sets: dict[Key, dns.rrset.RRset] = {}
        self._names: set[dns.name.Name] = set()
        for one in sets:
            self._add(one)
        self._default_soa = read(SOA)[0]

    @classmethod
    def parse(cls, text: str) -> Zone:
        """Raises ValueError, with the line, for what is no master file."""
        return cls(read(text))

    def _add(self, one: dns.rrset.RRset) -> None:
        name, key = one.name, (one.name, one.rdtype)
        if (kept := self._sets.get(key)) is not None:
            one = dns.rrset.from_rdata_list(name, min(kept.ttl, one.ttl), [*kept, *one])
        self._sets[key] = one
        while name not in self._names and name != dns.name.root:
            self._names.add(name)
            name = name.parent()

    def sets(self) -> Iterator[dns.rrset.RRset]:
        yield from self._sets.values()

    def __add__(self, other: Zone) -> Zone:
        return Zone((*self.sets(), *other.sets()))

    def reply(self, query: dns.message.Message) -> dns.message.Message:
        """The authoritative reply to a query with one question."""
        reply = dns.message.make_response(query, recursion_available=False)
        if len(query.question) != 1:
            reply.set_rcode(dns.rcode.FORMERR)
            return reply
        reply.flags |= dns.flags.AA
        question = query.question[0]
        self._answer(reply, question.name, question.rdtype)
        return reply

    def _answer(
        self, reply: dns.message.Message, name: dns.name.Name, rdtype: dns.rdatatype.RdataType
    ) -> None:
        for _ in range(MAX_HOPS):
            if (found := self._sets.get((name, rdtype))) is not None:
                reply.answer.append(found)
                return
            alias = self._sets.get((name, dns.rdatatype.CNAME))
            if alias is None or alias in reply.answer:
                break
            reply.answer.append(alias)
            name = alias[0].target
        if name not in self._names:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        reply.authority.append(self._soa(name))

    def _soa(self, name: dns.name.Name) -> dns.rrset.RRset:
        while name != dns.name.root:
            if (found := self._sets.get((name, dns.rdatatype.SOA))) is not None:
                return found
            name = name.parent()
        return self._default_soa


def read(text: str) -> list[dns.rrset.RRset]:
    """Every record; ``$TTL`` and ``$ORIGIN`` at the beginning of a line count, ``$INCLUDE`` is refused."""
    found: list[dns.rrset.RRset] = []
    origin, ttl, lines = dns.name.root, DEFAULT_TTL, text.splitlines()
    directives = [n for n, line in enumerate(lines) if line.startswith("$")]
    for begin, end in pairwise([-1, *directives, len(lines)]):
        match lines[begin].split()[:2] if begin >= 0 else []:
            case ["$TTL", value] if value.isdigit():
                ttl = int(value)
            case ["$ORIGIN", value]:
                origin = dns.name.from_text(value, origin)
            case [other, *_]:
                raise ValueError(f"not a zone in master-file format: {other} in line {begin + 1}")
        chunk = "\n" * (begin + 1) + "\n".join(lines[begin + 1 : end])  # keeps the line numbers
        try:
            found += dns.zonefile.read_rrsets(chunk, rdclass=None, default_ttl=ttl, origin=origin)
        except (dns.exception.DNSException, ValueError) as error:
            raise ValueError(f"not a zone in master-file format: {error}") from error
    return found
