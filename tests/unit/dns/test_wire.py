"""DNS messages: what counts as a reply, and that nothing a stranger sends can hurt."""

from __future__ import annotations

import dns.message
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.dns import wire
from yubin.dns.port import RDTYPES, Outcome, Record
from yubin.dns.zone import Zone

ZONE = Zone.parse(
    """
a.example. 60 MX 10 mx.A.example.
a.example. 30 TXT "one " "string"
a.example. 60 A 8.8.8.8
www.example. 20 CNAME a.example.
1.8.8.8.in-addr.arpa. PTR a.example.
"""
)


def reply_to(name: str, rdtype: str) -> tuple[bytes, bytes]:
    sent = wire.query(name, rdtype, 0x1234)
    return sent, ZONE.reply(dns.message.from_wire(sent)).to_wire()


@pytest.mark.parametrize(
    ("name", "rdtype", "record"),
    [
        ("a.example", "MX", Record(value="mx.a.example", preference=10)),
        ("a.example", "TXT", Record(value="one string")),
        ("a.example", "A", Record(value="8.8.8.8")),
        ("www.example", "CNAME", Record(value="a.example")),
        ("1.8.8.8.in-addr.arpa", "PTR", Record(value="a.example")),
    ],
)
def test_each_type_reads_as_a_record(name, rdtype, record):
    """Names in lower case without the last dot, strings of a TXT joined."""
    assert wire.decode(name, rdtype, reply_to(name, rdtype)[1]).records == (record,)


def test_an_alias_is_followed_inside_the_reply():
    """The aliases are told, and the TTL is the least on the way."""
    answer = wire.decode("www.example", "A", reply_to("www.example", "A")[1])
    assert (answer.records[0].value, answer.aliases, answer.ttl) == ("8.8.8.8", ("a.example",), 20)


def test_a_reply_is_expected_in_any_case():
    """A server that changes the case of the question is heard, unless 0x20 is on."""
    sent, reply = reply_to("A.example", "A")
    lower = reply.replace(b"\x01A", b"\x01a", 1)
    assert wire.expected(lower, sent)
    assert wire.expected(reply, sent, exact_case=True)
    assert not wire.expected(lower, sent, exact_case=True)


def test_a_query_is_no_reply():
    """CASES D7: our own query, reflected, is not taken for an answer."""
    sent, _ = reply_to("a.example", "A")
    assert not wire.expected(sent, sent)


@given(st.integers(0, 16), st.integers(1, 255))
def test_a_reply_with_another_id_or_question_is_not_expected(place, change):
    """CASES D7: one changed bit in the id or the question makes it somebody else's (letter case aside)."""
    sent, reply = reply_to("a.example", "A")
    where = place if place < 2 else 12 + (place - 2) % 15
    forged = bytearray(reply)
    forged[where] ^= change
    if forged.lower() != reply.lower():
        assert not wire.expected(bytes(forged), sent)


@given(st.binary(max_size=600), st.sampled_from(RDTYPES))
def test_any_octets_decode_without_an_exception(octets, rdtype):
    """CASES D8: whatever comes after a good header and question is an answer or TEMPORARY."""
    sent = wire.query("a.example", rdtype, 1)
    head = b"\x00\x01\x81\x80\x00\x01\x00\x02\x00\x01\x00\x00" + wire.question(sent)
    assert wire.decode("a.example", rdtype, head + octets).outcome in Outcome
    assert wire.decode("a.example", rdtype, octets).outcome in Outcome
    assert wire.expected(octets, sent) in {True, False}


@given(
    st.data(),
    st.sampled_from([("a.example", "MX"), ("a.example", "TXT"), ("www.example", "A"), ("x.example", "A")]),
)
def test_a_damaged_reply_decodes_without_an_exception(data, asked):
    """CASES D8: any octet changed, or any part cut off."""
    reply = bytearray(reply_to(*asked)[1])
    for _ in range(data.draw(st.integers(1, 4))):
        reply[data.draw(st.integers(0, len(reply) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(reply[: data.draw(st.integers(0, len(reply)))])
    assert wire.decode(*asked, cut).outcome in Outcome


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED", "NOTIMP", "FORMERR", "YXDOMAIN"])
def test_a_servers_failure_is_temporary(rcode):
    """CASES D1: only NOERROR and NXDOMAIN say something about the name."""
    query = dns.message.from_wire(wire.query("a.example", "A", 1))
    reply = ZONE.reply(query)
    reply.set_rcode(dns.rcode.from_text(rcode))
    assert wire.decode("a.example", "A", reply.to_wire()).outcome is Outcome.TEMPORARY


def test_a_negative_reply_without_a_soa_is_not_to_be_kept():
    """RFC 2308 5: without a SOA there is no negative TTL."""
    query = dns.message.from_wire(wire.query("x.example", "A", 1))
    reply = ZONE.reply(query)
    reply.authority.clear()
    answer = wire.decode("x.example", "A", reply.to_wire())
    assert (answer.outcome, answer.ttl) == (Outcome.NXDOMAIN, 0)


@given(st.text(max_size=300))
def test_any_name_makes_a_query_or_a_value_error(name):
    """A name that DNS cannot carry is refused before anything is sent."""
    try:
        sent = wire.query(name, "A", 7)
    except ValueError:
        return
    assert wire.question(sent)[-4:] == b"\x00\x01\x00\x01"
