"""An OTLP/gRPC collector for tests: keeps every span that is sent to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass, field

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


@dataclass(frozen=True, kw_only=True)
class SpanSeen:
    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    links: tuple[str, ...]  # trace ids
    attributes: dict[str, str] = field(default_factory=dict)


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spans: list[SpanSeen] = []
        self.endpoint = ""

    def Export(self, request, context):  # noqa: N802 - the service's own name
        for block in request.resource_spans:
            service = next(a.value.string_value for a in block.resource.attributes if a.key == "service.name")
            seen = [_span(service, s) for scope in block.scope_spans for s in scope.spans]
            with self._lock:
                self._spans += seen
        return trace_service_pb2.ExportTraceServiceResponse()

    def spans(self) -> list[SpanSeen]:
        with self._lock:
            return list(self._spans)

    def wait_for(self, enough: Callable[[list[SpanSeen]], bool], timeout: float = 20.0) -> list[SpanSeen]:
        """All spans, as soon as ``enough`` says so; fails with their names after ``timeout`` seconds."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            spans = self.spans()
            if enough(spans):
                return spans
            time.sleep(0.05)
        pytest.fail(f"spans that came: {sorted({(s.service, s.name) for s in self.spans()})}")


def _span(service, s) -> SpanSeen:
    values = {a.key: a.value.string_value or str(a.value.int_value) for a in s.attributes}
    return SpanSeen(
        service=service,
        name=s.name,
        trace_id=s.trace_id.hex(),
        span_id=s.span_id.hex(),
        parent_id=s.parent_span_id.hex(),
        links=tuple(link.trace_id.hex() for link in s.links),
        attributes=values,
    )


@pytest.fixture
def otlp() -> Iterator[Collector]:
    """A collector on a free port; ``endpoint`` is what YUBIN_OTLP_ENDPOINT wants."""
    collector = Collector()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    collector.endpoint = f"http://127.0.0.1:{port}"
    yield collector
    server.stop(None).wait()
