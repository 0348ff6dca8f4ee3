"""A letter on its way to the mailbox pod: gathered and sent as one message where it is small, else as it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator

from yubin.mailboxes.account import PIECE
from yubin.v1 import mailbox_pb2 as pb

WHOLE = 256 * 1024  # octets of a letter that is gathered
GATHERED = 60.0  # seconds for it to come


class Sent:
    """A letter that is appended, as messages; remembers what its source failed with."""

    def __init__(self, start: pb.AppendStart, body: AsyncIterator[bytes]) -> None:
        self._start, self._body = start, body
        self.failed: Exception | None = None

    async def messages(self) -> AsyncIterator[pb.AppendRequest]:
        yield pb.AppendRequest(start=self._start)
        try:
            async for piece in self._body:
                for at in range(0, len(piece), PIECE):
                    yield pb.AppendRequest(data=piece[at : at + PIECE])
        except Exception as failure:
            self.failed = failure
            raise
