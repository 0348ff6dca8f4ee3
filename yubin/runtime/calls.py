"""The client's side of gRPC: a deadline, the trace, the histogram, and failures back in their own form.

One interceptor for each of the four kinds of call; our own, since the contrib ones triple the cost of a call. A unary
call without a deadline gets ``DEFAULT_DEADLINE``; a stream has the one that its caller gives, or none. A failure is
raised where the answer is awaited: for a stream of answers while it is iterated, also after the first of them. Requests
that are streamed are given as an async iterator.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Coroutine, Generator
from functools import cache
from typing import Any

import grpc
from opentelemetry.trace import Status, StatusCode

from yubin.runtime import metrics, tracing
from yubin.runtime.trailer import failure_of

DEFAULT_DEADLINE = 10.0


def interceptors() -> list[grpc.aio.ClientInterceptor]:
    return [Calls(), AnswerStreams(), RequestStreams(), TwoWayStreams()]


class Calls(grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        asked = _Asked(details, DEFAULT_DEADLINE)
        return await asked.answer(await continuation(asked.details, request))


class RequestStreams(grpc.aio.StreamUnaryClientInterceptor):
    async def intercept_stream_unary(self, continuation: Any, details: Any, requests: Any) -> Any:
        asked = _Asked(details, None)
        return _Answered(await asked.answer(await continuation(asked.details, requests)))


class AnswerStreams(grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        asked = _Asked(details, None)
        return asked.answers(await continuation(asked.details, request))


class TwoWayStreams(grpc.aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(self, continuation: Any, details: Any, requests: Any) -> Any:
        asked = _Asked(details, None)
        return asked.answers(await continuation(asked.details, requests))


class Asking:
    """One call as it is seen from here: its span, and its place in the histogram. ``traceparent`` is "" where nobody looks."""

    def __init__(self, label: str) -> None:
        self._label, self._began = label, time.perf_counter()
        self._span = tracing.calling(label)
        context = self._span.get_span_context()
        self.traceparent = tracing.encode(context) if context.is_valid else ""

    def ended(self, status: str) -> None:
        if status != "OK":
            self._span.set_status(Status(StatusCode.ERROR, status))
        self._span.end()
        metrics.called(self._label, status).observe(time.perf_counter() - self._began)


class _Asked:
    """One call of gRPC: its details as they go out, and how it ends."""

    def __init__(self, details: Any, deadline: float | None) -> None:
        method = details.method.decode() if isinstance(details.method, bytes) else details.method
        self._asking = Asking(_label(method))
        metadata = grpc.aio.Metadata(*(details.metadata or ()))
        if self._asking.traceparent:
            metadata.add("traceparent", self._asking.traceparent)
        self.details = grpc.aio.ClientCallDetails(
            method=details.method,
            timeout=details.timeout if details.timeout is not None else deadline,
            metadata=metadata,
            credentials=details.credentials,
            wait_for_ready=details.wait_for_ready,
        )

    async def answer(self, call: Any) -> Any:
        status, ending = "CANCELLED", _Ending(call)
        try:
            message = await call
            status = "OK"
            return message
        except grpc.aio.AioRpcError as error:
            why = ending.error or error
            status = why.code().name
            raise failure_of(why) from why
        finally:
            self._asking.ended(status)

    async def answers(self, call: Any) -> AsyncIterator[Any]:
        status, ending = "CANCELLED", _Ending(call)  # cancelled: also when nobody wants the rest
        try:
            async for message in call:
                yield message
            status = "OK"
        except grpc.aio.AioRpcError as error:
            why = ending.error or error
            status = why.code().name
            raise failure_of(why) from why
        finally:
            call.cancel()
            self._asking.ended(status)


@cache
def _label(method: str) -> str:
    """/yubin.v1.Mailbox/Store: Mailbox.Store."""
    return ".".join(method.rpartition(".")[2].split("/"))


class _Ending:
    """What the server ended a call with, noted when it comes.

    A write that is under way when a server answers early fails, and gRPC then puts an INTERNAL of its own in place of
    the server's status (grpc/grpc#36066).
    """

    def __init__(self, call: Any) -> None:
        self.error: grpc.aio.AioRpcError | None = None
        call.add_done_callback(self._note)

    def _note(self, call: Any) -> None:
        code = _known(call.code())
        if self.error is None and code not in {None, grpc.StatusCode.OK, grpc.StatusCode.INTERNAL}:
            trailing = _known(call.trailing_metadata()) or grpc.aio.Metadata()
            self.error = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, _known(call.details()))


def _known(answer: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine returns at once; None when it would wait."""
    try:
        answer.send(None)
    except StopIteration as done:
        return done.value
    answer.close()
    return None


class _Answered:
    """An answer that has come, in the shape of a call that can be awaited."""

    def __init__(self, message: Any) -> None:
        self._message = message

    def __await__(self) -> Generator[Any, None, Any]:
        return self._message
        yield

    def done(self) -> bool:  # the channel asks
        return True

    def cancel(self) -> bool:
        return False
