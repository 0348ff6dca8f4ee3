"""The four kinds of call through our interceptors, over mutual TLS: who may call, what a failure becomes, deadlines."""

import asyncio
from contextlib import asynccontextmanager

import grpc
import pytest

from tests.waiting import until
from yubin.errors import Denied, Exhausted, Internal, NotFound, Unavailable
from yubin.runtime import rpc
from yubin.runtime.certificates import issue
from yubin.runtime.gate import Gate
from yubin.runtime.metrics import RPC_CALLED, RPC_SERVED, RPC_UNDER_WAY

SERVICE = "test.Post"
KINDS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
MIB = 1024 * 1024


class Post:
    """``asked`` are the messages that were looked at, ``closed`` the streams that were left."""

    def __init__(self):
        self.asked, self.closed = [], []
        self.left = asyncio.Event()

    async def unary_unary(self, request, context):
        if request == b"slow":
            await asyncio.sleep(60)
        return self.one(request)

    async def stream_unary(self, requests, context):
        size = 0
        try:
            async for request in requests:
                size += len(request)
                self.one(request)
        finally:
            self.leave(size)
        return b"%d" % size

    async def unary_stream(self, request, context):
        try:
            for n in range(52):
                if n == 2:
                    self.one(request)
                if n == 2 and request == b"slow":
                    await asyncio.sleep(60)
                if n == 4 and request not in {b"long", b"large"}:
                    return
                yield bytes(MIB) if request == b"large" else b"%d" % n
        finally:
            self.leave(request)

    async def stream_stream(self, requests, context):
        try:
            async for request in requests:
                yield self.one(request)
        finally:
            self.leave("two-way")

    def one(self, request):
        self.asked.append(request)
        match request:
            case b"missing":
                raise NotFound("No such mailbox")
            case b"full":
                raise Exhausted("Over quota", code=452, enhanced="4.2.2")
            case b"bug":
                raise ZeroDivisionError("a secret of ours")
        return request

    def leave(self, what):
        self.closed.append(what)
        self.left.set()


class World:
    """A server on a free port, and channels to it as any pod."""

    def __init__(self, folder, callers):
        self.post, self.folder, self._channels = Post(), folder, []
        gate = Gate({SERVICE: callers}, insecure=False)
        self.server = grpc.aio.server(interceptors=[gate], options=rpc.SERVER_OPTIONS)
        handlers = {
            kind: getattr(grpc, f"{kind}_rpc_method_handler")(getattr(self.post, kind)) for kind in KINDS
        }
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        own = issue(folder, "mailbox")
        self.port = self.server.add_secure_port(
            "127.0.0.1:0", rpc.server_credentials(own.ca, own.cert, own.key)
        )

    def method(self, pod, kind):
        own = issue(self.folder, pod)
        made = rpc.channel(f"127.0.0.1:{self.port}", "mailbox", ca=own.ca, cert=own.cert, key=own.key)
        self._channels.append(made)
        return getattr(made, kind)(f"/{SERVICE}/{kind}")

    async def ask(self, kind, *requests, pod="mx", **more):
        return await outcome(self.method(pod, kind), kind, *requests, **more)

    async def close(self):
        for made in self._channels:
            await made.close(None)
        await self.server.stop(None)


@asynccontextmanager
async def world(folder, callers=None):
    made = World(folder, callers or {"*": frozenset({"mx"})})
    await made.server.start()
    try:
        yield made
    finally:
        await made.close()


async def several(*messages):
    for message in messages:
        yield message


async def outcome(method, kind, *requests, **more):
    """Everything that a call answers, as a list."""
    call = method(several(*requests) if kind.startswith("stream") else requests[0], **more)
    return [m async for m in call] if kind.endswith("stream") else [await call]


def count(metric, kind, status):
    """How many calls of this kind ended so."""
    return sum(
        sample.value
        for family in metric.collect()
        for sample in family.samples
        if sample.name.endswith("_count")
        and sample.labels["method"].endswith(kind)
        and sample.labels["status"] == status
    )


async def test_every_kind_is_answered(tmp_path):
    """The control: a named caller gets what the handler says."""
    async with world(tmp_path) as w:
        got = {kind: await w.ask(kind, b"a", b"bc") for kind in KINDS}
    assert got == {
        "unary_unary": [b"a"],
        "unary_stream": [b"0", b"1", b"2", b"3"],
        "stream_unary": [b"3"],
        "stream_stream": [b"a", b"bc"],
    }


@pytest.mark.parametrize("kind", KINDS)
async def test_a_foreign_pod_is_denied_whatever_the_kind(tmp_path, kind):
    """CASES F13, L2: a pod that a method does not name is denied before anything of its request is looked at."""
    async with world(tmp_path, {kind: frozenset({"mx"})}) as w:
        with pytest.raises(Denied):
            await w.ask(kind, b"a", pod="gateway")
        for other in set(KINDS) - {kind}:  # no row of the table, and no "*"
            with pytest.raises(Denied):
                await w.ask(other, b"a")
        assert (w.post.asked, w.post.closed) == ([], [])
        assert await w.ask(kind, b"a")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("identity", ["none", "of another CA", "in clear"])
