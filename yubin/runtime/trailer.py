"""A failure on its way over gRPC: the trailer ``yubin-failure-bin`` carries it whole (failure.proto)."""

from __future__ import annotations

import grpc
from google.protobuf.message import DecodeError

from yubin import errors
from yubin.errors import Failure, Internal, Unavailable
from yubin.v1 import failure_pb2

TRAILER = "yubin-failure-bin"
# What gRPC says by itself when a pod is away, slow, or stopped in the middle of a call.
AWAY = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED})


def failure_to(failure: Failure) -> failure_pb2.Failure:
    return failure_pb2.Failure(
        kind=failure.kind, code=failure.code, enhanced=failure.enhanced, text=failure.text
    )


def failure_from(message: failure_pb2.Failure) -> Failure:
    kind = errors.KINDS.get(message.kind, Internal)
    return kind(message.text, code=message.code, enhanced=message.enhanced)


def trailer(failure: Failure) -> tuple[tuple[str, bytes], ...]:
    return ((TRAILER, failure_to(failure).SerializeToString()),)


def failure_of(error: grpc.aio.AioRpcError) -> Failure:
    """The failure that a call ended with; a status without a trailer becomes Unavailable or Internal."""
    for key, value in error.trailing_metadata() or ():
        if key == TRAILER:
            try:
                return failure_from(
                    failure_pb2.Failure.FromString(value if isinstance(value, bytes) else b"")
                )
            except DecodeError:
                break
    if error.code() in AWAY:
        return Unavailable("a service that this needs is away")
    if error.code() == grpc.StatusCode.PERMISSION_DENIED:
        return errors.Denied(error.details() or "not allowed")
    return Internal("internal error")
