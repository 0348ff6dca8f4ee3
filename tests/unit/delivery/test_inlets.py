from __future__ import annotations

import asyncio

import pytest

from tests.unit.delivery.world import Router, World, nowhere, ok
from yubin.dns.port import Verdict
from yubin.queue.port import Outcome, Selection, State


async def test_fresh_work_is_sent_once():
    """A published row is claimed through the fresh lane, and the ledger inlet does not bring it again."""
    world = World()
    message = await world.accept("b@x.example", "c@y.example")
    await world.run(lambda: len(world.attempts.seen) == 2)
    assert await world.outcomes(message) == [Outcome.DELIVERED] * 2
    assert sorted(world.attempts.seen) == ["b@x.example", "c@y.example"]


async def test_a_repeated_job_sends_nothing():
    """DESIGN I3: a job that NATS repeats finds its epoch gone."""
    world = World()
    await world.accept("b@x.example")
    job = world.dispatch._lanes["hi"].waiting[0]
    world.dispatch.publish([job, job, job])
    await world.run(lambda: len(world.dispatch._lanes["hi"].waiting) == 0 and bool(world.attempts.seen))
    assert world.attempts.seen == ["b@x.example"]


async def test_a_lost_job_is_found_in_the_ledger():
    """A message that NATS lost costs the head start, nothing else."""
    world = World()
    await world.accept("b@x.example")
    world.dispatch._lanes["hi"].waiting.clear()
    world.clock.now += 31.0
    await world.run(lambda: bool(world.attempts.seen))
    assert world.attempts.seen == ["b@x.example"]


async def test_overflow_comes_from_the_ledger_at_once():
    """A row that was not published is due now."""
    world = World()
    await world.accept("b@x.example", publish=False)
    await world.run(lambda: bool(world.attempts.seen), fresh=False)
    assert world.attempts.seen == ["b@x.example"]


async def test_a_full_site_stands_in_nobodys_way(monkeypatch):
    """One site that is full leaves its rows to the ledger; another site's letter goes at once."""
    monkeypatch.setattr("services.delivery.inlets.IN_LINE", 0.01)
    world = World(per_site=1)
    world.attempts.gate = asyncio.Event()
    world.router = Router({"other.example": ok("other.example", "elsewhere")})
    world.inlets._router = world.router
    busy = await world.accept("1@x.example", "2@x.example", "3@x.example")
    await world.accept("b@other.example")

    def both_busy() -> bool:
        return world.attempts.now == 2 and not world.dispatch._lanes["hi"].unacked

    task = asyncio.create_task(world.run(lambda: len(world.attempts.seen) == 4))
    async with asyncio.timeout(5):
        while not both_busy():
            await asyncio.sleep(0.005)
    assert world.attempts.most == 2
    rows = await world.memory.list(Selection(message_id=busy.id), limit=10)
    assert sorted(r.state for r in rows) == [State.READY, State.READY, State.SENDING]
    assert {r.site for r in rows} == {"site"}
    world.attempts.gate.set()
    world.clock.now += 3.0
    await task
    assert world.attempts.most == 2


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        (Verdict.NULL_MX, Outcome.BOUNCED),
        (Verdict.NO_DOMAIN, Outcome.BOUNCED),
        (Verdict.INWARD, Outcome.BOUNCED),
        (Verdict.INVALID, Outcome.BOUNCED),
        (Verdict.TEMPORARY, Outcome.PENDING),
    ],
)
async def test_dns_alone_decides_where_there_is_no_host(verdict, outcome):
    """RFC 5321 5.1, RFC 7505: what leads nowhere is not connected to."""
    world = World()
    world.router.routes["x.example"] = nowhere("x.example", verdict)
    message = await world.accept("b@x.example")

    def ended() -> bool:
        return world.memory._mail[message.id].events[-1].kind in {"bounced", "deferred"}

    await world.run(ended)
    assert world.attempts.seen == []
    assert await world.outcomes(message) == [outcome]


@pytest.mark.parametrize("publish", [True, False])
async def test_a_lost_resolver_costs_no_attempt(publish):
    """CASES D6: without a resolver mail waits; it is neither bounced nor counted."""
    world = World()
    world.router.away = True
    message = await world.accept("b@x.example", publish=publish)
    lane = world.dispatch._lanes["hi"]
    turns = iter(range(1000))
    await world.run(lambda: next(turns) > 20 and not lane.waiting)
    (row,) = await world.memory.list(Selection(message_id=message.id), limit=1)
    assert (row.attempts, row.state) in {(0, State.READY), (0, State.DEFERRED)}
    assert await world.outcomes(message) == [Outcome.PENDING]


async def test_ten_thousand_recipients_never_exceed_the_pod():
    """The pod claims only what it has room for."""
    world = World(slots=5, per_site=3)
    for i in range(40):
        await world.accept(f"{i}@d{i}.example", publish=i % 2 == 0)
    world.router.routes = {f"d{i}.example": ok(f"d{i}.example", f"site{i % 4}") for i in range(40)}

    async def tick():
        while True:
            await asyncio.sleep(0.01)
            world.clock.now += 3.0

    ticking = asyncio.create_task(tick())
    await world.run(lambda: len(world.attempts.seen) == 40)
    ticking.cancel()
    assert world.attempts.most <= 5
    assert len(set(world.attempts.seen)) == 40
    assert world.slots.taken == 0


async def test_a_round_under_way_at_the_stop_is_finished():
    """DESIGN I6: rows that a stopping pod is just claiming are sent or given back, not left to their lease."""
    world = World()
    message = await world.accept("b@x.example", publish=False)
    asked, go = asyncio.Event(), asyncio.Event()
    claim_due = world.ledger.claim_due

    async def slow(rooms, **how):
        asked.set()
        await go.wait()
        return await claim_due(rooms, **how)

    world.ledger.claim_due = slow
    loop = asyncio.create_task(world.inlets.stored(world.stopping, poll=0.01))
    await asked.wait()
    world.stopping.set()
    draining = asyncio.create_task(world.inlets.drain(5.0, [loop]))
    await asyncio.sleep(0.01)
    go.set()
    await draining
    assert await world.outcomes(message) == [Outcome.DELIVERED]


async def test_a_stop_while_the_resolver_is_silent_gives_the_row_back():
    """DESIGN I6: a row that was claimed and not yet routed is ready again at once."""
    world = World()
    await world.accept("b@x.example", publish=False)
    asked = asyncio.Event()

    async def silent(_domain):
        asked.set()
        await asyncio.Event().wait()

    world.router.route = silent
    loop = asyncio.create_task(world.inlets.stored(world.stopping, poll=0.01))
    await asked.wait()
    world.stopping.set()
    await world.inlets.drain(0.01, [loop])
    (view,) = await world.memory.list(Selection(), limit=10)
    assert (view.state, view.attempts) == (State.READY, 0)
    assert view.due <= world.clock.now
