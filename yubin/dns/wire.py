"""DNS messages (RFC 1035 4): the query that is sent, whether a datagram is its reply, and what the reply says.

Pure. ``expected`` looks at the header and the question only, so that a forged datagram costs little; ``decode`` reads
the rest. Whatever is malformed (bad RDATA, a compression loop, records of the wrong class) is one failed attempt and
never an exception: ``decode`` returns TEMPORARY. Labels that no host name can have come out escaped, and are judged
by the callers.
"""

from __future__ import annotations

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rdtypes.ANY.SOA
import dns.rrset

from yubin.dns.port import Answer, Outcome, Record

PAYLOAD = 1232  # octets of a UDP reply that no path fragments (DNS flag day 2020)
MAX_RECORDS = 1000
MAX_ALIASES = 64


def query(name: str, rdtype: str, number: int, *, edns: bool = True) -> bytes:
    """A recursive query as octets; raises ValueError when no DNS name looks so."""
    try:
        asked = dns.name.from_text(name)
        message = dns.message.make_query(
            asked, rdtype, use_edns=0 if edns else -1, payload=PAYLOAD, id=number
        )
        return message.to_wire()
    except (dns.exception.DNSException, UnicodeError) as error:
        raise ValueError(f"{name[:80]!r} is not a domain name") from error


def question(wire: bytes) -> bytes:
    """The octets of the one question of a query of ours: no compression there."""
    end = 12
    while wire[end]:
        end += wire[end] + 1
    return wire[12 : end + 5]


def expected(reply: bytes, sent: bytes, *, exact_case: bool = False) -> bool:
    """RFC 5452 9: the id and the question are those that were asked; the sockets match address and port."""
    asked = question(sent)
    got = reply[12 : 12 + len(asked)]
    same = got == asked if exact_case else got.lower() == asked.lower()
    is_reply = len(reply) >= 12 and reply[2] & 0xF8 == 0x80  # QR set, opcode QUERY
    return is_reply and reply[:2] == sent[:2] and reply[4:6] == b"\x00\x01" and same


def truncated(reply: bytes) -> bool:
    return bool(reply[2] & 0x02)


def refuses_edns(reply: bytes) -> bool:
    """RFC 6891 7: FORMERR or NOTIMP from a server that does not know the OPT record."""
    return reply[3] & 0x0F in {dns.rcode.FORMERR, dns.rcode.NOTIMP}


def decode(name: str, rdtype: str, reply: bytes) -> Answer:
    """What an expected reply says; TEMPORARY for a failure of the server or a message that cannot be read."""
    try:
        message = dns.message.from_wire(reply, ignore_trailing=True)
        return read(name, rdtype, message)
    except Exception:  # noqa: BLE001 - whatever a stranger's octets provoke in the parser is one failed attempt
        return Answer(name=name, rdtype=rdtype, outcome=Outcome.TEMPORARY)


def read(name: str, rdtype: str, message: dns.message.Message) -> Answer:
    if message.rcode() not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        return Answer(name=name, rdtype=rdtype, outcome=Outcome.TEMPORARY)
    sets = {(s.name, s.rdtype): s for s in message.answer}
    here, aliases, ttls = message.question[0].name, list[str](), list[int]()
    wanted = dns.rdatatype.from_text(rdtype)
    while (here, wanted) not in sets and len(aliases) < MAX_ALIASES:
        alias = sets.pop((here, dns.rdatatype.CNAME), None)
        if alias is None:
            break
        ttls.append(alias.ttl)
        here = alias[0].target
        aliases.append(_text(here))
    found = sets.get((here, wanted))
    if found is not None:
        outcome, records = Outcome.FOUND, tuple(_record(r) for r in list(found)[:MAX_RECORDS])
        ttls.append(found.ttl)
    else:
        nxdomain = message.rcode() == dns.rcode.NXDOMAIN
        outcome, records = (Outcome.NXDOMAIN if nxdomain else Outcome.NODATA), ()
        ttls.append(_negative_ttl(message))
    return Answer(
        name=name, rdtype=rdtype, outcome=outcome, records=records, ttl=min(ttls), aliases=tuple(aliases)
    )


def _negative_ttl(message: dns.message.Message) -> int:
    """RFC 2308 5: the lesser of the SOA's own TTL and its minimum field; without a SOA it is not to be cached."""
    for one in message.authority:
        soa = one[0] if one.rdtype == dns.rdatatype.SOA else None
        if isinstance(soa, dns.rdtypes.ANY.SOA.SOA):
            return min(one.ttl, soa.minimum)
    return 0


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower() if name != dns.name.root else "."


def _record(rdata: object) -> Record:
    """Only the types of RDTYPES are asked for, and each has one of these shapes."""
    if (address := getattr(rdata, "address", None)) is not None:
        return Record(value=address)
    if (strings := getattr(rdata, "strings", None)) is not None:
        return Record(value=b"".join(strings).decode("latin-1"))
    if (exchange := getattr(rdata, "exchange", None)) is not None:
        return Record(value=_text(exchange), preference=getattr(rdata, "preference", 0))
    return Record(value=_text(rdata.target))  # type: ignore[attr-defined]  # PTR and CNAME
