"""Calls over shared streams: each its own answer, broken, late, left, renewed, and the way around an older pod."""

import asyncio
import time
from contextlib import asynccontextmanager

import grpc
import pytest

from services.mailbox.handlers import CALLERS, SERVICE, Mailboxes
from tests.integration.mailbox import Desk, bodies, desk, letter, pieces
from tests.waiting import until
from yubin.errors import Invalid, NotFound, Unauthenticated, Unavailable
from yubin.mailboxes import remote, wire
from yubin.mailboxes.port import How, Usage
from yubin.mailboxes.remote import WHOLE, RemoteAccount
from yubin.mailboxes.remote_talk import LARGEST, Unspoken
from yubin.runtime import rpc
from yubin.runtime.certificates import issue
from yubin.runtime.gate import Gate
from yubin.runtime.metrics import RPC_CALLED, RPC_SERVED
from yubin.v1 import mailbox_pb2 as pb
from yubin.v1 import mailbox_pb2_grpc as stubs

SEEN = frozenset({"\\Seen"})


def slow(monkeypatch):
    """GetUsage waits until the event is set; ``asked`` counts, ``left`` are those that were cancelled."""
    gate = asyncio.Event()
    gate.asked = gate.left = 0
    plain = Mailboxes.GetUsage

    async def usage(self, request, context):
        gate.asked += 1
        try:
            await gate.wait()
        except asyncio.CancelledError:
            gate.left += 1
            raise
        return await plain(self, request, context)

    monkeypatch.setattr(Mailboxes, "GetUsage", usage)
    return gate


def account(d, name="anna", **terms):
    token = d.session(name)
    return RemoteAccount(d.talk(**terms), lambda: token)


def count(metric, method, status):
    return sum(
        sample.value
        for family in metric.collect()
        for sample in family.samples
        if sample.name.endswith("_count")
        and sample.labels["method"] == method
        and sample.labels["status"] == status
    )


class Before:
    """A server that is given every method but those that a version before had not."""

    def __init__(self, server):
        self._server = server

    def add_generic_rpc_handlers(self, handlers):
        pass

    def add_registered_method_handlers(self, service, handlers):
        known = {name: handler for name, handler in handlers.items() if name != "Talk"}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, known),))


class OldDesk(Desk):
    async def start(self):
        self.server = grpc.aio.server(
            interceptors=[Gate({SERVICE: CALLERS}, insecure=False)], options=rpc.SERVER_OPTIONS
        )
        stubs.add_MailboxServicer_to_server(self.handlers, Before(self.server))
        own = issue(self.folder, "mailbox")
        made = rpc.server_credentials(own.ca, own.cert, own.key)
        self.port = self.server.add_secure_port(f"127.0.0.1:{self.port}", made)
        await self.server.start()


@asynccontextmanager
async def old_desk(folder):
    made = OldDesk(folder)
    await made.start()
    try:
        yield made
    finally:
        await made.close()


async def test_each_call_gets_its_own_answer(tmp_path):
    """Two hundred at once, of two accounts, some of which fail: over a few streams, and none gets another's."""
    async with desk(tmp_path) as d:
        for n in range(20):
            await d.intake.deliver(letter("x" * (n + 1), "anna"))
        talk = d.talk()
        tokens = {name: d.session(name) for name in ("anna", "bob")}
        anna, bob = (RemoteAccount(talk, lambda name=name: tokens[name]) for name in tokens)
        before = count(RPC_SERVED, "Mailbox.Store", "OK")
        calls = [anna.store(1, [n % 20 + 1], How.ADD, SEEN) for n in range(100)]
        calls += [bob.usage() for _ in range(50)] + [bob.mailbox(77) for _ in range(50)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert [list(answer.uids) for answer in answers[:100]] == [[n % 20 + 1] for n in range(100)]
        assert set(answers[100:150]) == {Usage()}
        assert {type(answer) for answer in answers[150:]} == {NotFound}
        assert len(talk._streams) <= 4
        assert count(RPC_SERVED, "Mailbox.Store", "OK") - before == 100


async def test_what_is_asked_in_one_turn_is_one_frame(tmp_path, monkeypatch):
    """No timer gathers them, and none waits for the answer to another."""
    frames = []
    plain = Mailboxes.Talk

    async def counted(self, requests, context):
        async def read():
            async for frame in requests:
                frames.append(len(frame.asks))
                yield frame

        async for answer in plain(self, read(), context):
            yield answer

    monkeypatch.setattr(Mailboxes, "Talk", counted)
    async with desk(tmp_path) as d:
        mine = account(d)
        await asyncio.gather(*(mine.usage() for _ in range(50)))
        assert frames == [50]


async def test_a_stream_that_breaks_fails_what_was_in_flight(tmp_path, monkeypatch):
    """Unavailable at once, as a broken call; what is asked afterwards opens another stream."""
    gate = slow(monkeypatch)
    async with desk(tmp_path) as d:
        mine = account(d)
        tasks = [asyncio.create_task(mine.usage()) for _ in range(10)]
        await until(lambda: gate.asked == 10)
        old = d.server
        await d.start()  # a second one at the same port
        await old.stop(None)
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(answer) for answer in answers} == {Unavailable}
        gate.set()
        async with asyncio.timeout(10):
            while True:
                try:
                    assert await mine.usage() == Usage()
                    break
                except Unavailable:
                    await asyncio.sleep(0.05)


