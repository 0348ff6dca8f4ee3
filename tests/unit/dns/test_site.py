"""Sites and providers: one unit of limits for domains that share their hosts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.dns.site import OTHER, PROVIDERS, place, provider_of, registrable

HOST = st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,8}){1,3}", fullmatch=True)


@pytest.mark.parametrize(
    ("hosts", "provider"),
    [
        (["gmail-smtp-in.l.google.com", "alt1.gmail-smtp-in.l.google.com"], "google"),
        (["aspmx.l.google.com", "aspmx2.googlemail.com"], "google"),
        (["example-com.mail.protection.outlook.com"], "microsoft"),
        (["mta5.am0.yahoodns.net"], "yahoo"),
        (["mx01.mail.icloud.com"], "apple"),
        (["mfsmax.docomo.ne.jp"], "docomo"),
        (["lsean.ezweb.ne.jp"], "au"),
        (["mx.softbank.ne.jp"], "softbank"),
        (["mx.rakuten.co.jp"], "rakuten"),
    ],
)
def test_a_provider_is_one_site(hosts, provider):
    """Every domain hosted by a provider of the table shares its limits, and its metrics label."""
    assert place(hosts) == (provider, provider)


@pytest.mark.parametrize(
    "host", ["google.com.evil.example", "notgoogle.com", "evilicloud.com", "com", "docomo"]
)
def test_a_name_that_only_looks_like_a_provider_is_none(host):
    """Suffixes are compared by label, so that nobody can borrow a provider's limits."""
    assert provider_of(host) == OTHER


def test_a_foreign_host_among_a_providers_makes_another_site():
    """Replies of a stranger's backup host must not teach us how to treat the provider."""
    site, provider = place(["aspmx.l.google.com", "mx.evil.example"])
    assert (site == "google", provider) == (False, OTHER)


def test_customers_of_a_mail_house_share_its_site():
    """Hosts below one registrable name are one site."""
    assert place(["mx1.house.example", "mx2.house.example"])[0] == "house.example"
    assert place(["customer7.house.example"])[0] == "house.example"


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("mx.example.co.jp", "example.co.jp"),
        ("a.b.example.ne.jp", "example.ne.jp"),
        ("mx.example.tokyo.jp", "example.tokyo.jp"),
        ("mx.example.jp", "example.jp"),
        ("mx.example.com.au", "example.com.au"),
        ("mx.example.com", "example.com"),
        ("co.jp", "co.jp"),
        ("one.dyndns.org", "one.dyndns.org"),
        ("ec2-3-4.compute-1.amazonaws.com", "ec2-3-4.compute-1.amazonaws.com"),
        ("google", "google."),
    ],
)
def test_registrable_names(host, name):
    """Two labels, three below co.jp and its like; houses that rent out names are no common site."""
    assert registrable(host) == name


def test_hosts_of_different_houses_have_a_site_of_their_own():
    """Same set, same site; another set, another site; and neither is the site of one of the houses."""
    sites = {
        place(h)[0]
        for h in (["a.x.example", "b.y.test"], ["b.y.test", "A.X.example."], ["a.x.example", "c.z.test"])
    }
    assert len(sites) == 2
    assert not sites & {"x.example", "y.test"}


@given(st.lists(HOST, min_size=1, max_size=6, unique=True), st.randoms())
def test_the_same_hosts_in_any_order_are_one_site(hosts, rng):
    """The order, the case and the last dot of the hosts never matter, and the provider is of the table."""
    shuffled = [h.upper() + "." for h in hosts]
    rng.shuffle(shuffled)
    assert place(hosts) == place(shuffled)
    assert place(hosts)[1] in {*PROVIDERS.values(), OTHER}
    assert len(place(hosts)[0]) <= 262


def test_the_provider_table_is_small():
    """The label is bounded: a metric has at most so many series."""
    assert len(set(PROVIDERS.values())) < 60
