"""Where mail goes, over a zone in memory: RFC 5321 5.1, RFC 7505."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.dns.world import find, names
from yubin.dns.memory import MemoryLookup
from yubin.dns.port import Host, Verdict
from yubin.dns.route import MAX_ADDRESSES, MAX_HOSTS, Rules, order
from yubin.dns.route import find as find_route

TWO = """
two.example. MX 20 mx2.two.example.
two.example. MX 10 mx1.two.example.
mx1.two.example. A 8.8.8.1
mx2.two.example. A 8.8.8.2
mx2.two.example. AAAA 2a00:1450::2
"""


async def test_hosts_come_by_preference_with_their_addresses():
    """RFC 5321 5.1: the lowest preference first, each host with all of its addresses, held for the least TTL."""
    found = await find(TWO.replace("two.example. MX 20", "two.example. 77 MX 20"), "two.example")
    assert found.verdict is Verdict.OK
    assert [(h.name, h.preference) for h in found.hosts] == [("mx1.two.example", 10), ("mx2.two.example", 20)]
    assert found.hosts[1].addresses == ("8.8.8.2", "2a00:1450::2")
    assert found.reason == ""
    assert found.valid_for == 60  # the negative TTL of mx1's missing AAAA


async def test_a_family_that_is_not_wanted_is_not_asked_for():
    """A cluster without IPv6 pays for no AAAA query."""
    lookup = MemoryLookup(TWO)
    found = await find(lookup, "two.example", families=("A",))
    assert found.hosts[1].addresses == ("8.8.8.2",)
    assert not [key for key in lookup.queries if key[1] == "AAAA"]


async def test_equal_preferences_come_in_random_order():
    """RFC 5321 5.1: the sender MUST randomize hosts of equal preference, and only those."""
    hosts = "".join(
        f"eq.example. MX 10 m{n}.eq.example.\nm{n}.eq.example. A 8.8.8.{n}\n" for n in range(1, 6)
    )
    zone = hosts + "eq.example. MX 5 first.eq.example.\nfirst.eq.example. A 8.8.4.4\n"
    orders = {
        tuple(names(await find_route("eq.example", MemoryLookup(zone), Rules(), random.Random(seed))))
        for seed in range(20)
    }
    assert len(orders) > 5
    assert {seen[0] for seen in orders} == {"first.eq.example"}


@given(st.lists(st.integers(0, 65535), max_size=30), st.integers())
def test_order_keeps_hosts_and_sorts_preferences(preferences, seed):
    """Whatever the randomness, no host is lost and no preference is passed over."""
    hosts = [Host(name=str(n), preference=p, addresses=()) for n, p in enumerate(preferences)]
    ordered = order(hosts, random.Random(seed))
    assert sorted(h.name for h in ordered) == sorted(h.name for h in hosts)
    assert [h.preference for h in ordered] == sorted(preferences)


async def test_no_mx_and_an_address_is_an_implicit_mx():
    """CASES D1: no MX + A → the domain is its own host, with preference 0 (RFC 5321 5.1)."""
    found = await find("direct.example. A 8.8.8.8", "direct.example")
    assert found.verdict is Verdict.OK
    assert [(h.name, h.preference, h.addresses) for h in found.hosts] == [("direct.example", 0, ("8.8.8.8",))]


async def test_no_mx_and_only_ipv6_is_an_implicit_mx():
    """CASES D1: the AAAA record alone is enough (RFC 5321 5.1 speaks of address RRs)."""
    found = await find("six.example. AAAA 2a00:1450::1", "six.example")
    assert found.hosts[0].addresses == ("2a00:1450::1",)


async def test_null_mx_is_refused_at_once():
    """CASES D1: null MX → NULL_MX (556 5.1.10), although the domain has an address (RFC 7505 4.1)."""
    lookup = MemoryLookup("null.example. MX 0 .\nnull.example. A 8.8.8.8")
    found = await find(lookup, "null.example")
    assert (found.verdict, found.hosts) == (Verdict.NULL_MX, ())
    assert "accepts no mail" in found.reason
    assert lookup.queries.total() == 1


async def test_null_mx_of_a_sender_is_told_apart_for_5727():
    """CASES D1: a sender domain with a null MX has a verdict of its own, so the receiver can say 550 5.7.27 (RFC 7505 4.2)."""
    verdicts = {
        (await find("null.example. MX 0 .\ngone.example. TXT x", domain)).verdict
        for domain in ("null.example", "gone.example", "missing.example")
    }
    assert verdicts == {Verdict.NULL_MX, Verdict.NO_DOMAIN}


async def test_a_root_among_other_mx_is_no_null_mx():
    """RFC 7505 3: a null MX stands alone; beside others, "." is a host that does not exist."""
    found = await find(TWO + "two.example. MX 0 .", "two.example")
    assert names(found) == ["mx1.two.example", "mx2.two.example"]


async def test_nxdomain_is_final_and_asks_no_more():
    """CASES D1: NXDOMAIN → 5.1.2, with one query and not three."""
    lookup = MemoryLookup(TWO)
    found = await find(lookup, "missing.example")
    assert (found.verdict, found.site) == (Verdict.NO_DOMAIN, "~missing.example")
    assert "does not exist" in found.reason
    assert lookup.queries.total() == 1


async def test_neither_mx_nor_address_takes_no_mail():
    """CASES D1: a domain that exists without MX and address → 5.1.2."""
    found = await find("gone.example. TXT x", "gone.example")
    assert found.verdict is Verdict.NO_DOMAIN


async def test_servfail_of_the_mx_defers_and_never_falls_back_to_the_address():
    """CASES D1: SERVFAIL or a timeout → 4.4.3; only "there is no MX" may lead to the address."""
    lookup = MemoryLookup("down.example. A 8.8.8.8")
    lookup.failing.add("down.example")
    found = await find(lookup, "down.example")
    assert found.verdict is Verdict.TEMPORARY
    assert ("down.example", "A") not in lookup.queries


async def test_servfail_of_the_hosts_defers():
    """CASES D1: MX known, its addresses not: deferred, not refused."""
    lookup = MemoryLookup(TWO)
    lookup.failing |= {"mx1.two.example", "mx2.two.example"}
    assert (await find(lookup, "two.example")).verdict is Verdict.TEMPORARY


async def test_one_host_that_cannot_be_looked_up_leaves_the_other():
    """A backup host is used while the first one's zone is down, but the route is not kept for long."""
    lookup = MemoryLookup(TWO)
    lookup.failing.add("mx1.two.example")
    found = await find(lookup, "two.example")
    assert names(found) == ["mx2.two.example"]
    assert found.valid_for <= 30


