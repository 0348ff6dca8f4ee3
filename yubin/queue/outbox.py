"""The outbox: events leave the ledger for the stream EVENTS, in batches, at least once.

An event is marked as relayed only when the stream has stored it; a crash between the two repeats it, and readers know a
repeated event by its sequence number. While the broker is away the outbox grows and nothing else suffers (DESIGN I3).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog
from prometheus_client import Counter

from yubin.dispatch.port import EventSink
from yubin.errors import Failure
from yubin.queue.port import Event, Ledger

log = structlog.get_logger()
RELAYED = Counter("yubin_queue_events_relayed", "events that the stream has stored")
BATCH = 200
PAUSE = 0.5  # seconds between looks at an empty outbox
AWAY = 2.0  # seconds after a failure
Encode = Callable[[Sequence[Event]], list[tuple[str, str, bytes]]]


async def relay_events(ledger: Ledger, sink: EventSink, stopping: asyncio.Event, *, encode: Encode) -> None:
    """Until ``stopping``; ``encode`` makes (subject, message id, payload) of events."""
    while not stopping.is_set():
        try:
            moved = await relay_once(ledger, sink, encode)
            pause = 0.0 if moved == BATCH else PAUSE
        except Failure as failure:
            log.warning("Events wait in the outbox.", action="outbox", why=failure.text)
            pause = AWAY
        if pause:
            await _wait(stopping, pause)


async def relay_once(ledger: Ledger, sink: EventSink, encode: Encode) -> int:
    """Moves one batch; the number of events."""
    events = await ledger.unrelayed(BATCH)
    if events:
        await sink.send(encode(events))
        await ledger.relayed([event.seq for event in events])
        RELAYED.inc(len(events))
    return len(events)


async def _wait(stopping: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return
