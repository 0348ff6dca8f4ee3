"""The object store: bytes under opaque names. ``put`` returns when the bytes are durable."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol


class Objects(Protocol):
    """Names match ``[a-z0-9/_-]+``. Trouble raises Unavailable (452 4.3.1 when the store is full)."""

    async def put(self, name: str, data: bytes) -> None:
        """Durable on return: file fsync, rename and directory fsync, or the store's own 200."""

    async def get(self, name: str) -> bytes:
        """Raises NotFound."""

    async def part(self, name: str, offset: int, length: int) -> bytes:
        """At most ``length`` octets from ``offset``, none behind the end. Raises NotFound."""

    async def delete(self, name: str) -> None:
        """Deleting what is not there is no error."""

    def older_than(self, prefix: str, seconds: float) -> AsyncIterator[str]:
        """Names under ``prefix`` last written more than ``seconds`` ago, for the sweep."""

    async def ping(self) -> None:
        """Raises Unavailable when the store cannot be used, for readiness."""

    async def close(self) -> None: ...
