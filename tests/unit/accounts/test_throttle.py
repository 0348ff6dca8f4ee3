"""How often a password may be wrong."""

import pytest

from services.directory.throttle import Buckets, Rate, Throttle, network
from tests.unit.accounts.directory import Clock
from yubin.errors import Exhausted


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def throttle(clock):
    return Throttle(Rate(burst=5, refill=10), Rate(burst=3, refill=30), entries=100, clock=clock)


def refused(throttle, login, peer):
    try:
        throttle.enter(login, peer)
    except Exhausted:
        return True
    return False


def test_the_refusal_is_temporary(throttle):
    """454 4.7.0: a mail program tries again later and does not ask for another password."""
    for _ in range(3):
        throttle.enter("u@a.example", "192.0.2.1")
    with pytest.raises(Exhausted) as refusal:
        throttle.enter("u@a.example", "192.0.2.1")
    assert (refusal.value.code, refusal.value.enhanced) == (454, "4.7.0")


def test_one_address_guesses_a_thousand_times(throttle):
    """CASES F7: of 1,000 logins from one address, each for another account, only the burst is checked."""
    passed = sum(not refused(throttle, f"u{n}@a.example", "192.0.2.1") for n in range(1000))
    assert passed == 5
    assert not refused(throttle, "u1@a.example", "192.0.2.2"), "another address is not to blame"


def test_a_thousand_addresses_guess_one_account(throttle):
    """CASES F7: the account has a bucket of its own, wherever the guesses come from."""
    passed = sum(not refused(throttle, "u@a.example", f"10.0.{n >> 8}.{n & 255}") for n in range(1000))
    assert passed == 3
    assert not refused(throttle, "v@a.example", "10.0.0.1"), "another account is not to blame"


def test_the_real_user_is_known_during_the_attack(throttle, clock):
    """CASES F7: an address from which the login held lately is let through, again and again."""
    throttle.held(throttle.enter("u@a.example", "198.51.100.7"))
    while not refused(throttle, "u@a.example", f"10.0.0.{int(clock.now) % 250}"):
        clock.now += 1
    for _ in range(50):
        throttle.held(throttle.enter("u@a.example", "198.51.100.7"))
    clock.now += 31 * 86400
    for n in range(3):
        throttle.enter("u@a.example", f"10.0.1.{n}")
    assert refused(throttle, "u@a.example", "198.51.100.7"), "it is not known for ever"


def test_a_known_address_still_guesses_within_its_own_bounds(throttle):
    """Whoever has one account cannot guess without end from there, nor earn tries by logging in between."""
    throttle.held(throttle.enter("u@a.example", "192.0.2.1"))
    passed = 0
    for _ in range(100):
        throttle.held(throttle.enter("own@a.example", "192.0.2.1")) if passed < 5 else None
        passed += not refused(throttle, "u@a.example", "192.0.2.1")
    assert passed == 5


def test_tokens_come_back_with_time(throttle, clock):
    """One try every ``refill`` seconds, and never more than the burst."""
    for _ in range(3):
        throttle.enter("u@a.example", "192.0.2.1")
    assert refused(throttle, "u@a.example", "192.0.2.1")
    clock.now += 30
    assert not refused(throttle, "u@a.example", "192.0.2.1")
    assert refused(throttle, "u@a.example", "192.0.2.1")
    clock.now += 1e6
    assert sum(not refused(throttle, "u@a.example", "192.0.2.9") for _ in range(10)) == 3


def test_a_right_password_costs_nothing(throttle):
    """Neither does a check that we could not make."""
    for _ in range(100):
        throttle.held(throttle.enter("u@a.example", "192.0.2.1"))
        throttle.undone(throttle.enter("v@a.example", "192.0.2.1"))


def test_checks_under_way_count(throttle):
    """A thousand at once are no way around: tokens are taken before the password is looked at."""
    under_way = [throttle.enter("u@a.example", "192.0.2.1") for _ in range(3)]
    assert refused(throttle, "u@a.example", "192.0.2.1")
    throttle.held(under_way[0])
    assert not refused(throttle, "u@a.example", "192.0.2.1")


def test_a_refusal_of_the_login_costs_the_address_nothing(throttle):
    """A customer whose account is under attack may still log in to another from there."""
    for n in range(3):
        throttle.enter("u@a.example", f"10.0.0.{n}")
    for _ in range(100):
        assert refused(throttle, "u@a.example", "192.0.2.1")
    assert not refused(throttle, "v@a.example", "192.0.2.1")


def test_an_ipv6_customer_is_a_64(throttle):
    """2^64 addresses of one customer share a bucket; the neighbour has another."""
    passed = sum(not refused(throttle, f"u{n}@a.example", f"2001:db8:1:2::{n:x}") for n in range(1000))
    assert passed == 5
    assert not refused(throttle, "u@a.example", "2001:db8:1:3::1")
    assert network("::ffff:192.0.2.1") == network("192.0.2.1")


def test_tables_are_bounded(clock):
    """Whatever strangers send, the least recently used is forgotten, and the one under attack is not."""
    buckets = Buckets(Rate(burst=2, refill=10), entries=100, clock=clock)
    for n in range(10_000):
        buckets.take(f"stranger {n}")
        buckets.take("attacked")
    assert len(buckets) == 100
    assert not buckets.take("attacked")


def test_known_addresses_are_bounded(throttle):
    """Successes fill no memory either."""
    for n in range(1000):
        throttle.held(throttle.enter("u@a.example", f"10.0.{n >> 8}.{n & 255}"))
    assert len(throttle._known) == 100