async def test_nobody_there(tmp_path):
    """Without any pod a call is Unavailable soon, and no stream is left."""
    async with desk(tmp_path) as d:
        talk = d.talk()
        mine = RemoteAccount(talk, d.session)
        await d.stop()
        began = time.monotonic()
        answers = await asyncio.gather(*(mine.usage() for _ in range(20)), return_exceptions=True)
        assert {type(answer) for answer in answers} == {Unavailable}
        assert time.monotonic() - began < 10
        await until(lambda: not talk._running)
        assert talk._streams == []


async def test_a_pod_that_stops_costs_no_call(tmp_path, monkeypatch):
    """DESIGN I6: what it had begun is answered, what it had not is asked once more, of another pod."""
    gate = slow(monkeypatch)
    async with desk(tmp_path) as d:
        mine = account(d, streams=1)
        begun = asyncio.create_task(mine.usage())
        await until(lambda: gate.asked == 1)
        d.stopping.set()  # it reads no more
        await asyncio.sleep(0.05)
        late = asyncio.create_task(mine.create("Made once"))
        await asyncio.sleep(0.05)
        old = d.server
        d.stopping.clear()
        await d.start()
        stopped = asyncio.create_task(old.stop(10))
        await asyncio.sleep(0.05)
        gate.set()
        assert await begun == Usage()
        assert (await late).name == "Made once"
        await asyncio.wait_for(stopped, 5)
        assert gate.left == 0


async def test_a_pod_that_stops_while_a_frame_is_being_written(tmp_path, monkeypatch):
    """DESIGN I6: gRPC calls the write that fails then a break, whatever the pod said; letters that it had not begun with are
    appended by another pod, each once.
    """
    gate = slow(monkeypatch)
    async with desk(tmp_path) as d:
        mine = account(d, streams=1)
        begun = asyncio.create_task(mine.usage())
        await until(lambda: gate.asked == 1)
        d.stopping.set()  # it reads no more
        await asyncio.sleep(0.05)
        raw = [f"Subject: {n}\r\n\r\n".encode() + b"a" * 200_000 for n in range(40)]
        late = [asyncio.create_task(mine.append(1, pieces(one), len(one))) for one in raw]
        await asyncio.sleep(0.2)  # the window is full, and the stream in the middle of a frame
        old = d.server
        d.stopping.clear()
        await d.start()
        stopped = asyncio.create_task(old.stop(10))
        await asyncio.sleep(0.05)
        gate.set()
        assert await begun == Usage()
        await asyncio.gather(*late)
        await asyncio.wait_for(stopped, 5)
        assert sorted((await bodies(mine)).values()) == sorted(raw)


async def test_a_silent_pod(tmp_path, monkeypatch):
    """A call without an answer is Unavailable after its deadline, and those that follow go on another stream."""
    gate = slow(monkeypatch)
    async with desk(tmp_path) as d:
        talk = d.talk(deadline=0.2)
        mine = RemoteAccount(talk, d.session)
        await mine.mailboxes()
        (first,) = talk._streams
        before = count(RPC_CALLED, "Mailbox.GetUsage", "DEADLINE_EXCEEDED")
        with pytest.raises(Unavailable):
            await mine.usage()
        assert first not in talk._streams
        assert count(RPC_CALLED, "Mailbox.GetUsage", "DEADLINE_EXCEEDED") == before + 1
        await until(lambda: gate.left == 1)  # the pod gives it up as well
        gate.set()
        assert await mine.usage() == Usage()


