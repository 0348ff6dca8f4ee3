"""gRPC health (grpc.health.v1) with three levels: services ``startup``, ``readiness`` and ``liveness``, and ``""``.

It listens in clear on a port of its own, since the kubelet's gRPC probe speaks no TLS, and offers nothing else.
Startup: the pod has been ready once. Readiness (and ``""``): every probe passes and the pod is not stopping. Liveness:
the event loop answers at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from prometheus_client import Gauge

from yubin.runtime.settings import host_port

log = structlog.get_logger()
Probe = Callable[[], Awaitable[None]]
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
READY = Gauge("yubin_ready", "1 while every readiness probe passes")
PROBE = Gauge("yubin_probe_ok", "1 while this readiness probe passes", ["probe"])
INTERVAL, TIMEOUT = 2.0, 5.0


class Health:
    def __init__(self, probes: Mapping[str, Probe]) -> None:
        self._probes = probes
        self._servicer = health.aio.HealthServicer()
        self._server = grpc.aio.server()
        self._ready = asyncio.Event()
        self._leaving = False
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, self._server)

    async def start(self, listen: str) -> None:
        host, port = host_port(listen)
        self._server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        for name in ("", "startup", "readiness"):
            await self._servicer.set(name, NOT_SERVING)
        await self._servicer.set("liveness", SERVING)
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(None)

    def leaving(self) -> None:
        self._leaving = True
        READY.set(0)

    async def ready_once(self, stopping: asyncio.Event) -> None:
        """Waits until the pod has been ready for the first time, or is told to stop."""
        waits = [asyncio.ensure_future(e.wait()) for e in (self._ready, stopping)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for w in waits:
            w.cancel()

    async def watch(self) -> None:
        """Runs the probes until it is cancelled; logs each change."""
        last: dict[str, str] = {}
        while True:
            failures = {} if not self._leaving else {"stopping": "this pod is stopping"}
            for name, probe in self._probes.items():
                why = await _try(probe)
                PROBE.labels(name).set(0 if why else 1)
                if why:
                    failures[name] = why
            if failures != last:
                self._log(failures)
                last = failures
            await self._show(ready=not failures)
            await asyncio.sleep(INTERVAL if self._ready.is_set() else 0.1)

    async def _show(self, *, ready: bool) -> None:
        READY.set(1 if ready else 0)
        for name in ("", "readiness"):
            await self._servicer.set(name, SERVING if ready else NOT_SERVING)
        if ready and not self._ready.is_set():
            self._ready.set()
            await self._servicer.set("startup", SERVING)

    @staticmethod
    def _log(failures: Mapping[str, str]) -> None:
        for name, why in failures.items():
            log.warning("A readiness probe fails.", action="health", probe=name, why=why)
        if not failures:
            log.info("Every readiness probe passes.", action="health")


async def _try(probe: Probe) -> str:
    try:
        async with asyncio.timeout(TIMEOUT):
            await probe()
    except TimeoutError:
        return f"no answer within {TIMEOUT:g} s"
    except Exception as error:  # noqa: BLE001 - whatever a probe raises means "not ready"
        return str(error) or type(error).__name__
    return ""
