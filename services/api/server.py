"""uvicorn inside the pod's own process: it listens where it is told, and stops when the pod does.

Signals belong to the pod. Header sections are bounded (64 KiB), so are requests under way.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

HEADER = 64 * 1024


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.listening.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        dropping = asyncio.create_task(self._drop_idle(), name="http-idle")
        try:
            await super().shutdown(sockets)
        finally:
            dropping.cancel()

    async def _drop_idle(self) -> None:
        """A TLS client that answers no close would hold up the stop for 30 s; whatever has its answer is dropped."""
        while True:
            for connection in list(self.server_state.connections):
                cycle, transport = getattr(connection, "cycle", None), connection.transport
                answered = cycle is None or cycle.response_complete
                if answered and transport is not None and not transport.get_write_buffer_size():
                    transport.abort()
            await asyncio.sleep(0.1)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(
    app: ASGIApp, host: str, port: int, *, certificate: tuple[Path, Path] | None, grace: float
) -> AsyncIterator[int]:
    """Yields the port once requests are answered; on exit requests under way get ``grace`` seconds."""
    chain, key = certificate if certificate is not None else (None, None)
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        http="h11",
        h11_max_incomplete_event_size=HEADER,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=max(1, int(grace)),
        ssl_certfile=chain,
        ssl_keyfile=key,
    )
    config.load()  # a wrong certificate is an error at start
    listener = socket.create_server(
        (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=512
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="http")
    try:
        await server.listening.wait()
        if not server.started:
            await task
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task
