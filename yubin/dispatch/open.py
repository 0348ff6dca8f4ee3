"""Dispatch by URL: ``memory:``, or NATS servers as ``nats://host:port`` or ``tls://host:port``, comma-separated."""

from __future__ import annotations

from pathlib import Path

from yubin.dispatch.jetstream import JetStreamDispatch, JetStreamEvents
from yubin.dispatch.link import Broker
from yubin.dispatch.memory import MemoryDispatch, MemoryEvents
from yubin.dispatch.streams import StreamTerms

SHIPPED = StreamTerms()


async def open_dispatch(
    url: str,
    *,
    ca: Path | None = None,
    cert: Path | None = None,
    key: Path | None = None,
    terms: StreamTerms = SHIPPED,
) -> JetStreamDispatch | MemoryDispatch:
    """Returns at once; a broker that is away is found when it comes."""
    if url.startswith("memory:"):
        return MemoryDispatch(ack_wait=terms.ack_wait)
    return JetStreamDispatch(_broker(url, ca, cert, key), terms)


async def open_events(
    url: str,
    *,
    ca: Path | None = None,
    cert: Path | None = None,
    key: Path | None = None,
    terms: StreamTerms = SHIPPED,
) -> JetStreamEvents | MemoryEvents:
    if url.startswith("memory:"):
        return MemoryEvents()
    return JetStreamEvents(_broker(url, ca, cert, key), terms)


def _broker(url: str, ca: Path | None, cert: Path | None, key: Path | None) -> Broker:
    broker = Broker(url=url, ca=ca, cert=cert, key=key)
    for server in broker.servers():
        if not server.startswith(("nats://", "tls://")):
            raise ValueError(f"{server!r} is not nats://host:port or tls://host:port")
        if server.startswith("tls://") and ca is None:
            raise ValueError("tls:// needs the CA's file")
    return broker
