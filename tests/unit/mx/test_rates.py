"""How often a network may connect."""

import pytest

from services.mx.rates import NETWORKS, Rates, network
from yubin.errors import Exhausted


class Clock:
    now = 960.0

    def __call__(self):
        return self.now


def admitted(rates, peers):
    count = 0
    for peer in peers:
        try:
            rates.arrive(peer)
        except Exhausted:
            continue
        count += 1
    return count


@pytest.mark.parametrize("peer", ["192.0.2.%d", "2001:db8:0:1::%x"])
def test_the_three_hundred_and_first_of_a_network(peer):
    """CASES E12: whatever addresses of a /24 or a /64 are used; the neighbours are not concerned."""
    rates = Rates(300, clock=Clock())
    assert admitted(rates, [peer % (n % 250) for n in range(400)]) == 300
    rates.arrive("192.0.3.1")
    rates.arrive("2001:db8:0:2::1")


def test_one_too_many_is_told_so():
    """CASES E12: 421 4.7.0."""
    rates = Rates(1, clock=Clock())
    rates.arrive("192.0.2.1")
    with pytest.raises(Exhausted) as refused:
        rates.arrive("192.0.2.2")
    assert str(refused.value).startswith("421 4.7.0")


def test_a_minute_later_there_is_room_again():
    """Who keeps on knocking is let in at the rate, and not shut out for it."""
    clock = Clock()
    rates = Rates(60, clock=clock)
    assert admitted(rates, ["192.0.2.1"] * 100) == 60
    clock.now += 30
    assert admitted(rates, ["192.0.2.1"] * 100) == 0
    clock.now += 60
    assert admitted(rates, ["192.0.2.1"] * 100) == 30
    clock.now += 600
    assert admitted(rates, ["192.0.2.1"] * 100) == 60


def test_the_table_is_bounded():
    """DESIGN I7: who came longest ago is forgotten."""
    rates = Rates(1, clock=Clock())
    for n in range(NETWORKS + 10):
        rates.arrive(f"10.{n >> 16}.{n >> 8 & 255}x{n & 255}.1")
    assert len(rates._counts) == NETWORKS


def test_what_is_one_network():
    """A /24, a /64; an address with a zone; none at all."""
    assert network("192.0.2.77") == "192.0.2"
    assert network("2001:db8::1") == network("2001:db8::ffff:1") != network("2001:db8:0:1::1")
    assert network("fe80::1%eth0") == "fe80::/64"
    assert network("") == ""