async def test_who_has_no_certificate_of_ours_is_not_answered(tmp_path, kind, identity):
    """CASES L1: no certificate, one of another CA, or no TLS at all: no kind of call gets through."""
    async with world(tmp_path / "ours") as w:
        where = f"127.0.0.1:{w.port}"
        theirs = issue(tmp_path / "theirs", "mx")
        pair = (theirs.key.read_bytes(), theirs.cert.read_bytes()) if identity == "of another CA" else ()
        root = issue(tmp_path / "ours", "mx").ca.read_bytes()
        options = (("grpc.ssl_target_name_override", "mailbox.pod.yubin"),)
        made = (
            grpc.aio.insecure_channel(where)
            if identity == "in clear"
            else grpc.aio.secure_channel(where, grpc.ssl_channel_credentials(root, *pair), options=options)
        )
        async with made:
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await outcome(getattr(made, kind)(f"/{SERVICE}/{kind}"), kind, b"a", timeout=5)
        assert failure.value.code() == grpc.StatusCode.UNAVAILABLE
        assert w.post.asked == []


@pytest.mark.parametrize("kind", KINDS)
async def test_a_failure_keeps_its_face(tmp_path, kind):
    """What a handler raises is what its caller catches, code, enhanced code and text, also in the middle of a stream."""
    async with world(tmp_path) as w:
        with pytest.raises(Exhausted) as failure:
            await w.ask(kind, b"full")
        assert str(failure.value) == "452 4.2.2 Over quota"
        with pytest.raises(NotFound):
            await w.ask(kind, b"missing")
        assert count(RPC_CALLED, kind, "NOT_FOUND") > 0
        await until(lambda: count(RPC_SERVED, kind, "NOT_FOUND"))


@pytest.mark.parametrize("kind", KINDS)
async def test_a_fault_of_ours_tells_a_stranger_nothing(tmp_path, kind):
    """Anything that is not a failure arrives as Internal, without the text of the exception."""
    async with world(tmp_path) as w:
        with pytest.raises(Internal) as failure:
            await w.ask(kind, b"bug")
    assert "secret" not in str(failure.value)


async def test_messages_before_a_failure_arrive(tmp_path):
    """A stream's first answers are there before the failure that ends it."""
    async with world(tmp_path) as w:
        answers = aiter(w.method("mx", "unary_stream")(b"missing"))
        assert [await anext(answers), await anext(answers)] == [b"0", b"1"]
        with pytest.raises(NotFound):
            await anext(answers)


async def test_a_large_letter_in_pieces(tmp_path):
    """CASES L3: 50 MiB go either way in pieces below the message limit; a single message above it fails by itself."""
    async with world(tmp_path) as w:
        assert sum(map(len, await w.ask("unary_stream", b"large", timeout=30))) == 52 * MIB
        pieces = [bytes(MIB)] * 50
        assert await w.ask("stream_unary", *pieces, timeout=30) == [b"%d" % (50 * MIB)]
        with pytest.raises(Internal):
            await w.ask("stream_unary", bytes(rpc.MESSAGE_LIMIT + 1), timeout=30)
        assert await w.ask("unary_unary", b"a") == [b"a"]


@pytest.mark.parametrize("kind", ["unary_unary", "unary_stream"])
async def test_a_deadline_is_kept(tmp_path, kind):
    """CASES L3: what takes longer than its deadline is Unavailable, and the handler is stopped."""
    async with world(tmp_path) as w:
        with pytest.raises(Unavailable):
            await w.ask(kind, b"slow", timeout=0.3)
        assert count(RPC_CALLED, kind, "DEADLINE_EXCEEDED") > 0
        if kind == "unary_stream":
            await asyncio.wait_for(w.post.left.wait(), 5)
            assert w.post.closed == [b"slow"]


async def test_who_leaves_a_stream_ends_it(tmp_path):
    """A reader who has had enough ends the handler, which cleans up; nothing is counted as under way any more."""
    async with world(tmp_path) as w:
        call = w.method("mx", "unary_stream")(b"long")
        async for message in call:
            assert message == b"0"
            break
        call.cancel()
        await asyncio.wait_for(w.post.left.wait(), 5)
        await until(lambda: not RPC_UNDER_WAY.labels("Post.unary_stream")._value.get())


async def test_the_server_may_end_a_stream_of_requests_at_once(tmp_path):
    """CASES H9: a refusal reaches a client that still has much to send, without its sending it."""
    sent = []

    async def endless():
        yield b"full"
        while True:
            sent.append(1)
            yield bytes(MIB)

    async with world(tmp_path) as w:
        for _ in range(20):  # gRPC's own INTERNAL came in every third call or so
            with pytest.raises(Exhausted):
                await w.method("mx", "stream_unary")(endless(), timeout=10)
    assert len(sent) < 400


async def test_a_pod_that_dies_in_the_middle_is_unavailable(tmp_path):
    """A stream whose server goes away ends as Unavailable: it may be tried again."""
    async with world(tmp_path) as w:
        answers = aiter(w.method("mx", "unary_stream")(b"slow"))
        assert [await anext(answers), await anext(answers)] == [b"0", b"1"]
        await w.server.stop(None)
        with pytest.raises(Unavailable):
            await anext(answers)