async def test_who_leaves_leaves_no_trace(tmp_path, monkeypatch):
    """His answer is dropped when it comes; who leaves before his frame is written is not asked for."""
    gate = slow(monkeypatch)
    async with desk(tmp_path) as d:
        talk = d.talk(streams=1)
        mine = RemoteAccount(talk, d.session)
        sent = asyncio.create_task(mine.usage())
        await until(lambda: gate.asked == 1)
        sent.cancel()
        unsent = [asyncio.create_task(mine.usage()) for _ in range(3)]
        await asyncio.sleep(0)
        for task in unsent:
            task.cancel()
        await asyncio.wait([sent, *unsent])
        (stream,) = talk._streams
        assert len(stream.in_flight) <= 1
        gate.set()
        assert await mine.usage() == Usage()
        assert gate.asked == 2
        assert stream.in_flight == {}
        assert talk._deadlines._due == {}


async def test_streams_are_renewed(tmp_path):
    """After a while another takes over, so that new pods are found; no call notices."""
    async with desk(tmp_path) as d:
        mine = account(d, renew=0.1)
        before = count(RPC_SERVED, "Mailbox.Talk", "OK")
        for _ in range(30):
            assert await mine.usage() == Usage()
            await asyncio.sleep(0.02)
        await until(lambda: count(RPC_SERVED, "Mailbox.Talk", "OK") - before >= 2)


async def test_an_answer_comes_though_its_stream_was_renewed(tmp_path, monkeypatch):
    """What was asked on an old stream is still answered there."""
    gate = slow(monkeypatch)
    async with desk(tmp_path) as d:
        talk = d.talk(renew=0.1)
        mine = RemoteAccount(talk, d.session)
        task = asyncio.create_task(mine.usage())
        await until(lambda: gate.asked == 1 and not talk._streams)
        gate.set()
        assert await task == Usage()


async def test_streams_are_as_many_as_are_busy(tmp_path, monkeypatch):
    """One is enough for who asks one after another; of many slow calls each of four has its part."""
    async with desk(tmp_path) as d:
        talk = d.talk()
        mine = RemoteAccount(talk, d.session)
        for _ in range(5):
            await mine.mailboxes()
        assert len(talk._streams) == 1
        gate = slow(monkeypatch)
        tasks = []
        for n in range(40):
            tasks.append(asyncio.create_task(mine.usage()))
            await until(lambda n=n: gate.asked == n + 1)
        assert [stream.load() for stream in talk._streams] == [10, 10, 10, 10]
        gate.set()
        await asyncio.gather(*tasks)


async def test_closing(tmp_path, monkeypatch):
    """What is under way is answered; afterwards nothing is taken."""
    gate = slow(monkeypatch)
    async with desk(tmp_path) as d:
        talk = d.talk()
        mine = RemoteAccount(talk, d.session)
        task = asyncio.create_task(mine.usage())
        await until(lambda: gate.asked == 1)
        closing = asyncio.create_task(talk.close())
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await mine.usage()
        assert not closing.done()
        gate.set()
        await closing
        assert await task == Usage()
        assert not talk._running


async def test_closing_does_not_wait_for_ever(tmp_path, monkeypatch):
    """A call that is not answered in its time is Unavailable."""
    slow(monkeypatch)
    async with desk(tmp_path) as d:
        talk = d.talk(deadline=0.3)
        task = asyncio.create_task(RemoteAccount(talk, d.session).usage())
        await asyncio.sleep(0.1)
        began = time.monotonic()
        await talk.close()
        assert time.monotonic() - began < 3
        with pytest.raises(Unavailable):
            await task