async def test_mx_whose_hosts_do_not_exist_is_an_error():
    """RFC 5321 5.1: MX records present but none usable MUST be reported; the domain's own address is not tried."""
    found = await find("lost.example. MX 10 mx.nowhere.example.\nlost.example. A 8.8.8.8", "lost.example")
    assert found.verdict is Verdict.NO_DOMAIN


async def test_an_alias_of_the_domain_is_followed():
    """RFC 5321 5.1: a CNAME is processed as if its target were the name; both domains share one site."""
    zone = TWO + "alias.example. CNAME two.example."
    found = await find(zone, "alias.example")
    assert names(found) == ["mx1.two.example", "mx2.two.example"]
    assert found.site == (await find(zone, "two.example")).site


async def test_an_alias_without_mx_leads_to_its_own_address():
    """The implicit MX of an alias is the name at its end."""
    found = await find("www.example. CNAME host.example.\nhost.example. A 8.8.8.8", "www.example")
    assert names(found) == ["host.example"]


async def test_an_mx_that_is_an_alias_is_followed():
    """CASES D4: MX target CNAME → its addresses are found, and the host keeps the name that the MX gave."""
    zone = "c.example. MX 10 mx.c.example.\nmx.c.example. CNAME real.c.example.\nreal.c.example. A 8.8.8.8"
    found = await find(zone, "c.example")
    assert [(h.name, h.addresses) for h in found.hosts] == [("mx.c.example", ("8.8.8.8",))]


@pytest.mark.parametrize(
    ("hops", "verdict"), [(10, Verdict.OK), (11, Verdict.TEMPORARY), (100, Verdict.TEMPORARY)]
)
async def test_a_chain_of_aliases_ends_after_ten(hops, verdict):
    """CASES D4: 100-hop CNAME → bounded (10 hops), for the domain as for an MX target."""
    chain = "".join(f"h{n}.example. CNAME h{n + 1}.example.\n" for n in range(hops))
    zone = f"{chain}h{hops}.example. A 8.8.8.8\nm.example. MX 1 h0.example."
    assert (await find(zone, "h0.example")).verdict is verdict
    assert (await find(zone, "m.example")).verdict is verdict


async def test_aliases_that_go_round_are_temporary():
    """CASES D4: a loop ends, and its owner may mend it."""
    found = await find("a.example. CNAME b.example.\nb.example. CNAME a.example.", "a.example")
    assert found.verdict is Verdict.TEMPORARY
    assert "aliases" in found.reason


@pytest.mark.parametrize(
    ("target", "verdict"),
    [
        ("1.2.3.4.", Verdict.NO_DOMAIN),
        ("8.8.8.8.", Verdict.NO_DOMAIN),
        ("localhost.", Verdict.INWARD),
        ("mail.localhost.", Verdict.INWARD),
        (r"a\032b.example.", Verdict.NO_DOMAIN),
    ],
)
async def test_an_mx_that_names_no_host_is_refused(target, verdict):
    """CASES D4: `1.2.3.4.`, `localhost` as MX → refused, also if the DNS has an address for it; nothing is looked up."""
    lookup = MemoryLookup(f"bad.example. MX 10 {target}\n{target} A 8.8.8.8\nbad.example. A 8.8.8.8")
    found = await find(lookup, "bad.example")
    assert found.verdict is verdict
    assert lookup.queries.total() == 1


