"""Metrics that every pod has: calls in and out, and the event loop's lag. Base units, bounded labels.

A label is a pod, a method, a status, a verb: never a domain, an address or a tenant.
"""

from __future__ import annotations

import asyncio
import time
from functools import cache

from prometheus_client import Counter, Gauge, Histogram, start_http_server

from yubin.runtime.settings import host_port

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

RPC_SERVED = Histogram(
    "yubin_rpc_server_seconds", "gRPC calls that were answered", ["method", "status"], buckets=SECONDS
)
RPC_UNDER_WAY = Gauge("yubin_rpc_server_in_flight", "gRPC calls being answered", ["method"])
RPC_CALLED = Histogram(
    "yubin_rpc_client_seconds", "gRPC calls that were made", ["method", "status"], buckets=SECONDS
)
ERRORS = Counter("yubin_internal_errors", "failures of our own, by place", ["place"])
for _place in ("rpc", "reception", "attempt", "report", "api"):
    ERRORS.labels(_place)  # there from the start, at 0, so that the first failure is an increase
LOOP_LAG = Histogram(
    "yubin_loop_lag_seconds",
    "how late the event loop runs a timer",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0),
)
LOOP_LAG_MAX = Gauge("yubin_loop_lag_max_seconds", "the longest lag of the last minute")
TASKS = Gauge("yubin_loop_tasks", "asyncio tasks alive")
BUILD = Gauge("yubin_build_info", "constant 1", ["pod", "version"])


@cache
def served(method: str, status: str) -> Histogram:
    """Of ``RPC_SERVED``: ``labels`` costs more than what is done with it."""
    return RPC_SERVED.labels(method, status)


@cache
def under_way(method: str) -> Gauge:
    return RPC_UNDER_WAY.labels(method)


@cache
def called(method: str, status: str) -> Histogram:
    return RPC_CALLED.labels(method, status)


def serve(listen: str) -> tuple[object, int]:
    """Answers GET /metrics from a thread of its own; returns the server and its port."""
    host, port = host_port(listen)
    server, _thread = start_http_server(port, host)
    return server, server.server_port


async def watch_loop(interval: float = 0.25) -> None:
    """Measures until it is cancelled."""
    worst: list[float] = []
    while True:
        before = time.perf_counter()
        await asyncio.sleep(interval)
        lag = max(0.0, time.perf_counter() - before - interval)
        LOOP_LAG.observe(lag)
        worst = [*worst[-int(60 / interval) :], lag]
        LOOP_LAG_MAX.set(max(worst))
        TASKS.set(len(asyncio.all_tasks()))
