from __future__ import annotations

import asyncio

from tests.unit.delivery.world import World
from yubin.dispatch.codec import event_payloads
from yubin.errors import Unavailable
from yubin.queue.outbox import relay_events, relay_once
from yubin.v1 import queue_pb2


class Sink:
    def __init__(self) -> None:
        self.sent: list[tuple[str, str, bytes]] = []
        self.away = 0

    async def send(self, payloads) -> None:
        if self.away:
            self.away -= 1
            raise Unavailable("no broker")
        self.sent += payloads


async def test_every_event_is_relayed_and_marked():
    """What the stream has stored is not sent again."""
    world, sink = World(), Sink()
    message = await world.accept("b@x.example")
    assert await relay_once(world.memory, sink, event_payloads) == 1
    assert await relay_once(world.memory, sink, event_payloads) == 0
    (event,) = queue_pb2.Events.FromString(sink.sent[0][2]).events
    assert (event.kind, event.message_id) == ("accepted", message.id.bytes)


async def test_what_the_broker_did_not_take_stays(monkeypatch):
    """CASES A8: a broker that is away costs no event."""
    monkeypatch.setattr("yubin.queue.outbox.AWAY", 0.01)
    world, sink, stopping = World(), Sink(), asyncio.Event()
    sink.away = 3
    await world.accept("b@x.example")
    task = asyncio.create_task(relay_events(world.memory, sink, stopping, encode=event_payloads))
    async with asyncio.timeout(5):
        while not sink.sent:
            await asyncio.sleep(0.01)
    stopping.set()
    await task
    assert len(sink.sent) == 1
