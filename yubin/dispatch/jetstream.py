"""Dispatch and the event stream over JetStream (ports ``Dispatch`` and ``EventSink``).

Each keeps one connection (``link``), makes its streams at every connect (``streams``), and treats a lost connection as
lost hints: nothing is remembered for the broker. Jobs go out through ``publisher`` and come in through ``lane``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import count

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from yubin.dispatch.lane import JetStreamParcel, PullLane
from yubin.dispatch.link import Broker, Link
from yubin.dispatch.port import Job, Lane
from yubin.dispatch.publisher import LIMIT, Counts, Publisher
from yubin.dispatch.streams import StreamTerms, ensure_events, ensure_out
from yubin.errors import Unavailable

GOODBYE = 2.0  # seconds that a closing pod gives to hints on their way
EVENTS_PATIENCE = 10.0


class JetStreamDispatch:
    """See ``yubin.dispatch.port.Dispatch``. Connects in the background; a broker that is away fails nothing."""

    def __init__(self, broker: Broker, terms: StreamTerms, *, limit: int = LIMIT) -> None:
        self._terms = terms
        self._link: Link | None = None
        self._publisher = Publisher(missing=self._mend, limit=limit)
        self._lanes = {lane: PullLane(lane, missing=self._mend, keep=terms.ack_wait * 0.7) for lane in Lane}
        self._flusher = asyncio.create_task(self._publisher.run(), name="nats publisher")
        self._link = Link(broker, "dispatch", ready=self._ready, lost=self._lost)
        self._prepared: Client | None = None

    @property
    def counts(self) -> Counts:
        return self._publisher.counts

    @property
    def connected(self) -> bool:
        return self._link is not None and self._link.client is not None

    def publish(self, jobs: Sequence[Job]) -> None:
        self._publisher.put(jobs)

    async def pull(self, lane: Lane, room: int, *, wait: float) -> Sequence[JetStreamParcel]:
        return await self._lanes[lane].pull(room, wait)

    async def close(self) -> None:
        """Hands back what nobody took, gives hints a moment to leave, and forgets the rest."""
        try:
            async with asyncio.timeout(GOODBYE):
                await self._publisher.drained()
                for lane in self._lanes.values():
                    await lane.give_back()
                if self._link is not None and self._link.client is not None:
                    await self._link.client.flush(timeout=1)
        except (TimeoutError, NatsError, OSError):
            pass
        if self._link is not None:
            await self._link.close()
        self._flusher.cancel()
        await asyncio.gather(self._flusher, return_exceptions=True)

    async def _ready(self, client: Client) -> None:
        await ensure_out(client, self._terms)
        if self._prepared is not client:
            for lane in self._lanes.values():
                await lane.use(client)
            await self._publisher.use(client)
            self._prepared = client

    def _lost(self) -> None:
        self._publisher.lose()
        for lane in self._lanes.values():
            lane.lose()

    def _mend(self) -> None:
        if self._link is not None:
            self._link.mend()


class _Call:
    """One ``send``: how many acknowledgements it still waits for."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def fail(self, why: str) -> None:
        if not self.done.done():
            self.done.set_exception(Unavailable(why))

    def answer(self) -> None:
        self.left -= 1
        if self.left == 0 and not self.done.done():
            self.done.set_result(None)


class JetStreamEvents:
    """See ``yubin.dispatch.port.EventSink``. A batch that failed may be sent again: stored ones are recognised."""

    def __init__(self, broker: Broker, terms: StreamTerms) -> None:
        self._terms = terms
        self._calls: dict[str, _Call] = {}
        self._tokens = count()
        self._inbox = ""
        self._prepared: Client | None = None
        self._link = Link(broker, "events", ready=self._ready, lost=self._lost)

    async def send(self, payloads: Sequence[tuple[str, str, bytes]]) -> None:
        client, token = self._link.client, str(next(self._tokens))
        if client is None:
            raise Unavailable("NATS is away")
        if not payloads:
            return
        call = self._calls[token] = _Call(len(payloads))
        try:
            async with asyncio.timeout(EVENTS_PATIENCE):
                for subject, message_id, data in payloads:
                    headers = {"Nats-Msg-Id": message_id}
                    await client.publish(subject, data, reply=f"{self._inbox}.{token}", headers=headers)
                await call.done
        except (NatsError, OSError, TimeoutError) as error:
            raise Unavailable("NATS did not store the events") from error
        finally:
            del self._calls[token]
            call.done.cancel()

    async def close(self) -> None:
        await self._link.close()

    async def _ready(self, client: Client) -> None:
        await ensure_events(client, self._terms)
        if self._prepared is not client:
            self._inbox = client.new_inbox()
            await client.subscribe(f"{self._inbox}.*", cb=self._acknowledged)
            self._prepared = client

    async def _acknowledged(self, message: Msg) -> None:
        call = self._calls.get(message.subject.rpartition(".")[2])
        if message.headers:  # 503: no responders
            self._link.mend()
        if call is None:
            return
        if message.headers or b'"error"' in message.data:
            call.fail("NATS refused an event")
        else:
            call.answer()

    def _lost(self) -> None:
        for call in list(self._calls.values()):
            call.fail("NATS went away")
