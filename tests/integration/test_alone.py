"""A row that has twice lost its worker is sent by a child process; what kills the child is quarantined, nobody else."""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import replace

import pytest

from tests.integration.delivery import street, until
from tests.servers.smtp_sink import Sink
from yubin.ids import uuid7
from yubin.objects.open import open_objects
from yubin.queue.port import (
    Backoff,
    EventKind,
    Letter,
    NewDelivery,
    NewRecipient,
    Outcome,
    Selection,
    State,
    Terms,
    body_name,
)
from yubin.queue.sqlite import SqliteLedger

pytestmark = pytest.mark.timeout(120)
QUICK = Terms(backoff=Backoff(crash=0.05, jitter=0.0))


async def lose_worker(town, message, times: int) -> None:
    """Claims the row as a pod would that then dies, so often; rows come back at once by these terms."""
    ledger = await SqliteLedger.open(town.folder / "ledger.db", QUICK)
    try:
        for turn in range(times):
            (view,) = (await ledger.track(message.id)).deliveries
            async with asyncio.timeout(10):
                while not await ledger.claim_due({view.site: 1}, owner=f"dead{turn}", lease=0.05):
                    await asyncio.sleep(0.05)
        async with asyncio.timeout(10):
            while (await ledger.track(message.id)).deliveries[0].crashes < times:
                await asyncio.sleep(0.05)
                await ledger.claim_due({view.site: 0}, owner="nobody", lease=0.05)
    finally:
        await ledger.close()


async def state_of(town, message) -> State:
    return (await town.ledger.track(message.id)).deliveries[0].state


async def is_state(town, message, state: State) -> bool:
    return await state_of(town, message) is state


async def test_a_suspect_is_sent_by_a_child(tmp_path, dns_server):
    """A row that lost two workers beside another's crash is delivered alone, like any other, and once."""
    async with Sink() as sink, street(tmp_path, dns_server, sink.port) as town:
        message = await town.accept("u@theirs.example")
        await lose_worker(town, message, 2)
        pod = await town.pod(YUBIN_LOG_LEVEL="debug")
        await until(lambda: is_state(town, message, State.DONE), 30, lambda: pod.log)
        (letter,) = sink.letters
        assert b"hello" in letter.body
        track = await town.ledger.track(message.id)
        assert track.deliveries[0].recipients[0].outcome is Outcome.DELIVERED
        assert pod.metric("yubin_delivery_poison_total") == 0


async def test_a_suspect_whose_body_is_in_the_object_store(tmp_path, dns_server):
    """The child reads a large body by itself, byte for byte."""
    async with Sink() as sink, street(tmp_path, dns_server, sink.port) as town:
        body = b"Message-ID: <large@ours.example>\r\n\r\n" + b"0123456789abcdef\r\n" * 20_000
        small = await town.accept("x@theirs.example")
        message = replace(small, id=uuid7(), size=len(body))
        objects = await open_objects(f"file://{tmp_path}/objects")
        await objects.put(body_name(message.id), body)
        row = NewDelivery(
            id=uuid7(), domain="others.example", recipients=(NewRecipient(address="u@others.example"),)
        )
        await town.ledger.accept([Letter(message=message, body=None, deliveries=(row,))])
        await lose_worker(town, message, 2)
        async with Sink(address="127.0.0.2", port=sink.port) as other:
            pod = await town.pod()
            await until(lambda: is_state(town, message, State.DONE), 30, lambda: pod.log)
            assert [letter.body for letter in other.letters] == [body]
        await objects.close()


async def test_what_kills_the_child_too_is_quarantined_and_bystanders_are_delivered(tmp_path, dns_server):
    """CASES B6: the third loss quarantines the row, with an event and an alert's metric; the pod lives, others go on."""
    async with Sink() as sink, street(tmp_path, dns_server, sink.port) as town:
        poison = await town.accept("poison@theirs.example")
        await lose_worker(town, poison, 2)
        pod = await town.pod(YUBIN_FAULT="alone.attempt")
        bystanders = [await town.accept(f"u{i}@theirs.example") for i in range(10)]
        await until(lambda: is_state(town, poison, State.QUARANTINED), 30, lambda: pod.log)
        for message in bystanders:
            await until(lambda m=message: is_state(town, m, State.DONE), 10, lambda: pod.log)
        assert pod.process.poll() is None
        assert pod.metric("yubin_delivery_poison_total") == 1
        assert sorted(r.rcpts[0] for r in sink.letters) == sorted(f"u{i}@theirs.example" for i in range(10))
        events = [e for e in (await town.ledger.track(poison.id)).events if e.kind is EventKind.QUARANTINED]
        assert len(events) == 1
        await pod.stop()
        await town.ledger.flush(Selection(message_id=poison.id))
        released = await town.pod()
        await until(lambda: is_state(town, poison, State.DONE), 20, lambda: released.log)


async def test_a_letter_that_kills_every_worker_stops_at_the_third(tmp_path, dns_server):
    """CASES B6, as processes die: twice the pod is lost with the row, then the child; the fourth try never comes."""
    async with Sink() as sink, street(tmp_path, dns_server, sink.port) as town:
        message = await town.accept("u@theirs.example")
        for _ in range(2):
            pod = await town.pod(ready=False, YUBIN_FAULT="delivery.after_claim")
            assert await pod.ended() == -signal.SIGKILL
            await _lease_over(town)
        last = await town.pod(YUBIN_FAULT="alone.attempt")
        await until(lambda: is_state(town, message, State.QUARANTINED), 30, lambda: last.log)
        assert sink.letters == []


async def _lease_over(town) -> None:
    """Sets the dead pod's lease to now and lets the row come back at once: the test waits for no lease."""
    town.change("UPDATE delivery SET lease_until = ? WHERE state = 'sending'", time.time() - 1)
    ledger = await SqliteLedger.open(town.folder / "ledger.db", QUICK)
    try:
        (view,) = await ledger.list(Selection(), limit=1)
        await ledger.claim_due({view.site: 0}, owner="nobody", lease=1.0)
    finally:
        await ledger.close()
