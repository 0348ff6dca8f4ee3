"""Following letters, and the queue: what waits, and cancel, hold and flush. All of it reads and writes the ledger."""

from __future__ import annotations

from uuid import UUID

import structlog

from services.api import views
from services.api.bodies import Queue as QueuePage
from services.api.bodies import Select, Touched, Track
from services.api.http import Call, Route, page
from yubin.errors import Invalid, NotFound
from yubin.ids import number, parse_number
from yubin.mail.address import Address, canonical_domain
from yubin.queue.port import DeliveryView, Ledger, Selection, State, Wish

log = structlog.get_logger()
FILTERS = ("tenant", "number", "domain", "site", "state", "sender")


class Queue:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def routes(self) -> list[Route]:
        paging = (*FILTERS, "after", "limit")
        return [
            Route(method="GET", path="/v1/track/{number}", handler=self.track, answer=Track),
            Route(method="GET", path="/v1/queue", handler=self.waiting, answer=QueuePage, query=paging),
            Route(method="GET", path="/v1/queue/{number}", handler=self.show, answer=QueuePage),
            Route(method="POST", path="/v1/queue/cancel", handler=self.cancel, body=Select, answer=Touched),
            Route(method="POST", path="/v1/queue/hold", handler=self.hold, body=Select, answer=Touched),
            Route(method="POST", path="/v1/queue/flush", handler=self.flush, body=Select, answer=Touched),
        ]

    async def track(self, call: Call) -> Track:
        """The letter's way: every event with its time and the other server's reply."""
        found = await self._ledger.track(parse_number(call.path["number"]))
        if found is None or call.principal.tenant not in {None, found.message.tenant}:
            raise NotFound(
                "no letter has this tracking number; letters are forgotten a week after they ended"
            )
        return views.track(found)

    async def waiting(self, call: Call) -> QueuePage:
        """Deliveries that have not ended, oldest first, a page at a time."""
        after, limit = page(call)
        chosen = selection({name: call.query.get(name) for name in FILTERS})
        behind = parse_number(after) if after else None
        found = await self._ledger.list(chosen, limit=limit + 1, after=behind)
        more = number(found[limit - 1].delivery_id) if len(found) > limit else None
        return QueuePage(deliveries=[views.delivery(d) for d in found[:limit]], next=more)

    async def show(self, call: Call) -> QueuePage:
        """The deliveries of a letter that have not ended, by tracking number; or one delivery by its id."""
        wanted = parse_number(call.path["number"])
        found = await self._ledger.list(Selection(message_id=wanted), limit=1000) or await self._one(wanted)
        if not found:
            raise NotFound("nothing in the queue has this number: it has ended (see track), or never was")
        return QueuePage(deliveries=[views.delivery(d) for d in found], next=None)

    async def _one(self, delivery_id: UUID) -> list[DeliveryView]:
        found = await self._ledger.list(Selection(), limit=1, after=UUID(int=max(delivery_id.int - 1, 0)))
        return [d for d in found if d.delivery_id == delivery_id]

    async def cancel(self, call: Call) -> Touched:
        """End deliveries without sending them; nobody is told."""
        return await self._wish(call.body, Wish.CANCEL)

    async def hold(self, call: Call) -> Touched:
        """Keep deliveries until they are flushed. What is held does not expire."""
        return await self._wish(call.body, Wish.HOLD)

    async def _wish(self, select: Select, wish: Wish) -> Touched:
        touched = await self._ledger.wish(_meant(select), wish)
        log.info("Somebody changed the queue.", action=wish.value, deliveries=touched)
        return Touched(deliveries=touched)

    async def flush(self, call: Call) -> Touched:
        """Try deliveries now, and release what was held or quarantined."""
        touched = await self._ledger.flush(_meant(call.body))
        log.info("Somebody flushed the queue.", action="flush", deliveries=touched)
        return Touched(deliveries=touched)


def _meant(select: Select) -> Selection:
    """Everything at once only on purpose."""
    given = {name: getattr(select, name) for name in FILTERS}
    if not any(given.values()) and not select.all:
        raise Invalid(
            'say which: number, domain, site, sender, state or tenant; {"all": true} means everything'
        )
    return selection(given)


def selection(given: dict[str, str | None]) -> Selection:
    """Raises Invalid for what is no number, domain or state."""
    state, domain, sender = given["state"], given["domain"], given["sender"]
    if state is not None and state not in {s.value for s in State if s is not State.DONE}:
        known = ", ".join(s.value for s in State if s is not State.DONE)
        raise Invalid(f"state is one of {known}")
    return Selection(
        tenant=given["tenant"],
        message_id=parse_number(given["number"]) if given["number"] else None,
        domain=canonical_domain(domain) if domain else None,
        site=given["site"],
        state=State(state) if state else None,
        sender=str(Address.parse(sender)) if sender else None,
    )
