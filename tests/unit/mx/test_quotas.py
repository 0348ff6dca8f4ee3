"""How full mailboxes are, as RCPT knows it."""

import pytest

from services.mx.quotas import AWAY, HOLDS, HOLDS_NEAR, Quotas
from yubin.accounts.port import LocalAccount
from yubin.errors import Exhausted, TooBig, Unavailable
from yubin.mailboxes.port import Usage


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


class Boxes:
    """What each account holds, and how often that was asked."""

    def __init__(self, **used):
        self.used, self.asked, self.away = used, [], False

    async def usage(self, accounts):
        self.asked.append(list(accounts))
        if self.away:
            raise Unavailable("away")
        return {a: Usage(used=self.used[a]) for a in accounts if a in self.used}

    async def deliver(self, letter):
        raise AssertionError


def account(name, quota=1000):
    return LocalAccount(id=name, address=f"{name}@a.test", quota=quota)


@pytest.fixture
def clock():
    return Clock()


async def test_a_full_mailbox(clock):
    """Full is full, and so is one into which the declared size does not go: 452 4.2.2."""
    quotas = Quotas(Boxes(full=1000, half=500), clock=clock)
    for name, size in (("full", 0), ("full", 1), ("half", 501)):
        with pytest.raises(Exhausted) as refused:
            await quotas.check([account(name)], size)
        assert str(refused.value) == "452 4.2.2 The mailbox is full"
    await quotas.check([account("half")], 500)
    await quotas.check([account("new")], 1000)


async def test_an_operator_who_wants_an_end(clock):
    """552 5.2.2, so that the sender gives up."""
    with pytest.raises(Exhausted) as refused:
        await Quotas(Boxes(full=1000), over=552, clock=clock).check([account("full")], 0)
    assert str(refused.value).startswith("552 5.2.2")


async def test_a_letter_larger_than_the_whole_mailbox(clock):
    """It never fits: 552 5.2.2 whatever the operator wants, and nobody is asked."""
    boxes = Boxes()
    with pytest.raises(TooBig) as refused:
        await Quotas(boxes, clock=clock).check([account("new")], 1001)
    assert str(refused.value).startswith("552 5.2.2")
    assert boxes.asked == []


async def test_without_a_quota_nobody_is_asked(clock):
    """0 is no limit, unless the pod has a default."""
    boxes = Boxes(a=10_000)
    await Quotas(boxes, clock=clock).check([account("a", quota=0)], 5000)
    assert boxes.asked == []
    with pytest.raises(Exhausted):
        await Quotas(boxes, default=10_000, clock=clock).check([account("a", quota=0)], 1)


async def test_an_alias_is_full_when_all_of_its_mailboxes_are(clock):
    """One that has room, or no limit, is enough."""
    quotas = Quotas(Boxes(a=1000, b=1000, c=0), clock=clock)
    await quotas.check([account("a"), account("c")], 10)
    await quotas.check([account("a"), account("d", quota=0)], 10)
    await quotas.check([], 10)
    with pytest.raises(Exhausted):
        await quotas.check([account("a"), account("b")], 10)


async def test_what_is_known_is_not_asked_again(clock):
    """For a while; a mailbox that is nearly full is looked at more often, and deliveries count meanwhile."""
    boxes = Boxes(a=100, b=950)
    quotas = Quotas(boxes, clock=clock)
    for _ in range(3):
        await quotas.check([account("a")], 10)
        await quotas.check([account("b")], 10)
    assert boxes.asked == [["a"], ["b"]]
    clock.now += HOLDS_NEAR
    await quotas.check([account("a")], 10)
    await quotas.check([account("b")], 10)
    assert boxes.asked == [["a"], ["b"], ["b"]]
    quotas.add("a", 900)
    quotas.add("nobody", 900)
    with pytest.raises(Exhausted):
        await quotas.check([account("a")], 10)
    clock.now += HOLDS
    await quotas.check([account("a")], 10)


async def test_while_nobody_answers_there_is_room(clock):
    """What was last known stands in; nobody waits for an answer twice in a row."""
    boxes = Boxes(full=1000)
    quotas = Quotas(boxes, clock=clock)
    with pytest.raises(Exhausted):
        await quotas.check([account("full")], 0)
    boxes.away = True
    clock.now += HOLDS
    await quotas.check([account("new")], 10)
    with pytest.raises(Exhausted):
        await quotas.check([account("full")], 0)
    assert len(boxes.asked) == 2
    clock.now += AWAY
    await quotas.check([account("new")], 10)
    assert len(boxes.asked) == 3
