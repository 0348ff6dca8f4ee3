"""One contract for every dispatch: in memory, and over JetStream on the nats-servers at hand."""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest

from tests.servers.nats import NatsServer, executables
from yubin.dispatch.jetstream import JetStreamDispatch
from yubin.dispatch.link import Broker
from yubin.dispatch.memory import MemoryDispatch
from yubin.dispatch.open import open_dispatch
from yubin.dispatch.port import Job, Lane, lane_of
from yubin.dispatch.streams import StreamTerms
from yubin.ids import uuid7

ACK_WAIT = 1.0
KINDS = ["memory", *executables()]


def job(klass: str = "interactive", **changes) -> Job:
    fields = {
        "delivery_id": uuid7(),
        "message_id": uuid7(),
        "epoch": 1,
        "domain": "a.example",
        "tenant": "t1",
    }
    return Job(**{**fields, "klass": klass, **changes})


@pytest.fixture(params=KINDS)
def opener(request, tmp_path):
    """Opens a dispatch; several share one broker, as pods do."""
    if request.param == "memory":
        shared = MemoryDispatch(ack_wait=ACK_WAIT, limit=100)

        @asynccontextmanager
        async def memory():
            yield shared

        yield memory
        return
    server = NatsServer(tmp_path / "nats", executable=executables()[request.param]())
    server.start()

    @asynccontextmanager
    async def jetstream():
        terms = StreamTerms(ack_wait=ACK_WAIT, out_bytes=100 * 250)
        dispatch = await open_dispatch(server.url, terms=terms)
        try:
            yield dispatch
        finally:
            await dispatch.close()

    yield jetstream
    server.kill()


async def gather(dispatch, lane: Lane, wanted: int, *, ack=True, seconds=20.0) -> list[Job]:
    """Pull until so many came, or fail."""
    got: list[Job] = []
    end = time.monotonic() + seconds
    while len(got) < wanted:
        assert time.monotonic() < end, f"{len(got)} of {wanted} jobs came"
        for parcel in await dispatch.pull(lane, wanted - len(got), wait=1):
            got.append(parcel.job)
            if ack:
                await parcel.ack()
    return got


async def settled(dispatch, jobs: int) -> None:
    """Until the broker has answered for so many."""
    while isinstance(dispatch, JetStreamDispatch) and dispatch.counts.stored + dispatch.counts.refused < jobs:
        await asyncio.sleep(0.02)


async def test_job_arrives_whole(opener):
    """What is published is pulled, every field as it was."""
    async with opener() as dispatch:
        sent = job(domain="xn--wgv71a119e.example", tenant="tenant-7", epoch=2**40, traceparent="00-ab-cd-01")
        dispatch.publish([sent])
        assert await gather(dispatch, Lane.HI, 1) == [sent]


async def test_bulk_does_not_stand_before_interactive(opener):
    """Two lanes: bulk mail is pulled from one, interactive mail and DSNs from the other."""
    async with opener() as dispatch:
        bulk, dsn, mail = job("bulk"), job("dsn"), job("interactive")
        dispatch.publish([bulk, dsn])
        dispatch.publish([mail])
        assert await gather(dispatch, Lane.HI, 2) == [dsn, mail]
        assert await gather(dispatch, Lane.LO, 1) == [bulk]
        assert [lane_of(j.klass) for j in (bulk, dsn, mail)] == [Lane.LO, Lane.HI, Lane.HI]


async def test_pull_takes_no_more_than_there_is_room_for(opener):
    """Pods pull only what they have room for; the rest stays for others."""
    async with opener() as dispatch:
        sent = [job() for _ in range(10)]
        dispatch.publish(sent)
        first = await gather(dispatch, Lane.HI, 3)
        assert first == sent[:3]
        assert await gather(dispatch, Lane.HI, 7) == sent[3:]


async def test_empty_lane_answers_after_the_wait(opener):
    """Nothing to do is an empty answer, neither at once (that would spin) nor late."""
    async with opener() as dispatch:
        dispatch.publish([job()])
        await gather(dispatch, Lane.HI, 1)
        start = time.monotonic()
        assert list(await dispatch.pull(Lane.HI, 10, wait=0.5)) == []
        assert 0.4 < time.monotonic() - start < 10
        assert list(await dispatch.pull(Lane.HI, 0, wait=0.1)) == []


async def test_waiting_pull_gets_what_is_published_meanwhile(opener):
    """A job does not wait for the end of a pull."""
    async with opener() as dispatch:
        dispatch.publish([job()])
        await gather(dispatch, Lane.HI, 1)
        pull = asyncio.create_task(dispatch.pull(Lane.HI, 10, wait=10))
        await asyncio.sleep(0.1)
        start, sent = time.monotonic(), job()
        dispatch.publish([sent])
        assert [parcel.job for parcel in await pull] == [sent]
        assert time.monotonic() - start < 8


async def test_acked_job_never_returns_and_unacked_one_does(opener):
    """What a dead pod had pulled comes back after ack_wait; what was acked does not."""
    async with opener() as dispatch:
        acked, unacked = job(), job()
        dispatch.publish([acked])
        assert await gather(dispatch, Lane.HI, 1) == [acked]
        dispatch.publish([unacked])
        assert await gather(dispatch, Lane.HI, 1, ack=False) == [unacked]
        assert await gather(dispatch, Lane.HI, 1) == [unacked]
        assert list(await dispatch.pull(Lane.HI, 10, wait=ACK_WAIT * 1.5)) == []


async def test_each_job_goes_to_one_of_several_pods(opener):
    """One shared consumer for each lane: two pods divide the work."""
    async with opener() as one, opener() as two:
        sent = [job() for _ in range(40)]
        one.publish(sent)
        halves = await asyncio.gather(gather(one, Lane.HI, 20), gather(two, Lane.HI, 20))
        got = [j.delivery_id for half in halves for j in half]
        assert sorted(got) == sorted(j.delivery_id for j in sent)


async def test_full_lane_refuses_what_is_new(opener):
    """Discard new: of a blast the most stays in the ledger, and what was there first is not pushed out."""
    async with opener() as dispatch:
        sent = [job() for _ in range(400)]
        for start in range(0, 400, 50):
            dispatch.publish(sent[start : start + 50])
        await settled(dispatch, 400)
        got = await gather(dispatch, Lane.HI, 50)
        while parcels := await dispatch.pull(Lane.HI, 400, wait=0.5):
            got += [parcel.job for parcel in parcels]
            for parcel in parcels:
                await parcel.ack()
        assert got == sent[: len(got)]
        assert len(got) < 300
        refused = dispatch.counts.refused if isinstance(dispatch, JetStreamDispatch) else dispatch.refused
        assert refused == 400 - len(got)


async def test_broker_that_is_away_fails_nothing():
    """Publishing never waits and never raises; pull is an empty answer after its wait (CASES A8)."""
    dispatch = JetStreamDispatch(Broker(url="nats://127.0.0.1:9"), StreamTerms(), limit=100)
    start = time.monotonic()
    for _ in range(300):
        dispatch.publish([job()])
    assert time.monotonic() - start < 10
    assert dispatch.counts.buffered == 100
    assert dispatch.counts.lost == 200
    assert list(await dispatch.pull(Lane.HI, 10, wait=0.2)) == []
    assert not dispatch.connected
    await dispatch.close()
