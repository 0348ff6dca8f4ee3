"""Who counts as one client."""

import pytest

from yubin.runtime.peers import neighbourhood


@pytest.mark.parametrize(
    ("peer", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_an_ipv6_customer_has_a_whole_network(peer, counted):
    """CASES E12: 2^64 addresses of one customer are one client."""
    assert neighbourhood(peer) == counted
