"""Letters over one stream: many to a frame, said again when the stream breaks, never twice, never for ever."""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest

from tests.integration.mailbox import bodies, desk, letter
from tests.waiting import until
from yubin.errors import Invalid, Unavailable
from yubin.mailboxes.port import Delivered, Usage
from yubin.mailboxes.remote import RemoteDeliveries, Terms
from yubin.mailboxes.remote_deliveries import FRAMES
from yubin.runtime.metrics import RPC_SERVED
from yubin.v1 import mailbox_pb2 as pb
from yubin.v1 import mailbox_pb2_grpc as stubs


class Slow:
    """Deliveries that wait until ``open`` is set; ``most`` letters were under way at once."""

    def __init__(self, inner):
        self.inner, self.open = inner, asyncio.Event()
        self.asked = self.under_way = self.most = 0

    async def deliver(self, letter):
        self.asked += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.open.wait()
        finally:
            self.under_way -= 1
        return await self.inner.deliver(letter)

    async def usage(self, accounts):
        self.asked += len(accounts)
        await self.open.wait()
        return await self.inner.usage(accounts)


@asynccontextmanager
async def bringing(d, **terms):
    made = RemoteDeliveries(d.channel("mx"), Terms(**terms))
    try:
        yield made
    finally:
        await made.close()


@asynccontextmanager
async def slow_desk(folder):
    """A desk whose deliveries wait."""
    async with desk(folder) as d:
        d.handlers._deliveries = d.slow = Slow(d.intake)
        yield d


async def messages(d):
    found = await d.mailboxes.usage(["anna", "bob"])
    return {account: usage.messages for account, usage in found.items()}


def total(metric, name, **labels):
    """Of a counter or histogram: the sum of its samples with that suffix and those labels."""
    samples = [s for family in metric.collect() for s in family.samples if s.name.endswith(name)]
    return sum(s.value for s in samples if labels.items() <= s.labels.items())


async def test_each_letter_gets_its_own_answers(tmp_path):
    """Two hundred at once, some for two accounts: the place that is answered is where that letter lies."""
    async with desk(tmp_path) as d, bringing(d) as deliveries:
        texts = [f"Subject: {n}\r\n\r\n" for n in range(200)]
        owners = [("anna", "bob") if n % 2 else ("bob",) for n in range(200)]
        letters = [letter(text, *mine) for text, mine in zip(texts, owners, strict=True)]
        answers = await asyncio.gather(*map(deliveries.deliver, letters))
        kept = {name: await bodies(d.account(name)) for name in ("anna", "bob")}
        for text, mine, places in zip(texts, owners, answers, strict=True):
            assert [kept[name][place.uid] for name, place in zip(mine, places, strict=True)] == [
                text.encode()
            ] * len(mine)
        assert await messages(d) == {"anna": 100, "bob": 200}


async def test_letters_that_wait_share_a_frame(tmp_path):
    """A hundred letters that come while the pod is slow go in a few frames, and all are answered."""
    async with slow_desk(tmp_path) as d, bringing(d) as deliveries:
        before = total(FRAMES, "_count")
        tasks = []
        for n in range(100):
            tasks.append(asyncio.create_task(deliveries.deliver(letter(f"Subject: {n}\r\n\r\n"))))
            await asyncio.sleep(0)
        await until(lambda: d.slow.asked > 8)
        d.slow.open.set()
        await asyncio.gather(*tasks)
        assert total(FRAMES, "_count") - before < 20
        assert (await messages(d))["anna"] == 100


async def test_frames_stay_below_a_mebibyte(tmp_path):
    """CASES L3: letters of the largest size that travels are spread over as many frames as it takes."""
    async with desk(tmp_path) as d, bringing(d) as deliveries:
        texts = [b"x" * 65_536 for _ in range(100)]
        answers = await asyncio.gather(*(deliveries.deliver(letter(text)) for text in texts))
        assert {type(place) for (place,) in answers} == {Delivered}
        assert (await d.mailboxes.usage(["anna"]))["anna"].used == 6_553_600


async def test_the_pod_holds_sixteen_frames_of_a_stream(tmp_path):
    """DESIGN I7: what a client sends beyond that is not read until something is answered."""
    async with slow_desk(tmp_path) as d:
        stub = stubs.MailboxStub(d.channel("mx"))
        sent = [pb.DeliverRequest(frame=n, letters=[_message()]) for n in range(40)]

        async def requests():
            for one in sent:
                yield one

        call = stub.Deliver(requests())
        answered = asyncio.create_task(_frames(call))
        await until(lambda: d.slow.asked == 16)
        await asyncio.sleep(0.1)  # time in which a 17th could come
        assert d.slow.asked == 16
        d.slow.open.set()
        assert sorted(await answered) == list(range(40))
        assert d.slow.most == 16


def _message():
    from yubin.mailboxes.frames import inbound_to

    return inbound_to(letter())


async def _frames(call):
    return [response.frame async for response in call]