async def test_three_hundred_mx_are_cut_to_twenty():
    """CASES D4: 300 MX → the 20 of lowest preference are looked up and kept."""
    zone = "".join(
        f"many.example. MX {n} m{n}.many.example.\nm{n}.many.example. A 8.8.8.8\n" for n in range(300)
    )
    lookup = MemoryLookup(zone)
    found = await find(lookup, "many.example")
    assert names(found) == [f"m{n}.many.example" for n in range(MAX_HOSTS)]
    assert lookup.queries.total() == 1 + 2 * MAX_HOSTS


async def test_a_host_with_many_addresses_is_cut():
    """CASES D4: a host's addresses are bounded as well."""
    zone = "".join(f"fat.example. A 8.8.{n}.8\n" for n in range(1, 100))
    assert len((await find(zone, "fat.example")).hosts[0].addresses) == MAX_ADDRESSES


async def test_addresses_of_both_families_alternate():
    """A family that is cut off costs every second try only; the first of `address_families` begins."""
    zone = "".join(f"d.example. A 8.8.{n}.8\nd.example. AAAA 2a00::{n}\n" for n in range(1, 4))
    addresses = (await find(zone, "d.example")).hosts[0].addresses
    assert [":" in a for a in addresses] == [False, True] * 3
    assert ":" in (await find(zone, "d.example", families=("AAAA", "A"))).hosts[0].addresses[0]


async def test_stale_answers_never_refuse_mail():
    """CASES D6: an old answer may send mail on its way, but its null MX is no reason for a bounce."""

    class Stale(MemoryLookup):
        async def query(self, name, rdtype):
            return replace(await super().query(name, rdtype), stale=True)

    zone = TWO + "null.example. MX 0 .\nnone.example. TXT x"
    good, null, none = [await find(Stale(zone), d) for d in ("two.example", "null.example", "none.example")]
    assert (good.verdict, good.stale) == (Verdict.OK, True)
    assert good.valid_for <= 30
    assert (null.verdict, none.verdict) == (Verdict.TEMPORARY, Verdict.TEMPORARY)


@pytest.mark.parametrize(
    "spelling", ["two.example", "TWO.example.", "Two.EXAMPLE", "ｔｗｏ。example", "two.example."]
)
async def test_every_spelling_of_a_domain_is_one(spelling):
    """CASES D11: case, trailing dot, full width → one canonical domain and one site."""
    found = await find(TWO, spelling)
    assert (found.domain, found.site, found.verdict) == ("two.example", "two.example", Verdict.OK)


async def test_an_international_domain_is_asked_for_in_a_labels():
    """CASES D11: 日本語.example and its A-label are one domain."""
    lookup = MemoryLookup("xn--wgv71a119e.example. A 8.8.8.8")
    routes = [await find(lookup, d) for d in ("日本語.example", "XN--WGV71A119E.example")]
    assert routes[0] == routes[1]
    assert routes[0].domain == "xn--wgv71a119e.example"


@pytest.mark.parametrize(
    "domain",
    [
        "xn--a.example",
        "xn--99999999.example",
        f"{'a' * 64}.example",
        ".".join(["a" * 49] * 5) + ".abcd",
        "a..example",
        "",
        ".",
        "1.2.3.4",
        "[1.2.3",
        "[256.1.1.1]",
        "a b.example",
        "-a.example",
        "a\r\nb.example",
        "x" * 5000,
    ],
)
async def test_what_is_no_domain_is_invalid_and_asks_nothing(domain):
    """CASES D11: invalid xn--, label of 64, 254 characters → 553 5.1.2 without a query, in one printable line."""
    lookup = MemoryLookup("")
    found = await find(lookup, domain)
    assert found.verdict is Verdict.INVALID
    assert lookup.queries.total() == 0
    assert len(found.domain) <= 253
    assert found.reason.isprintable()
    assert found.domain.isprintable()


@given(st.text(max_size=300))
async def test_any_text_gets_a_route(text):
    """CASES D11: whatever a stranger puts behind the @, there is a verdict and no exception."""
    found = await find("", text)
    assert found.verdict in {Verdict.INVALID, Verdict.NO_DOMAIN, Verdict.INWARD, Verdict.OK}
    assert found.domain.isprintable()


@given(st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?(\.[a-z]([a-z0-9]{0,10})){1,9}", fullmatch=True))
async def test_case_and_trailing_dot_never_matter(name):
    """CASES D11: one canonical name, whatever the case and the last dot."""
    assert await find("", name.upper() + ".") == await find("", name)
