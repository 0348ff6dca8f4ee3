"""What JetStream dispatch does when the broker dies, is rebuilt, or is not ours; and the event stream."""

import asyncio
import resource
import time
from uuid import UUID

import nats
import pytest

from tests.contract.test_dispatch import gather, job
from tests.servers.nats import NatsServer, executables
from tests.waiting import until
from yubin.dispatch.codec import event_payloads, job_payload, read_job, token
from yubin.dispatch.jetstream import JetStreamDispatch, JetStreamEvents
from yubin.dispatch.link import Broker
from yubin.dispatch.open import open_dispatch, open_events
from yubin.dispatch.port import Lane
from yubin.dispatch.streams import EVENTS, OUT, StreamTerms
from yubin.errors import Unavailable
from yubin.ids import uuid7
from yubin.queue.port import Event, EventKind
from yubin.runtime.certificates import issue
from yubin.v1 import queue_pb2

TERMS = StreamTerms(ack_wait=1.0)


@pytest.fixture(params=executables())
def server(request, tmp_path):
    made = NatsServer(tmp_path / "nats", executable=executables()[request.param]())
    made.start()
    yield made
    made.kill()


async def test_work_goes_on_after_the_broker_was_killed(server):
    """Both directions come back by themselves after kill -9, whoever called first (CASES B5)."""
    dispatch = await open_dispatch(server.url, terms=TERMS)
    dispatch.publish([job()])
    await gather(dispatch, Lane.HI, 1)
    server.kill()
    await until(lambda: not dispatch.connected)
    meanwhile = job()
    dispatch.publish([meanwhile])
    pull = asyncio.create_task(gather(dispatch, Lane.HI, 1))
    server.start()
    got = await pull
    if meanwhile not in got:  # the broker forgot an acknowledgement when it was killed (DESIGN I3)
        got = await gather(dispatch, Lane.HI, 1)
    assert got == [meanwhile], "what was published meanwhile was kept, and arrives"
    await dispatch.close()


@pytest.mark.parametrize("how", ["rebuilt", "deleted"])
async def test_streams_are_made_again(server, how):
    """DESIGN I3: a broker that lost all its streams, down or running, is set up again; old hints are gone."""
    dispatch = await open_dispatch(server.url, terms=TERMS)
    dispatch.publish([job()])
    await until(lambda: dispatch.counts.stored == 1)
    if how == "rebuilt":
        server.kill()
        server.wipe()
        server.start()
    else:
        client = await nats.connect(server.url)
        await client.jetstream().delete_stream(OUT)
        await client.close()
    end = time.monotonic() + 30
    parcels = []
    while not parcels and time.monotonic() < end:
        dispatch.publish([job("bulk")])  # the first ones may be refused: nobody listens
        parcels = await dispatch.pull(Lane.LO, 1, wait=1)
    assert parcels
    await dispatch.close()


async def test_deleted_stream_is_noticed_by_a_pod_that_only_pulls(server):
    """A delivery pod alone makes the stream and its consumers again, though 2.9 does not tell it."""
    dispatch = await open_dispatch(server.url, terms=TERMS)
    dispatch.publish([job()])
    await gather(dispatch, Lane.HI, 1)
    client = await nats.connect(server.url)
    await client.jetstream().delete_stream(OUT)
    fresh = job()
    task = asyncio.create_task(gather(dispatch, Lane.HI, 1, seconds=30))
    while not task.done():
        try:
            await client.jetstream().publish("out.hi.interactive", job_payload(fresh), timeout=1)
            break
        except nats.js.errors.NoStreamResponseError:
            await asyncio.sleep(0.1)
    assert await task == [fresh]
    await client.close()
    await dispatch.close()


async def test_stopped_broker_is_left(tmp_path, nats_server, monkeypatch):
    """A server that neither answers nor closes is found by the ping, and hints sent to it are counted as lost."""
    monkeypatch.setattr("yubin.dispatch.link.PING_EVERY", 0.2)
    monkeypatch.setattr("yubin.dispatch.link.PING_PATIENCE", 1.0)
    dispatch = await open_dispatch(nats_server.url, terms=TERMS)
    dispatch.publish([job()])
    await gather(dispatch, Lane.HI, 1)
    nats_server.pause()
    dispatch.publish([job()])
    await until(lambda: not dispatch.connected)
    assert dispatch.counts.lost == 1
    nats_server.resume()
    await until(lambda: dispatch.connected)
    await dispatch.close()


