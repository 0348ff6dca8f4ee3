from __future__ import annotations

import asyncio

from services.delivery.alone import ChildDied
from tests.unit.delivery.world import World, ok
from yubin.errors import Unavailable
from yubin.queue.port import Outcome, State


async def claimed(world: World):
    await world.accept("b@x.example", publish=False)
    (claim,) = await world.ledger.claim_due({"~x.example": 1}, owner="pod-1", lease=60.0)
    return claim, world.leases.take(claim, world.mono())


async def row(world: World, claim):
    tracking = await world.memory.track(claim.message.id)
    assert tracking is not None
    return tracking.deliveries[0]


async def test_an_error_of_ours_is_a_retry_that_is_not_counted():
    """An unknown error costs no attempt and is not a bounce."""
    world = World()
    world.attempts.error = RuntimeError("boom")
    claim, lease = await claimed(world)
    await world.worker.run(claim, ok("x.example"), lease)
    view = await row(world, claim)
    assert (view.state, view.attempts) == (State.DEFERRED, 0)


async def test_a_missing_body_is_trouble_of_our_own():
    """The object store is away: deferred for a minute, not counted, nothing sent."""
    world = World()
    claim, lease = await claimed(world)
    from dataclasses import replace

    await world.worker.run(replace(claim, body=None), ok("x.example"), lease)
    view = await row(world, claim)
    assert (view.state, view.attempts, world.attempts.seen) == (State.DEFERRED, 0, [])


async def test_an_expired_letter_is_not_sent():
    """CASES B14: past its time a letter ends as expired 5.4.7, without a connection."""
    from dataclasses import replace

    world = World()
    claim, lease = await claimed(world)
    world.clock.now = claim.expires + 1
    await world.worker.run(replace(claim, now=claim.expires), ok("x.example"), lease)
    view = await row(world, claim)
    assert (view.recipients[0].outcome, view.recipients[0].enhanced) == (Outcome.EXPIRED, "5.4.7")
    assert world.attempts.seen == []


async def test_the_result_is_written_when_the_ledger_comes_back(monkeypatch):
    """The peer's 250 is not forgotten because the database was away for a moment."""
    world = World()
    claim, lease = await claimed(world)
    monkeypatch.setattr("services.delivery.worker.WRITE_RETRY", (0.001,))
    finish, calls = world.ledger.finish, []

    async def flaky(result):
        calls.append(result)
        if len(calls) < 3:
            raise Unavailable("the database is away")
        return await finish(result)

    monkeypatch.setattr(world.ledger, "finish", flaky)
    await world.worker.run(claim, ok("x.example"), lease)
    assert len(calls) == 3
    assert (await row(world, claim)).state is State.DONE


async def test_a_stopping_pod_gives_back_what_it_has_not_begun():
    """DESIGN I6: cancelled before MAIL FROM, the row is ready at once and no attempt was made."""
    world = World()
    claim, lease = await claimed(world)
    started = asyncio.Event()

    async def connecting(*_args, **_kwargs):
        started.set()
        await asyncio.Event().wait()

    world.attempts.deliver = connecting
    task = asyncio.create_task(world.worker.run(claim, ok("x.example"), lease))
    await started.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    view = await row(world, claim)
    assert (view.state, view.attempts) in {(State.READY, 0), (State.DEFERRED, 0)}
    assert view.due <= world.clock.now


async def test_a_stopping_pod_leaves_what_may_have_been_sent_in_doubt():
    """Cancelled behind the mark, the row waits five minutes, marked as in doubt."""
    world = World()
    world.attempts.gate = asyncio.Event()
    claim, lease = await claimed(world)
    task = asyncio.create_task(world.worker.run(claim, ok("x.example"), lease))
    for _ in range(50):
        await asyncio.sleep(0.002)
    assert lease.marked
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    view = await row(world, claim)
    assert view.state is State.DEFERRED
    assert view.in_doubt
    assert view.due >= world.clock.now + 299


async def test_an_error_of_the_object_store_that_nobody_expected_loses_no_worker():
    """Whatever reading a body raises is a retry of ours; the row is written and not left to its lease."""
    from dataclasses import replace

    world = World()
    claim, lease = await claimed(world)

    async def broken(_name):
        raise ZeroDivisionError

    world.objects.get = broken
    await world.worker.run(replace(claim, body=None), ok("x.example"), lease)
    assert (await row(world, claim)).state is State.DEFERRED


async def test_a_long_lease_is_not_shortened_by_the_common_renewal():
    """A child that sends alone was promised the whole attempt's time: the pod's renewal must not take it back."""
    world = World()
    claim, lease = await claimed(world)
    await world.memory.renew([lease.hold], lease=960.0)
    lease.until = world.mono() + 960.0
    await world.leases.renew()
    world.clock.now += 900.0
    assert await world.memory.mark_in_doubt([lease.hold]) == [True]
    assert claim.delivery_id == lease.hold.delivery_id


async def test_a_child_that_died_writes_nothing():
    """A suspect that killed its child stays as it is until its lease runs out; the ledger counts the loss."""
    from dataclasses import replace

    world = World()
    claim, lease = await claimed(world)

    class Dies:
        async def deliver(self, claim, route, lease):
            raise ChildDied

    world.worker._alone = Dies()
    await world.worker.run(replace(claim, crashes=2), ok("x.example"), lease)
    assert (await row(world, claim)).state is State.SENDING


async def test_a_lost_lease_has_no_time_left():
    """DESIGN I2: once the ledger no longer grants a lease, neither DATA nor the dot is sent."""
    world = World()
    _claim, lease = await claimed(world)
    assert lease.left() == 60.0
    world.clock.now += 61.0
    await world.leases.renew()
    assert lease.left() == 0.0


async def test_a_renewed_lease_counts_from_before_it_was_asked():
    world = World()
    _claim, lease = await claimed(world)
    world.mono.now = 20.0
    await world.leases.renew()
    assert lease.until == 80.0
