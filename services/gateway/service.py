"""What a protocol brings to a gateway: how it serves a connection, and how it says why it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from yubin.errors import Failure

if TYPE_CHECKING:
    from services.gateway.connection import Connection


class Service(Protocol):
    name: str  # the metrics' label

    async def serve(self, connection: Connection) -> None:
        """From the greeting to the end; who serves lets the endings of the connection pass and cleans up behind itself."""

    def farewell(self, failure: Failure) -> bytes:
        """What a client is told that is not let in, or sent away."""