async def test_an_older_pod_is_asked_by_calls_of_their_own(tmp_path):
    """DESIGN I8: a gateway that is newer than the pods does all that it does, and finds out when they are new as well."""
    async with old_desk(tmp_path) as d:
        talk = d.talk(renew=0.5)
        mine = RemoteAccount(talk, d.session)
        place = await mine.append(1, pieces(b"Subject: 1\r\n", b"\r\n"), 14)
        assert list((await mine.store(1, [place.uid], How.ADD, SEEN)).uids) == [place.uid]
        assert await bodies(mine) == {place.uid: b"Subject: 1\r\n\r\n"}
        with pytest.raises(NotFound):
            await mine.mailbox(77)
        answers = await asyncio.gather(*(mine.usage() for _ in range(20)))
        assert {answer.messages for answer in answers} == {1}
        with pytest.raises(Unspoken):
            await talk.call("Look", pb.ViewRequest(session=d.session(), mailbox_id=1), pb.ViewPage)
        await d.stop()
        await Desk.start(d)  # the new version, at the same port

        async def spoken():
            try:
                await talk.call("Look", pb.ViewRequest(session=d.session(), mailbox_id=1), pb.ViewPage)
            except (Unspoken, Unavailable):
                return False
            return True

        async with asyncio.timeout(10):
            while not await spoken():
                await asyncio.sleep(0.05)


async def test_a_request_that_is_too_large_for_a_frame_is_a_call_of_its_own(tmp_path):
    """DESIGN I7: a STORE of very many letters works as before."""
    async with desk(tmp_path) as d:
        await d.intake.deliver(letter())
        uids = list(range(1, 200_000))
        assert len(pb.StoreRequest(uids=uids).SerializeToString()) > LARGEST
        assert list((await account(d).store(1, uids, How.ADD, SEEN)).uids) == [1]


async def test_a_view_of_more_pages_than_one(tmp_path, monkeypatch):
    """The first page is asked for, the others are streamed; each entry comes once, what is expunged as well."""
    monkeypatch.setattr(wire, "EXPUNGED", 7)
    plain, asked = d_view_of(monkeypatch)
    async with desk(tmp_path) as d:
        for n in range(50):
            await d.intake.deliver(letter(f"{n}"))
        d.mailboxes.view = plain(d.mailboxes.view)
        mine = account(d)
        state = await mine.mailbox(1)
        pages = [page async for page in mine.view(1)]
        assert [uid for page in pages for uid in page.uids] == list(range(1, 51))
        assert [page.more for page in pages] == [True] * 4 + [False]
        assert asked == {"View": 1}
        await mine.expunge(1, list(range(1, 31)), only_deleted=False)
        pages = [page async for page in mine.view(1, since=state.modseq)]
        assert list(pages[0].expunged) == list(range(1, 31))
        assert asked == {"View": 2}
        pages = [page async for page in mine.view(1, since=(await mine.mailbox(1)).modseq)]
        assert [(list(page.uids), list(page.expunged)) for page in pages] == [([], [])]
        assert asked == {"View": 2}


def d_view_of(monkeypatch):
    """Pages of ten, and how often View was called."""
    asked = {}
    plain = Mailboxes.View

    async def view(self, request, context):
        asked["View"] = asked.get("View", 0) + 1
        async for page in plain(self, request, context):
            yield page

    monkeypatch.setattr(Mailboxes, "View", view)

    def small(inner):
        async def page(*given, **more):
            return await inner(*given, **{**more, "limit": 10})

        return page

    return small, asked


@pytest.mark.parametrize("size", [WHOLE, WHOLE + 1])
async def test_letters_around_the_limit(tmp_path, size):
    """Whole or streamed, they lie there byte for byte; neither a byte more nor a byte less is taken."""
    async with desk(tmp_path) as d:
        mine, raw = account(d), b"x" * size
        place = await mine.append(1, pieces(raw[:1000], raw[1000:]), size)
        assert await bodies(mine) == {place.uid: raw}
        for said in (size - 1, size + 1):
            with pytest.raises(Invalid):
                await mine.append(1, pieces(raw), said)
        assert (await mine.usage()).messages == 1


async def test_a_small_letter_that_comes_too_slowly(tmp_path, monkeypatch):
    """DESIGN I7: who announces a letter and does not bring it is sent away."""
    monkeypatch.setattr(remote, "GATHERED", 0.1)
    never = asyncio.Event()

    async def body():
        yield b"x"
        await never.wait()

    async with desk(tmp_path) as d:
        with pytest.raises(Unavailable):
            await account(d).append(1, body(), 2)


async def test_a_session_that_has_ended(tmp_path):
    """A failure arrives as what it is."""
    async with desk(tmp_path) as d:
        with pytest.raises(Unauthenticated):
            await RemoteAccount(d.talk(), lambda: "x").usage()
