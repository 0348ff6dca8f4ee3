"""Whether a process is ready: gRPC health of a pod, a connection to the broker, an open port of anything else."""

from __future__ import annotations

import asyncio

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from nats.aio.client import Client
from nats.errors import Error as NatsError

from yubin.dispatch.link import Broker
from yubin.up.child import Program
from yubin.up.ports import LOOPBACK

PATIENCE = 3.0
_SERVING = health_pb2.HealthCheckResponse.SERVING


async def ready(program: Program) -> bool:
    """Never raises; answers within a few seconds."""
    try:
        async with asyncio.timeout(PATIENCE):
            if program.health is not None:
                return await _serving(program.health)
            if program.broker is not None:
                await _enter(program.broker)
            if program.port is not None:
                _, writer = await asyncio.open_connection(LOOPBACK, program.port)
                writer.close()
    except (OSError, TimeoutError, NatsError, grpc.aio.AioRpcError):
        return False
    return True


async def _enter(broker: Broker) -> None:
    client = Client()
    try:
        await client.connect(
            broker.servers(),
            tls=broker.tls(),
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            error_cb=_ignore,
        )
    finally:
        await client.close()


async def _ignore(_error: Exception) -> None:
    """It is raised as well."""


async def _serving(port: int) -> bool:
    async with grpc.aio.insecure_channel(f"{LOOPBACK}:{port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(service="readiness"))
        return bool(answer.status == _SERVING)
