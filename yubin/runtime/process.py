"""One process, one pod: settings, telemetry, construct, serve, stop.

``services/<pod>/__main__.py`` calls ``main``; ``services/<pod>/app.py`` holds ``build``, an async context manager that
constructs everything from the settings, yields while the pod serves, and afterwards finishes what is on the wire.
SIGTERM and SIGINT set ``pod.stopping``; a background task that dies ends the process with 1.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

import grpc
import structlog

from yubin.runtime import allocator, faults, logs, metrics, rpc, settings, tracing
from yubin.runtime.gate import Callers, Gate
from yubin.runtime.health import Health, Probe
from yubin.runtime.settings import PodSettings, host_port

log = structlog.get_logger()
VERSION = "0.1.0"
S = TypeVar("S", bound=PodSettings)
Build = Callable[[S, "Pod"], AbstractAsyncContextManager[None]]


class Pod:
    """What a composition root is given."""

    def __init__(self, name: str, config: PodSettings) -> None:
        self.name = name
        self.instance = f"{name}-{socket.gethostname()}-{os.getpid()}-{os.urandom(3).hex()}"
        self.config = config
        self.stopping = asyncio.Event()
        self.failed: BaseException | None = None
        self._services: list[Callable[[grpc.aio.Server], None]] = []
        self._callers: dict[str, Callers] = {}
        self._probes: dict[str, Probe] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._channels: list[grpc.aio.Channel] = []

    def serve(self, add: Callable[[grpc.aio.Server], None], service: str, callers: Callers) -> None:
        """Offer a gRPC service; ``callers`` by method name, "*" for the rest."""
        self._services.append(add)
        self._callers[service] = callers

    def channel(self, target: str, pod: str) -> grpc.aio.Channel:
        c = self.config
        tls = (None, None, None) if c.insecure else (c.tls_ca, c.tls_cert, c.tls_key)
        made = rpc.channel(target, pod, ca=tls[0], cert=tls[1], key=tls[2])
        self._channels.append(made)
        return made

    def check(self, name: str, probe: Callable[[], Awaitable[None]]) -> None:
        """The pod is ready only while this raises nothing."""
        self._probes[name] = probe

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """A task of the pod: cancelled when it stops; its failure stops the pod."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("A task of this pod died.", action="stop", task=task.get_name(), exc_info=error)
            self.failed = self.failed or error
            self.stopping.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Health]:
        """Serves health and metrics, and gRPC where services were registered; the caller has built the rest."""
        health = Health(self._probes)
        server = await self._grpc_server() if self._services else None
        await health.start(self.config.health_listen)
        self.spawn(health.watch(), "health")
        try:
            yield health
        finally:
            health.leaving()
            if server is not None:
                await server.stop(self.config.grace)
            await health.stop()

    async def _grpc_server(self) -> grpc.aio.Server:
        c = self.config
        server = grpc.aio.server(
            interceptors=[Gate(self._callers, insecure=c.insecure)], options=rpc.SERVER_OPTIONS
        )
        for add in self._services:
            add(server)
        host, port = host_port(c.grpc_listen)
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if c.insecure or c.tls_ca is None or c.tls_cert is None or c.tls_key is None:
            bound = server.add_insecure_port(where)
        else:
            bound = server.add_secure_port(where, rpc.server_credentials(c.tls_ca, c.tls_cert, c.tls_key))
        await server.start()
        log.info("gRPC listens.", action="listen", port=bound)
        return server

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for made in self._channels:
            await made.close(None)


async def serve(name: str, config: S, build: Build[S]) -> int:
    pod = Pod(name, config)
    logs.setup(name, pod.instance, config.log_level)
    faults.arm(config.fault)
    tracing.setup(name, pod.instance, config.otlp_endpoint, config.trace_ratio)
    metrics.BUILD.labels(name, VERSION).set(1)
    metrics.serve(config.metrics_listen)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, pod.stopping.set)
    pod.spawn(metrics.watch_loop(), "loop-lag")
    try:
        async with build(config, pod), pod.running() as health:
            await health.ready_once(pod.stopping)
            spare_the_collector()
            log.info("This pod is ready.", action="ready", version=VERSION, loop=type(loop).__module__)
            await pod.stopping.wait()
            log.info("This pod takes no new work and finishes what is on the wire.", action="stop")
    finally:
        await pod.close()
        tracing.shutdown()
    log.info("This pod has stopped.", action="stopped")
    return 1 if pod.failed else 0


def spare_the_collector() -> None:
    """What a pod was built of lives as long as it does, and letters make few cycles: look for them seldom.

    The shipped thresholds cost a tenth of the CPU of a busy pod.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def main(name: str, kind: type[S], build: Build[S]) -> None:
    """The whole life of a pod; exits the process."""
    allocator.keep_freed()
    config = settings.load(kind)
    try:
        import uvloop  # where installed: half the CPU of asyncio's own loop

        factory: Callable[[], asyncio.AbstractEventLoop] | None = uvloop.new_event_loop
    except ImportError:
        factory = None
    with asyncio.Runner(loop_factory=factory) as runner:
        try:
            code = runner.run(serve(name, config, build))
        except Exception as error:
            log.exception("This pod could not start or died.", action="died", why=str(error))
            code = 1
    sys.exit(code)
