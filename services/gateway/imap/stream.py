"""The octets of one IMAP connection: gathered before they leave, compressed once the client has asked for it (RFC 4978).

``write`` only gathers; ``flush`` sends everything in one write and waits until the client has read most of it. What comes
in compressed is inflated piece by piece, at most ``PIECE`` at once: the next piece is made when somebody asks for it, so
that a few octets which stand for a gigabyte cost no more than any others (CASES H15).
"""

from __future__ import annotations

import zlib

from services.gateway.connection import HIGH, Connection, Gone

PIECE = 64 * 1024
WINDOW = 12  # bits: 4 KiB of history, a sixth of the memory of zlib's own choice
LEVEL = 5
MEMORY = 5


class Stream:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._gathered: list[bytes] = []
        self.pending = 0  # octets that wait to be sent
        self._deflate: zlib._Compress | None = None
        self._inflate: zlib._Decompress | None = None
        self._packed = b""  # came in, and is not inflated yet

    @property
    def compressed(self) -> bool:
        return self._deflate is not None

    def write(self, octets: bytes) -> None:
        self._gathered.append(octets)
        self.pending += len(octets)

    @property
    def crowded(self) -> bool:
        """Enough waits to be sent to send it now."""
        return self.pending > HIGH

    async def flush(self, seconds: float) -> None:
        """Raises Gone, also when the client has not read for ``seconds``."""
        if self._gathered:
            octets = b"".join(self._gathered)
            self._gathered.clear()
            self.pending = 0
            self._connection.write(self.sealed(octets))
        await self._connection.drain(seconds)

    async def read(self, seconds: float) -> bytes:
        """Some octets; none at all when the connection was nudged. Raises Ended."""
        if self._inflate is None:
            return await self._connection.read(seconds)
        while True:
            if not self._packed:
                self._packed = await self._connection.read(seconds)
                if not self._packed:
                    return b""
            octets = self._inflated()
            if octets:
                return octets

    def compress(self, packed: bytes) -> None:
        """From now on in both directions; RFC 1951, without a header (RFC 4978 3). ``packed`` has come in already."""
        self._deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, -WINDOW, MEMORY)
        self._inflate = zlib.decompressobj(-15)  # the client's choice of a window
        self._packed = packed

    def sealed(self, octets: bytes) -> bytes:
        """As it goes out."""
        if self._deflate is None:
            return octets
        return self._deflate.compress(octets) + self._deflate.flush(zlib.Z_SYNC_FLUSH)

    def plain(self) -> None:
        """After UNAUTHENTICATE (RFC 8437 4.2)."""
        self._deflate = self._inflate = None
        self._packed = b""

    def _inflated(self) -> bytes:
        assert self._inflate is not None  # noqa: S101 - for mypy: read has looked
        try:
            octets = self._inflate.decompress(self._packed, PIECE)
        except zlib.error as error:
            raise Gone from error
        if self._inflate.eof:  # a deflate stream never ends by itself
            raise Gone
        self._packed = self._inflate.unconsumed_tail
        return octets
