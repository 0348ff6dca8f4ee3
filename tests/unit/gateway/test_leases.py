"""What connections hold in the mailbox pods: how often it is asked for again."""

import pytest

from services.gateway.leases import Lease, Leases
from yubin.errors import Unavailable


class Account:
    """Gives what is asked for, for as long as it is asked for, unless it is away."""

    def __init__(self):
        self.asked, self.away, self.full = [], False, False

    async def lease(self, name, owner, seconds, *, most):
        self.asked.append((name, seconds))
        if self.away:
            raise Unavailable("away")
        return not self.full

    async def release(self, name, owner):
        self.asked.append(("release", name))


@pytest.fixture
def account():
    return Account()


async def held(account, **more):
    lost = []
    now = [0.0]
    leases = Leases(lambda: now[0])
    lease = Lease(account=account, name="x", owner="me", most=1, lost=lost.append, **more)
    assert await leases.take(lease)
    account.asked.clear()
    return leases, now, lost


@pytest.mark.parametrize(("seconds", "times"), [(60.0, 9), (600.0, 1)])
async def test_renewed_as_often_as_it_needs(account, seconds, times):
    """A short one in each round, a long one when a third of its life is over."""
    leases, now, _ = await held(account, seconds=seconds)
    for _ in range(9):
        now[0] += 20
        await leases.renew(now[0])
    assert account.asked == [("x", seconds)] * times


async def test_one_that_cannot_be_renewed_is_tried_in_the_next_round(account):
    """It has two thirds of its life left; the connection does not end."""
    leases, now, lost = await held(account, seconds=600.0)
    account.away, now[0] = True, 190.0
    await leases.renew(now[0])
    await leases.renew(now[0] + 20)
    assert (len(account.asked), lost) == (2, [])


async def test_one_that_somebody_else_has(account):
    """The connection is told, once."""
    leases, _, lost = await held(account)
    account.full = True
    await leases.renew()
    await leases.renew()
    assert len(lost) == len(account.asked) == 1
