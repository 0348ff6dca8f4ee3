"""Two inlets and one gate (DESIGN section 3).

*Fresh*: jobs from JetStream. Each is routed, finds room at its site within two seconds, and is claimed whatever its
``due``. One without room goes to the ledger inlet with its true site, due in two seconds. A job is acked once its claim
has committed or was refused, or once the ledger will bring it anyway.

*Ledger*: everything else: overflow, deferred rows, leases that ran out. Asked for once a second, or, while there is
more than fits, as soon as there is room again, a few rows at a time.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine, Iterable
from typing import Any

import structlog
from prometheus_client import Counter, Gauge

from services.delivery.leases import Leases
from services.delivery.slots import Slots
from services.delivery.worker import Worker
from yubin import ids
from yubin.dispatch.port import Dispatch, Lane, Parcel
from yubin.dns.port import Route, Router
from yubin.errors import Failure
from yubin.queue.group import Grouped
from yubin.queue.port import Claim, Release, Ticket
from yubin.runtime import faults, tracing

log = structlog.get_logger()
JOBS = Counter("yubin_delivery_jobs", "fresh jobs by what became of them", ["lane", "fate"])
CLAIMED = Counter("yubin_delivery_claims", "rows claimed, by inlet", ["inlet"])
UNDER_WAY = Gauge("yubin_delivery_in_flight", "deliveries under way")
LAST_ROUND = 5.0  # seconds that a stopping inlet may take for the round that it is in
IN_LINE = 2.0  # seconds that a fresh job waits for room at its site
NO_ROOM = 2.0  # seconds until a row that found none is due again
GATHER = 0.03  # seconds in which freed slots gather, so that one claim takes many rows
RESOLVER_AWAY = 15.0
SITES_AT_ONCE = 256
UNROUTED_ROOM = 20  # rows of one site ~domain taken at once, before its true site is known


class Inlets:
    def __init__(
        self,
        *,
        owner: str,
        ledger: Grouped,
        dispatch: Dispatch,
        router: Router,
        worker: Worker,
        slots: Slots,
        leases: Leases,
    ) -> None:  # one of the few constructors above the house's measure: the inlets are where the parts meet
        self._owner = owner
        self._ledger = ledger
        self._dispatch = dispatch
        self._router = router
        self._worker = worker
        self._slots = slots
        self._leases = leases
        self._tasks: set[asyncio.Task[None]] = set()
        UNDER_WAY.set_function(lambda: slots.taken)

    async def fresh(self, lane: Lane, stopping: asyncio.Event) -> None:
        """The loop of one lane; ends when the pod stops."""
        while not stopping.is_set():
            room = min(self._slots.free(lane), 256) - len(self._tasks) + self._slots.taken
            if room <= 0:
                await self._slots.freed(1.0)
                continue
            for parcel in await self._dispatch.pull(lane, room, wait=1.0):
                self._start(self._fresh_one(parcel, lane))

    async def stored(self, stopping: asyncio.Event, *, poll: float) -> None:
        """The loop of the ledger inlet."""
        while not stopping.is_set():
            try:
                more = await self._stored_round()
            except Failure as failure:
                log.warning("The ledger could not be asked for work.", action="claim", why=failure.text)
                more = False
            if not more:
                await _wait(stopping, poll * random.uniform(0.8, 1.2))  # noqa: S311 - spreads pods, guards nothing

    async def drain(self, grace: float, loops: Iterable[asyncio.Task[None]] = ()) -> None:
        """Finish what is under way; after ``grace`` seconds give back the rest.

        First the ``loops`` of the inlets end: a round under way may still bring rows that it has claimed.
        """
        await _ended(loops)
        if not self._tasks:
            return
        _done, late = await asyncio.wait(self._tasks, timeout=grace)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _fresh_one(self, parcel: Parcel, lane: Lane) -> None:
        job = parcel.job
        facts = {"yubin.message": ids.number(job.message_id), "messaging.system": "nats"}
        with tracing.linked("delivery.fresh", job.traceparent, facts):
            route = await self._route(job.domain)
            ticket = Ticket(delivery_id=job.delivery_id, epoch=job.epoch, site=route.site if route else "")
            if route is None:  # the row is due in the ledger soon enough
                await self._done(parcel, lane, "no_resolver")
            elif not await self._slots.wait(route.site, IN_LINE):
                await self._no_room(parcel, lane, ticket)
            else:
                try:
                    await self._gate(parcel, lane, ticket, route)
                finally:
                    self._slots.give(route.site)

    async def _gate(self, parcel: Parcel, lane: Lane, ticket: Ticket, route: Route) -> None:
        sent_at = self._leases.clock()
        try:
            with tracing.span("ledger.claim"):
                claim = await self._ledger.claim(ticket, owner=self._owner, lease=self._leases.seconds)
        except Failure as failure:  # not acked: it comes again, and the ledger has it too
            log.warning("A claim failed.", action="claim", why=failure.text)
            JOBS.labels(lane.value, "failed").inc()
            return
        faults.point("delivery.after_claim")
        await self._done(parcel, lane, "claimed" if claim else "refused")
        if claim is not None:
            CLAIMED.labels("fresh").inc()
            await self._work(claim, route, sent_at)

    async def _no_room(self, parcel: Parcel, lane: Lane, ticket: Ticket) -> None:
        try:
            await self._ledger.reroute(ticket, delay=NO_ROOM)
        except Failure as failure:
            log.warning("A row could not be routed.", action="claim", why=failure.text)
        await self._done(parcel, lane, "no_room")

    async def _done(self, parcel: Parcel, lane: Lane, fate: str) -> None:
        JOBS.labels(lane.value, fate).inc()
        await parcel.ack()

    async def _stored_round(self) -> bool:
        """Claims what fits; True when there may be more."""
        sites = await self._ledger.due_sites(SITES_AT_ONCE) if self._slots.free() else ["?"]
        rooms = self._rooms(sites)
        if not rooms:
            if sites:  # there is work, and no room for it
                await self._slots.freed(1.0)
                await asyncio.sleep(GATHER)
            return bool(sites)
        sent_at = self._leases.clock()
        claims = await self._ledger.claim_due(rooms, owner=self._owner, lease=self._leases.seconds)
        faults.point("delivery.after_claim")
        CLAIMED.labels("stored").inc(len(claims))
        for claim in claims:
            taken = self._slots.take(claim.site)
            self._start(
                self._stored_one(claim, sent_at) if taken else self._return(claim, claim.site, NO_ROOM)
            )
        return len(claims) >= sum(rooms.values()) or len(sites) == SITES_AT_ONCE

    def _rooms(self, sites: list[str]) -> dict[str, int]:
        left, rooms = self._slots.free(), {}
        for site in sites:
            most = UNROUTED_ROOM if site.startswith("~") else self._slots.per_site
            room = min(self._slots.free_at(site), most, left)
            if room > 0:
                rooms[site] = room
                left -= room
        return rooms

    async def _stored_one(self, claim: Claim, sent_at: float) -> None:
        site = claim.site
        number = ids.number(claim.message.id)
        try:
            with tracing.linked("delivery.stored", claim.message.traceparent, {"yubin.message": number}):
                route = await self._route_claimed(claim)
                if route is None:
                    await self._return(claim, site, RESOLVER_AWAY)
                elif not self._slots.move(site, route.site):
                    await self._return(claim, route.site, NO_ROOM)
                else:
                    site = route.site
                    await self._work(claim, route, sent_at)
        finally:
            self._slots.give(site)

    async def _work(self, claim: Claim, route: Route, sent_at: float) -> None:
        lease = self._leases.take(claim, sent_at)
        try:
            await self._worker.run(claim, route, lease)
        finally:
            self._leases.drop(lease)

    async def _return(self, claim: Claim, site: str, delay: float) -> None:
        back = Release(delivery_id=claim.delivery_id, epoch=claim.epoch, site=site, delay=delay)
        try:
            await self._ledger.release(back)
        except Failure as failure:  # its lease runs out
            log.warning("A claim could not be given back.", action="release", why=failure.text)

    async def _route(self, domain: str) -> Route | None:
        try:
            return await self._router.route(domain)
        except Failure as failure:
            log.warning("The resolver does not answer.", action="route", why=failure.text)
            return None

    async def _route_claimed(self, claim: Claim) -> Route | None:
        """A pod that stops while the resolver is silent gives the row back."""
        try:
            return await self._route(claim.domain)
        except asyncio.CancelledError:
            await asyncio.shield(self._return(claim, claim.site, 0.0))
            raise

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("A delivery task died.", action="attempt", exc_info=error)


async def _ended(loops: Iterable[asyncio.Task[None]]) -> None:
    running = [loop for loop in loops if not loop.done()]
    if running:
        _done, stuck = await asyncio.wait(running, timeout=LAST_ROUND)
        for loop in stuck:
            loop.cancel()


async def _wait(stopping: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return
