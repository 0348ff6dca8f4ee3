"""The pod's side of Talk, asked frame by frame: what it refuses, what it holds, how a stream ends."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from services.mailbox import talk
from services.mailbox.handlers import CALLERS, READERS, Mailboxes
from tests.integration.mailbox import desk, letter
from tests.waiting import until
from yubin.errors import Internal, Invalid, Unavailable
from yubin.mailboxes.frames import FRAME
from yubin.runtime.metrics import RPC_SERVED
from yubin.runtime.trailer import failure_from
from yubin.v1 import mailbox_pb2 as pb
from yubin.v1 import mailbox_pb2_grpc as stubs

METHODS = pb.DESCRIPTOR.services_by_name["Mailbox"].methods


class Line:
    """A stream that is written to by hand. ``answers`` are those that have come, by number."""

    def __init__(self, d, pod="gateway"):
        self._outgoing = asyncio.Queue()
        self._call = stubs.MailboxStub(d.channel(pod)).Talk(self._requests())
        self.answers, self.sizes = {}, []
        self.ended = asyncio.create_task(self._listen())

    async def _requests(self):
        while (frame := await self._outgoing.get()) is not None:
            yield frame

    async def _listen(self):
        async for response in self._call:
            self.sizes.append(response.ByteSize())
            self.answers.update((answer.number, answer) for answer in response.answers)

    def say(self, *asks):
        self._outgoing.put_nowait(pb.TalkRequest(asks=asks))

    def hang_up(self):
        self._outgoing.put_nowait(None)

    async def answered(self, count):
        async with asyncio.timeout(10):
            while len(self.answers) < count and not self.ended.done():
                await asyncio.sleep(0.005)

    async def leave(self):
        self.ended.cancel()
        await asyncio.gather(self.ended, return_exceptions=True)


@asynccontextmanager
async def line(d):
    made = Line(d)
    try:
        yield made
    finally:
        await made.leave()


def ask(number, method, request, **more):
    return pb.TalkAsk(number=number, method=method, request=request.SerializeToString(), **more)


def slow(d, monkeypatch):
    """Usage waits until the event is set; ``under_way`` counts who waits."""
    gate = asyncio.Event()
    gate.under_way = gate.most = gate.left = 0

    async def usage(self, request, context):
        gate.under_way += 1
        gate.most = max(gate.most, gate.under_way)
        try:
            await gate.wait()
        except asyncio.CancelledError:
            gate.left += 1
            raise
        finally:
            gate.under_way -= 1
        return pb.AccountUsage(used=7)

    monkeypatch.setattr(Mailboxes, "GetUsage", usage)
    return gate


def kind(answer):
    return type(failure_from(answer.failure)).__name__ if answer.HasField("failure") else "OK"


def test_every_call_of_one_message_each_way_is_spoken_or_named_as_not():
    """DESIGN I8: a method that is added is one or the other; what is spoken everybody may call who may talk."""
    unary = {m.name: m.input_type.name for m in METHODS if not (m.client_streaming or m.server_streaming)}
    spoken = {name: kind.DESCRIPTOR.name for name, kind in talk.SPOKEN.items()}
    only = {"Look": "ViewRequest", "AppendWhole": "AppendRequest"}
    assert spoken == {name: type_ for name, type_ in unary.items() if name not in talk.UNSPOKEN} | only
    assert all(CALLERS.get(name, CALLERS["*"]) >= READERS for name in spoken)
    assert all(not CALLERS[name] >= READERS for name in talk.UNSPOKEN)
    assert all(hasattr(Mailboxes, name) for name in spoken)


async def test_many_asks_to_a_frame_are_answered_by_number(tmp_path):
    """What works, what fails, and what means nothing stand side by side, and none disturbs another."""
    async with desk(tmp_path) as d, line(d) as spoken:
        await d.intake.deliver(letter())
        token = d.session()
        spoken.say(
            ask(1, "GetUsage", pb.GetUsageRequest(session=token)),
            ask(2, "GetMailbox", pb.GetMailboxRequest(session=token, mailbox_id=99)),
            ask(3, "Store", pb.StoreRequest(session=token, mailbox_id=1, uids=[1], how="burn")),
            ask(4, "GetUsage", pb.GetUsageRequest(session="x")),
            ask(5, "Look", pb.ViewRequest(session=token, mailbox_id=1)),
            pb.TalkAsk(number=6, method="Store", request=b"\xff\xff"),
            ask(7, "__init__", pb.GetUsageRequest(session=token)),
        )
        await spoken.answered(7)
        assert {n: kind(answer) for n, answer in spoken.answers.items()} == {
            1: "OK", 2: "NotFound", 3: "Invalid", 4: "Unauthenticated", 5: "OK", 6: "Invalid", 7: "Invalid",
        }  # fmt: skip
        assert pb.AccountUsage.FromString(spoken.answers[1].response).messages == 1
        assert list(pb.ViewPage.FromString(spoken.answers[5].response).uids) == [1]


@pytest.mark.parametrize("method", sorted(talk.UNSPOKEN))
async def test_what_not_everybody_may_call_is_denied(tmp_path, method):
    """CASES L2: Talk opens no way to a method whose callers are others, and changes nothing."""
    async with desk(tmp_path) as d, line(d) as spoken:
        await d.intake.deliver(letter())
        spoken.say(ask(1, method, pb.ForgetRequest(session=d.session())))
        await spoken.answered(1)
        assert kind(spoken.answers[1]) == "Denied"
        assert (await d.mailboxes.usage(["anna"]))["anna"].messages == 1


async def test_a_fault_of_our_own_is_told_as_one(tmp_path, monkeypatch, caplog):
    """Internal without its cause, for that ask alone."""

    async def broken(self, request, context):
        raise ZeroDivisionError("a secret of ours")

    monkeypatch.setattr(Mailboxes, "GetUsage", broken)
    async with desk(tmp_path) as d, line(d) as spoken:
        token = d.session()
        spoken.say(ask(1, "GetUsage", pb.GetUsageRequest(session=token)))
        spoken.say(ask(2, "GetMailbox", pb.GetMailboxRequest(session=token, mailbox_id=1)))
        await spoken.answered(2)
        assert (kind(spoken.answers[1]), kind(spoken.answers[2])) == ("Internal", "OK")
        assert "secret" not in spoken.answers[1].failure.text


async def test_each_ask_is_counted_as_the_call_that_it_is(tmp_path):
    """The histogram tells Mailbox.GetUsage, whichever way it came."""
    async with desk(tmp_path) as d, line(d) as spoken:
        before = RPC_SERVED.labels("Mailbox.GetUsage", "UNAUTHENTICATED")._sum.get()
        spoken.say(ask(1, "GetUsage", pb.GetUsageRequest(session="x")))
        await spoken.answered(1)
        assert RPC_SERVED.labels("Mailbox.GetUsage", "UNAUTHENTICATED")._sum.get() > before


async def test_so_many_are_in_hand_and_no_more(tmp_path, monkeypatch):
    """DESIGN I7: what a client asks beyond that is not begun until something is answered; all is answered in the end."""
    async with desk(tmp_path) as d, line(d) as spoken:
        gate = slow(d, monkeypatch)
        for start in range(0, 400, 40):
            spoken.say(*(ask(n, "GetUsage", pb.GetUsageRequest()) for n in range(start, start + 40)))
        await until(lambda: gate.under_way == talk.IN_HAND)
        await asyncio.sleep(0.1)  # time in which another could begin
        assert gate.under_way == talk.IN_HAND
        gate.set()
        await spoken.answered(400)
        assert sorted(spoken.answers) == list(range(400))
        assert gate.most == talk.IN_HAND


async def test_octets_count_as_asks(tmp_path, monkeypatch):
    """DESIGN I7: of requests of 256 KiB there are few in hand."""
    async with desk(tmp_path) as d, line(d) as spoken:
        gate = slow(d, monkeypatch)
        for n in range(40):
            spoken.say(ask(n, "GetUsage", pb.GetUsageRequest(session="x" * 256 * 1024)))
        await until(lambda: gate.under_way >= 15)
        await asyncio.sleep(0.2)
        assert gate.under_way <= talk.IN_HAND * talk.UNIT // (256 * 1024)
        gate.set()
        await spoken.answered(40)
        assert len(spoken.answers) == 40


async def test_a_frame_above_a_mebibyte_ends_the_stream(tmp_path):
    """DESIGN I7: Invalid, behind the answers to what came before."""
    async with desk(tmp_path) as d, line(d) as spoken:
        spoken.say(ask(1, "GetUsage", pb.GetUsageRequest(session=d.session())))
        spoken.say(ask(2, "GetUsage", pb.GetUsageRequest(session="x" * (FRAME + 1))))
        with pytest.raises(Invalid):
            await spoken.ended
        assert {n: kind(answer) for n, answer in spoken.answers.items()} == {1: "OK"}


async def test_answers_share_frames_below_a_mebibyte(tmp_path, monkeypatch):
    """DESIGN I7: large ones are spread over as many as it takes, and one above the limit of a message fails alone."""

    async def large(self, request, context):
        return pb.ListMailboxesResponse(next="x" * int(request.after))

    monkeypatch.setattr(Mailboxes, "ListMailboxes", large)
    async with desk(tmp_path) as d, line(d) as spoken:
        sizes = [300_000] * 10 + [2_000_000, 5_000_000]
        spoken.say(
            *(
                ask(n, "ListMailboxes", pb.ListMailboxesRequest(after=str(size)))
                for n, size in enumerate(sizes)
            )
        )
        await spoken.answered(12)
        assert [kind(spoken.answers[n]) for n in range(12)] == ["OK"] * 11 + [Internal.__name__]
        assert max(spoken.sizes) < 2_001_000
        assert sorted(spoken.sizes)[-2] <= FRAME


async def test_what_takes_too_long_is_unavailable(tmp_path, monkeypatch):
    """An ask has its own deadline; the others of its frame do not notice."""
    async with desk(tmp_path) as d, line(d) as spoken:
        gate = slow(d, monkeypatch)
        spoken.say(
            ask(1, "GetUsage", pb.GetUsageRequest(), deadline=0.1),
            ask(2, "GetUsage", pb.GetUsageRequest()),
        )
        await spoken.answered(1)
        assert {n: kind(answer) for n, answer in spoken.answers.items()} == {1: Unavailable.__name__}
        gate.set()
        await spoken.answered(2)
        assert kind(spoken.answers[2]) == "OK"


async def test_a_pod_that_stops_answers_what_it_has_begun(tmp_path, monkeypatch):
    """DESIGN I6: it reads no more, says so last of all, ends the stream in order, and what has no answer then was never begun."""
    async with desk(tmp_path) as d, line(d) as spoken:
        gate = slow(d, monkeypatch)
        spoken.say(ask(1, "GetUsage", pb.GetUsageRequest()))
        await until(lambda: gate.under_way == 1)
        d.stopping.set()
        await asyncio.sleep(0.05)
        spoken.say(ask(2, "GetUsage", pb.GetUsageRequest()))
        stopped = asyncio.create_task(d.stop(10))
        await asyncio.sleep(0.05)
        assert not stopped.done()
        gate.set()
        await asyncio.wait_for(spoken.ended, 5)
        await asyncio.wait_for(stopped, 5)  # no stream holds it up
        assert list(spoken.answers) == [1, 0]
        assert gate.most == 1


async def test_a_client_that_has_said_all_hears_all(tmp_path, monkeypatch):
    """The stream ends behind the last answer."""
    async with desk(tmp_path) as d, line(d) as spoken:
        gate = slow(d, monkeypatch)
        spoken.say(*(ask(n, "GetUsage", pb.GetUsageRequest()) for n in range(5)))
        spoken.hang_up()
        await until(lambda: gate.under_way == 5)
        gate.set()
        await asyncio.wait_for(spoken.ended, 5)
        assert len(spoken.answers) == 5


async def test_a_client_that_leaves_takes_his_calls_with_him(tmp_path, monkeypatch):
    """DESIGN I7: nothing is held for who is gone."""
    async with desk(tmp_path) as d, line(d) as spoken:
        gate = slow(d, monkeypatch)
        spoken.say(*(ask(n, "GetUsage", pb.GetUsageRequest()) for n in range(5)))
        await until(lambda: gate.under_way == 5)
        await spoken.leave()
        await until(lambda: gate.under_way == 0)
        assert gate.left == 5
