"""Letters on their way to and from the mailbox pod: inbound ones in frames, read ones in pieces, none above the limit.

``inbound_to`` and ``inbound_from`` are for Deliver, many letters to a frame; ``fetched_to`` packs whole letters into
messages of about ``FETCH`` octets, a large one over several, and ``Fetched`` puts them together again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

from yubin.mailboxes import wire
from yubin.mailboxes.account import PIECE
from yubin.mailboxes.deliveries import Copy, Inbound
from yubin.mailboxes.port import Row, Rows
from yubin.v1 import mailbox_pb2 as pb

FRAME = 1024 * 1024  # octets of a frame of Deliver
LETTERS = 100  # in one frame
FETCH = 512 * 1024  # octets after which a message of Fetch is sent
ROW_COST = 200  # octets of a row besides what it carries


def inbound_to(letter: Inbound) -> pb.InboundLetter:
    return pb.InboundLetter(
        letter_id=letter.letter_id.bytes,
        body=letter.body or b"",
        object=letter.object,
        size=letter.size,
        sha256=letter.sha256,
        received=letter.received or 0.0,
        copies=[
            pb.InboundCopy(account=copy.account, delivery_id=copy.delivery_id.bytes, junk=copy.junk)
            for copy in letter.copies
        ],
        traceparent=letter.traceparent,
    )


def inbound_from(message: pb.InboundLetter) -> Inbound:
    """Raises ValueError for an id that is none."""
    return Inbound(
        letter_id=UUID(bytes=message.letter_id),
        body=None if message.object else message.body,
        object=message.object,
        size=message.size,
        sha256=message.sha256,
        received=message.received or None,
        copies=tuple(
            Copy(account=copy.account, delivery_id=UUID(bytes=copy.delivery_id), junk=copy.junk)
            for copy in message.copies
        ),
        traceparent=message.traceparent,
    )


def weight(letter: Inbound) -> int:
    """Octets of a letter in a frame, roughly and never too few."""
    return 300 + len(letter.body or b"") + 120 * len(letter.copies)


async def columns_to(found: AsyncIterator[Rows]) -> AsyncIterator[pb.FetchPiece]:
    """A message for each: they are bounded."""
    async for rows in found:
        yield wire.columns_to(rows)


async def rows_to(rows: AsyncIterator[Row]) -> AsyncIterator[pb.FetchPiece]:
    """Rows without bodies, several to a message, for a client that does not ask for columns."""
    piece, held = pb.FetchPiece(), 0
    async for row in rows:
        cost = ROW_COST + len(row.envelope) + len(row.structure) + len(row.summary)
        if held and held + cost > FETCH:
            yield piece
            piece, held = pb.FetchPiece(), 0
        piece.rows.append(wire.row_to(row))
        held += cost
    if held:
        yield piece


async def letters_to(letters: AsyncIterator[tuple[Row, bytes]]) -> AsyncIterator[pb.FetchPiece]:
    piece, held = pb.FetchPiece(), 0
    async for row, body in letters:
        size = len(body)
        for start in range(0, size or 1, PIECE):
            part = body if size <= PIECE else body[start : start + PIECE]
            if held and held + len(part) + ROW_COST > FETCH:
                yield piece
                piece, held = pb.FetchPiece(), 0
            _add(piece, row, part, first=start == 0, continues=start + PIECE < size)
            held += len(part) + ROW_COST
    if held:
        yield piece


def _add(piece: pb.FetchPiece, row: Row, part: bytes, *, first: bool, continues: bool) -> None:
    """Made where it is: a message that is appended is copied, with all its octets."""
    if not first:
        piece.rows.add(uid=row.uid, body=part, body_continues=continues)
        return
    piece.rows.add(
        uid=row.uid,
        letter_id=row.letter_id.bytes,
        size=row.size,
        received=row.received,
        saved=row.saved,
        thread=row.thread,
        body=part,
        body_continues=continues,
    )


class Fetched:
    """Pieces to letters."""

    def __init__(self) -> None:
        self._row: Row | None = None
        self._body: list[bytes] = []

    def letter(self, message: pb.LetterRow) -> tuple[Row, bytes] | None:
        """None when it is not whole yet."""
        if self._row is None and not message.body_continues:
            return wire.row_from(message), message.body
        row = self._row or wire.row_from(message)
        self._body.append(message.body)
        if message.body_continues:
            self._row = row
            return None
        body, self._row, self._body = b"".join(self._body), None, []
        return row, body