@pytest.mark.alone
async def test_idle_pulls_cost_next_to_nothing(nats_server):
    """Two idle lanes for three seconds: nothing spins (make bench tells what it costs)."""
    dispatch = await open_dispatch(nats_server.url, terms=TERMS)
    dispatch.publish([job()])
    await gather(dispatch, Lane.HI, 1)
    before = resource.getrusage(resource.RUSAGE_SELF)
    await asyncio.gather(*(dispatch.pull(lane, 50, wait=3) for lane in Lane))
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5
    await dispatch.close()


async def test_thousands_of_jobs_are_all_stored(nats_server):
    """10,000 jobs in groups of ten: none lost, none refused, in their order."""
    dispatch = await open_dispatch(nats_server.url, terms=StreamTerms(ack_wait=60))
    await until(lambda: dispatch.connected)
    sent = [job() for _ in range(10_000)]
    for first in range(0, len(sent), 10):
        dispatch.publish(sent[first : first + 10])
        if first % 500 == 0:
            await asyncio.sleep(0)
    await until(lambda: dispatch.counts.stored == len(sent))
    got = await gather(dispatch, Lane.HI, len(sent), seconds=60)
    assert [j.delivery_id for j in got] == [j.delivery_id for j in sent]
    assert dispatch.counts.lost == dispatch.counts.refused == 0
    await dispatch.close()


async def test_what_a_leaving_pod_had_not_taken_goes_to_another_at_once(nats_server):
    """DESIGN I6: close hands back what was pulled ahead, before ack_wait."""
    terms = StreamTerms(ack_wait=60)
    leaving = await open_dispatch(nats_server.url, terms=terms)
    leaving.publish([job()])
    await gather(leaving, Lane.HI, 1)
    assert list(await leaving.pull(Lane.HI, 50, wait=0.1)) == []
    pull = asyncio.create_task(leaving.pull(Lane.HI, 50, wait=5))
    await asyncio.sleep(0.2)
    pull.cancel()
    sent = [job() for _ in range(5)]
    leaving.publish(sent)
    await until(lambda: leaving.counts.stored == 6)
    await asyncio.sleep(0.2)
    await leaving.close()
    staying = await open_dispatch(nats_server.url, terms=terms)
    got = await gather(staying, Lane.HI, 5, seconds=10)
    assert {j.delivery_id for j in got} == {j.delivery_id for j in sent}
    await staying.close()


async def test_garbage_on_the_subject_is_dropped(nats_server):
    """A payload that is no job neither stops the lane nor comes back."""
    dispatch = await open_dispatch(nats_server.url, terms=TERMS)
    await until(lambda: dispatch.connected)
    client = await nats.connect(nats_server.url)
    for garbage in (b"", b"\xff\xff", b"x" * 20_000, b"\x0a\x01a"):
        await client.jetstream().publish("out.hi.interactive", garbage)
    good = job()
    dispatch.publish([good])
    assert await gather(dispatch, Lane.HI, 1) == [good]
    assert list(await dispatch.pull(Lane.HI, 10, wait=1.5)) == []
    info = await client.jetstream().stream_info(OUT)
    assert info.state.messages == 0
    await client.close()
    await dispatch.close()


def test_codec_refuses_what_is_no_job():
    """Neither a short id nor an over-long payload is a job; a real one survives the way."""
    sent = job()
    assert read_job(job_payload(sent)) == sent
    assert read_job(b"\x0a\x01a") is None
    assert read_job(job_payload(job(domain="d" * 17_000))) is None
    assert token("a.b*c>d e") == "a_b_c_d_e"
    assert token("") == "_"


