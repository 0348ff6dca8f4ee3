"""Letters on their way to and from the mailbox pod: inbound ones in frames, read ones in pieces, none above the limit.

``inbound_to`` and ``inbound_from`` are for Deliver, many letters to a frame; ``letters_to`` makes a message of letters that
are read together, several of a large one, and ``Fetched`` puts them together again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from uuid import UUID

from yubin.mailboxes import wire
from yubin.mailboxes.account import PIECE
from yubin.mailboxes.deliveries import Copy, Inbound
from yubin.mailboxes.port import Letters, Row, Rows, Want
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


async def letters_to(letters: AsyncIterator[Letters]) -> AsyncIterator[pb.FetchPiece]:
    """A message for each; several for a letter that is large, which is alone."""
    async for some in letters:
        piece = wire.columns_to(some.rows)
        if len(some.bodies) > 1:
            piece.bodies.extend(some.bodies)
        else:
            parts = _parts(some.bodies[0])
            for n, part in enumerate(parts, 1):
                piece.bodies.append(part)
                piece.continues = n < len(parts)
                if piece.continues:
                    yield piece
                    piece = pb.FetchPiece()
        yield piece


async def letter_rows_to(letters: AsyncIterator[Letters]) -> AsyncIterator[pb.FetchPiece]:
    """The same in rows, for a client that does not ask for columns."""
    async for some in letters:
        for row, body in zip(some.rows, some.bodies, strict=True):
            parts = _parts(body)
            for n, part in enumerate(parts):
                message = pb.LetterRow(uid=row.uid) if n else wire.row_to(row)
                message.body, message.body_continues = part, n + 1 < len(parts)
                yield pb.FetchPiece(rows=[message])


def _parts(body: bytes) -> list[bytes]:
    """One at least."""
    if len(body) <= PIECE:
        return [body]
    return [body[start : start + PIECE] for start in range(0, len(body), PIECE)]


class Fetched:
    """Pieces to letters."""

    def __init__(self, want: Want) -> None:
        self._want = want
        self._first: Rows | None = None  # of a letter that is not whole yet
        self._parts: list[bytes] = []

    def letters(self, piece: pb.FetchPiece) -> Iterator[Letters]:
        """Those that have become whole. A pod of the version before answers with rows."""
        for row in piece.rows:
            rows = self._first or Rows.of([wire.row_from(row)], self._want)
            if found := self._gathered(rows, [row.body], more=row.body_continues):
                yield found
        if piece.bodies:
            rows = self._first or wire.columns_from(piece, self._want)
            if found := self._gathered(rows, piece.bodies, more=piece.continues):
                yield found

    def _gathered(self, rows: Rows, bodies: Sequence[bytes], *, more: bool) -> Letters | None:
        if self._first is None and not more:
            return Letters(rows=rows, bodies=tuple(bodies))
        self._parts.extend(bodies)
        if more:
            self._first = rows
            return None
        body = b"".join(self._parts)
        self._first, self._parts = None, []
        return Letters(rows=rows, bodies=(body,))
