"""The real ledgers against the memory model: random walks through the life of letters end in the same place."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.ledgers import (
    START,
    TERMS,
    delivery,
    hold,
    letter,
    make_world,
    message,
    result,
    said,
    ticket,
)
from yubin.queue.memory import MemoryLedger
from yubin.queue.port import Letter, Origin, Outcome, Release, Selection, State, Wish

SITES = ("a.example", "b.example")
PEER = st.sampled_from(["mx[192.0.2.1]:25", ""])
OUTCOMES = st.sampled_from([o for o in Outcome if o is not Outcome.CANCELLED])
WHICH = st.integers(0, 7)
CHOSEN = st.sampled_from(
    [
        Selection(),
        Selection(tenant="t1"),
        Selection(site="a.example"),
        Selection(state=State.DEFERRED),
        Selection(sender=""),
        Selection(domain="b.example", tenant="t0"),
    ]
)
ACCEPT = st.tuples(
    st.just("accept"),
    st.integers(1, 3),
    st.sampled_from(["", "NEVER", "SUCCESS,FAILURE", "DELAY"]),
    st.booleans(),
)
FINISH = st.tuples(
    st.just("finish"),
    WHICH,
    st.lists(OUTCOMES, max_size=3),
    PEER,
    st.booleans(),
    st.sampled_from([None, 5.0, 5000.0]),
)
CLAIM_DUE = st.tuples(st.just("claim_due"), st.sampled_from([10, 100]))
MARK = st.tuples(st.just("mark"), WHICH)
SLEEP = st.tuples(st.just("sleep"), st.sampled_from([1.0, 31.0, 61.0, 700.0, 15000.0, 200000.0]))
STEP = st.one_of(
    ACCEPT,
    CLAIM_DUE,
    CLAIM_DUE,
    st.tuples(st.just("claim"), WHICH, st.sampled_from(SITES)),
    MARK,
    FINISH,
    FINISH,
    SLEEP,
    st.tuples(st.just("renew"), WHICH),
    st.tuples(st.just("release"), WHICH),
    st.tuples(st.just("reroute"), WHICH, st.integers(0, 3)),
    st.tuples(st.just("wish"), CHOSEN, st.sampled_from(list(Wish))),
    st.tuples(st.just("flush"), CHOSEN),
    st.tuples(st.just("expire")),
    st.tuples(st.just("report"), WHICH, st.booleans()),
    st.tuples(st.just("relay"), st.integers(1, 5)),
    st.tuples(st.just("sweep")),
)
START_STEPS = st.tuples(ACCEPT, ACCEPT, ACCEPT, st.just(("sleep", 31.0)), CLAIM_DUE, MARK, FINISH)
STEPS = st.builds(lambda first, rest: [*first, *rest], START_STEPS, st.lists(STEP, min_size=5, max_size=25))


class Walk:
    """Takes each step in both ledgers and compares what they answer."""

    def __init__(self, world, model, time):
        self.world, self.model, self.time = world, model, time
        self.rows, self.messages, self.claims = [], [], []

    async def both(self, act, *, norm=lambda answer: answer):
        real, model = await act(self.world.ledger), await act(self.model)
        assert norm(real) == norm(model)
        return real

    async def take(self, step):
        await getattr(self, step[0])(*step[1:])

    async def accept(self, count, notify, null):
        domain = SITES[len(self.rows) % 2]
        asked = frozenset(notify.split(",")) - {""}
        new = delivery(
            *(f"u{n}@{domain}" for n in range(count)), domain=domain, published=bool(count % 2), notify=asked
        )
        given = letter(new, tenant=f"t{len(self.rows) % 3}", sender="" if null else "m@x.example")
        await self.both(lambda ledger: ledger.accept([given]))
        self.rows.append(new)
        self.messages.append(given.message.id)

    async def claim(self, which, site):
        if self.rows:
            new = self.rows[which % len(self.rows)]
            view = await self._view(new)
            asked = [ticket(new, view.get("epoch", 0) if view else 0, site)]
            (claim,) = await self.both(lambda ledger: ledger.claim(asked, owner="w", lease=60))
            self._note([claim] if claim else [])

    async def _view(self, new):
        found = self.model._where.get(new.id)
        return {"epoch": found.deliveries[new.id][0].epoch} if found else {}

    async def claim_due(self, room):
        sites = await self.both(lambda ledger: ledger.due_sites(50), norm=sorted)
        rooms = dict.fromkeys(sites, room)
        by_id = lambda claims: sorted(claims, key=lambda claim: claim.delivery_id)  # noqa: E731
        self._note(await self.both(lambda ledger: ledger.claim_due(rooms, owner="w", lease=60), norm=by_id))
        await self.expire_wishes()

    async def expire_wishes(self):
        """Wishes of rows that lost their worker are honoured by the next round of expiry."""
        await self.expire()

    def _note(self, claims):
        self.claims += claims

    async def mark(self, which):
        if self.claims:
            held = [hold(self.claims[which % len(self.claims)])]
            await self.both(lambda ledger: ledger.mark_in_doubt(held))

    async def renew(self, which):
        if self.claims:
            held = [hold(self.claims[which % len(self.claims)])]
            await self.both(lambda ledger: ledger.renew(held, lease=60))

    async def finish(self, which, outcomes, peer, counted, later):
        if self.claims:
            claim = self.claims[which % len(self.claims)]
            words = [said(n, outcome, 250 if n else 451, f"reply {n}") for n, outcome in enumerate(outcomes)]
            word = replace(result(claim), recipients=tuple(words), peer=peer, counted=counted, retry_after=later,
                           in_doubt=not counted)  # fmt: skip
            await self.both(lambda ledger: ledger.finish([word]))

    async def release(self, which):
        if self.claims:
            claim = self.claims[which % len(self.claims)]
            back = Release(delivery_id=claim.delivery_id, epoch=claim.epoch, site="b.example", delay=3)
            await self.both(lambda ledger: ledger.release([back]))

    async def reroute(self, which, epoch):
        if self.rows:
            asked = [ticket(self.rows[which % len(self.rows)], epoch, "b.example")]
            await self.both(lambda ledger: ledger.reroute(asked, delay=4))

    async def wish(self, selection, wish):
        await self.both(lambda ledger: ledger.wish(selection, wish))

    async def flush(self, selection):
        await self.both(lambda ledger: ledger.flush(selection))

    async def expire(self):
        await self.both(lambda ledger: ledger.expire(100), norm=set)

    async def report(self, which, decline):
        due = await self.both(lambda ledger: ledger.reports_due(100), norm=set)
        if due:
            id_ = sorted(due)[which % len(due)]
            dsn = Letter(message=message(sender="", origin=Origin.DSN), body=b"", deliveries=(delivery(),))
            told = []

            def compose(about, reportables):
                told.append((about, sorted(reportables, key=lambda r: (r.delivery_id, r.n))))
                return None if decline else dsn

            await self.both(lambda ledger: ledger.report(id_, compose))
            assert told[0] == told[1]
            self.messages.append(dsn.message.id)

    async def sleep(self, seconds):
        self.time["now"] += seconds
        await self.world.sleep(seconds)

    async def relay(self, count):
        for ledger in (self.world.ledger, self.model):
            await ledger.relayed([event.seq for event in await ledger.unrelayed(count)])

    async def sweep(self):
        await self.both(lambda ledger: ledger.sweep(1000), norm=set)

    async def compare(self):
        await self.both(lambda ledger: ledger.depth(), norm=lambda d: replace(d, unrelayed_events=0))
        await self.both(lambda ledger: ledger.list(Selection(), limit=100))
        for id_ in self.messages:
            await self.both(lambda ledger, id_=id_: ledger.track(id_), norm=_without_numbers)


def _without_numbers(tracking):
    """Events of one moment may stand in another order."""
    if tracking is None:
        return None
    events = sorted((replace(event, seq=0) for event in tracking.events), key=repr)
    return replace(tracking, events=tuple(events))


async def _clear(world):
    if world.kind == "postgres":
        await world.ledger.pool.execute("TRUNCATE message, body, delivery, recipient, event")
        await world.ledger.pool.execute(
            "UPDATE sweep SET at = 0, id = '00000000-0000-0000-0000-000000000000'"
        )
    else:

        def work(conn):
            for table in ("message", "body", "delivery", "recipient", "event"):
                conn.execute(f"DELETE FROM {table}")
            conn.execute("UPDATE sweep SET at = 0, id = x''")

        await world.ledger._file.write(work)
    world.ledger._turns._last.clear()
    world.now = START
    await world.tick(START)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_random_walks_end_where_the_model_says(request, tmp_path, kind):
    """Whatever is done in whatever order: same answers, same rows, same events."""
    with asyncio.Runner() as runner:
        world = runner.run(make_world(request, kind, tmp_path, TERMS))

        async def walk(steps):
            await _clear(world)
            time = {"now": START}
            model = MemoryLedger(TERMS, clock=lambda: time["now"], random=lambda: 0.5)
            going = Walk(world, model, time)
            for step in steps:
                await going.take(step)
            await going.compare()

        @settings(
            max_examples=100,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        )
        @given(STEPS)
        def explore(steps):
            runner.run(walk(steps))

        try:
            explore()
        finally:
            runner.run(world.ledger.close())