class TestTls:
    """CASES L1: the broker and its clients know each other."""

    async def test_pods_meet_over_mutual_tls(self, nats_tls):
        """With the CA's certificates jobs pass, as in clear."""
        mine = issue(nats_tls.credentials.ca.parent, "delivery")
        dispatch = await open_dispatch(nats_tls.url, ca=mine.ca, cert=mine.cert, key=mine.key, terms=TERMS)
        sent = job()
        dispatch.publish([sent])
        assert await gather(dispatch, Lane.HI, 1) == [sent]
        await dispatch.close()

    @pytest.mark.parametrize("shown", ["nothing", "another CA's", "plain text"])
    async def test_stranger_is_refused(self, nats_tls, tmp_path, shown):
        """CASES L1: no client certificate, one of another CA, or no TLS at all: no connection."""
        right, other = issue(nats_tls.credentials.ca.parent, "api"), issue(tmp_path / "other", "api")
        broker = {
            "nothing": Broker(url=nats_tls.url, ca=right.ca),
            "another CA's": Broker(url=nats_tls.url, ca=right.ca, cert=other.cert, key=other.key),
            "plain text": Broker(url=nats_tls.url.replace("tls", "nats")),
        }[shown]
        dispatch = JetStreamDispatch(broker, TERMS)
        dispatch.publish([job()])
        assert list(await dispatch.pull(Lane.HI, 1, wait=1.5)) == []
        assert not dispatch.connected
        assert dispatch.counts.stored == 0
        await dispatch.close()

    async def test_broker_without_tls_or_of_another_ca_is_refused(self, nats_tls, nats_server, tmp_path):
        """CASES L1: a pod that was given a CA talks to no broker that the CA does not vouch for."""
        other = issue(tmp_path / "other", "delivery")
        for url in (nats_tls.url, nats_server.url.replace("nats:", "tls:")):
            dispatch = await open_dispatch(url, ca=other.ca, cert=other.cert, key=other.key, terms=TERMS)
            dispatch.publish([job()])
            assert list(await dispatch.pull(Lane.HI, 1, wait=1)) == []
            assert not dispatch.connected
            await dispatch.close()


def event(seq: int, message_id: UUID, **changes) -> Event:
    fields = {"delivery_id": None, "n": -1, "at": 1.5, "kind": EventKind.ACCEPTED, "code": 250}
    fields |= {"enhanced": "2.0.0", "text": "", "peer": "", "tenant": "t-1", "recipient": ""}
    return Event(seq=seq, message_id=message_id, **{**fields, **changes})


async def test_events_are_stored_once(server):
    """The outbox may send a batch twice (it died before it marked it): the stream keeps each event once."""
    events: JetStreamEvents = await open_events(server.url, terms=TERMS)
    number = uuid7()
    batch = [p for seq in range(300) for p in event_payloads([event(seq, number)])]
    await until(lambda: events._link.client is not None)
    await events.send(batch[:200])
    await events.send(batch)
    client = await nats.connect(server.url)
    info = await client.jetstream().stream_info(EVENTS)
    assert info.state.messages == 300
    stored = await client.jetstream().get_msg(EVENTS, 1)
    assert stored.subject == "events.t-1.accepted"
    await client.close()
    await events.close()


def test_events_travel_many_to_a_message():
    """One message for each tenant and kind of a batch, bounded, and every event in its order."""
    number = uuid7()
    given = [
        event(seq, number, kind=kind)
        for seq in range(250)
        for kind in (EventKind.ACCEPTED, EventKind.DELIVERED)
    ]
    made = event_payloads(given)
    assert [subject for subject, _, _ in made] == ["events.t-1.accepted"] * 3 + ["events.t-1.delivered"] * 3
    read = [e.seq for subject, _, data in made[:3] for e in queue_pb2.Events.FromString(data).events]
    assert read == list(range(250))
    assert len({message_id for _, message_id, _ in made}) == 6
    longest = event_payloads([event(seq, number, text="x" * 1000, peer="p" * 300) for seq in range(100)])
    assert all(len(data) < 512 * 1024 for _, _, data in longest)


async def test_events_are_unavailable_while_the_broker_is_away(server):
    """Send returns only when all are stored; without a broker it raises, and afterwards works again."""
    events = await open_events(server.url, terms=TERMS)
    batch = event_payloads([event(1, uuid7())])
    await until(lambda: events._link.client is not None)
    server.kill()
    with pytest.raises(Unavailable):
        await events.send(batch)
    server.wipe()
    server.start()
    await until(lambda: events._link.client is not None)
    await events.send(batch)
    await events.close()


async def test_in_memory_events_are_kept_once():
    """The fake keeps the same promise."""
    events = await open_events("memory:")
    batch = event_payloads([event(1, uuid7())])
    await events.send(batch)
    await events.send(batch)
    assert len(events.stored) == 1