async def test_a_broken_stream_is_said_again_and_nothing_twice(tmp_path):
    """A server that goes while it has letters in hand, and another at its port: each letter lies there once."""
    async with slow_desk(tmp_path) as d, bringing(d) as deliveries:
        tasks = [asyncio.create_task(deliveries.deliver(letter(f"Subject: {n}\r\n\r\n"))) for n in range(30)]
        await until(lambda: d.slow.asked >= 8)
        old = d.server
        await d.start()  # a second one at the same port
        await old.stop(None)
        d.slow.open.set()
        answers = await asyncio.gather(*tasks)
        assert {type(place) for (place,) in answers} == {Delivered}
        assert len({place.uid for (place,) in answers}) == 30
        assert (await messages(d))["anna"] == 30


async def test_nobody_there(tmp_path):
    """Without any pod each letter is Unavailable after two tries, soon, and the streams are few."""
    async with desk(tmp_path) as d, bringing(d) as deliveries:
        await d.stop()
        began = time.monotonic()
        tasks = [asyncio.create_task(deliveries.deliver(letter())) for _ in range(50)]
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(answer) for answer in answers} == {Unavailable}
        assert time.monotonic() - began < 10
        await d.start()
        async with asyncio.timeout(20):
            while isinstance(
                (await asyncio.gather(deliveries.deliver(letter()), return_exceptions=True))[0], Unavailable
            ):
                await asyncio.sleep(0.05)


async def test_a_silent_pod(tmp_path):
    """A letter without an answer is Unavailable after its deadline; those that follow go on another stream."""
    async with slow_desk(tmp_path) as d, bringing(d, deadline=0.3) as deliveries:
        with pytest.raises(Unavailable):
            await deliveries.deliver(letter())
        d.slow.open.set()
        ((place,), streams) = await deliveries.deliver(letter()), len(deliveries._streams)
        assert isinstance(place, Delivered)
        assert streams <= 2


async def test_streams_are_renewed(tmp_path):
    """After a while a new stream takes over, so that new pods are found; no letter notices."""
    async with desk(tmp_path) as d, bringing(d, renew=0.1) as deliveries:
        before = total(RPC_SERVED, "_count", method="Mailbox.Deliver", status="OK")
        for n in range(30):
            ((place),) = await deliveries.deliver(letter(f"Subject: {n}\r\n\r\n"))
            assert isinstance(place, Delivered)
            await asyncio.sleep(0.02)
        assert total(RPC_SERVED, "_count", method="Mailbox.Deliver", status="OK") - before >= 2
        assert (await messages(d))["anna"] == 30


async def test_a_pod_that_stops_answers_what_it_has_in_hand(tmp_path):
    """DESIGN I6: it reads no more, and ends the stream when all in hand is answered."""
    async with slow_desk(tmp_path) as d, bringing(d) as deliveries:
        task = asyncio.create_task(deliveries.deliver(letter()))
        await until(lambda: d.slow.asked == 1)
        d.stopping.set()
        stopped = asyncio.create_task(d.stop(10))
        await asyncio.sleep(0.05)
        assert not stopped.done()
        d.slow.open.set()
        assert isinstance((await task)[0], Delivered)
        await asyncio.wait_for(stopped, 5)  # no stream holds it up
        assert (await messages(d))["anna"] == 1


async def test_who_leaves_before_his_letter_is_sent_sends_none(tmp_path):
    """A letter whose caller has gone is not put into a frame any more."""
    async with slow_desk(tmp_path) as d, bringing(d) as deliveries:
        tasks = [asyncio.create_task(deliveries.deliver(letter())) for _ in range(5)]
        for task in tasks[2:]:
            asyncio.get_running_loop().call_soon(task.cancel)
        await asyncio.wait(tasks[2:])
        d.slow.open.set()
        await asyncio.gather(*tasks[:2])
        assert (await messages(d))["anna"] == 2


async def test_closing(tmp_path):
    """What is under way is answered; afterwards nothing is taken."""
    async with slow_desk(tmp_path) as d:
        deliveries = RemoteDeliveries(d.channel("mx"))
        task = asyncio.create_task(deliveries.deliver(letter()))
        await until(lambda: d.slow.asked == 1)
        closing = asyncio.create_task(deliveries.close())
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await deliveries.deliver(letter())
        d.slow.open.set()
        await closing
        assert isinstance((await task)[0], Delivered)


async def test_what_is_no_letter(tmp_path):
    """A frame whose ids are none ends the stream as Invalid."""
    async with desk(tmp_path) as d:
        bad = pb.DeliverRequest(frame=1, letters=[pb.InboundLetter(letter_id=b"short")])

        async def requests():
            yield bad

        with pytest.raises(Invalid):
            await _frames(stubs.MailboxStub(d.channel("mx")).Deliver(requests()))


async def test_usage_is_asked_once_and_remembered(tmp_path):
    """Many who ask at once make one call, which holds for some seconds; an account without letters holds nothing."""
    async with slow_desk(tmp_path) as d, bringing(d) as deliveries:
        await d.intake.deliver(letter("12345"))
        asks = [asyncio.create_task(deliveries.usage(["anna", "nobody"])) for _ in range(20)]
        await until(lambda: d.slow.asked)
        d.slow.open.set()
        for ask in asks:
            found = await ask
            assert (found["anna"].used, found["anna"].messages) == (5, 1)
            assert found["nobody"] == Usage()
        await deliveries.usage(["anna"])
        assert d.slow.asked == 2
