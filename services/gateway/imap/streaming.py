"""A letter that is too large to hold, sent to the client as it comes from the mailbox pod (yubin.imap.bodies: steps).

Nothing is written before the first octets of the letter are here, so that one which is gone costs no broken response. When
storage fails behind that, the literal that was announced cannot be made whole: the connection ends, and the client asks
again on a new one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import structlog

from services.gateway.connection import Gone
from yubin.errors import Failure, NotFound
from yubin.imap.bodies import Need, Range, Steps, shown

if TYPE_CHECKING:
    from services.gateway.imap.session import Session

log = structlog.get_logger()
PIECE = 64 * 1024  # octets


async def stream(session: Session, uid: int, steps: Steps) -> bool:
    """False, and nothing is written, when the letter is gone. Raises Failure before the first octet, Gone behind it."""
    letter = _Letter(session, uid)
    try:
        await letter.run(steps)
    except NotFound as gone:
        if letter.begun:
            raise _broken(gone) from gone
        return False
    except Failure as failure:
        if letter.begun:
            raise _broken(failure) from failure
        raise
    return True


def _broken(failure: Failure) -> Gone:
    log.warning("A letter could not be sent to its end.", action="imap", why=failure.text)
    return Gone()


class _Letter:
    def __init__(self, session: Session, uid: int) -> None:
        self._session, self._uid = session, uid
        self._held: list[bytes] = []
        self.begun = False

    async def run(self, steps: Steps) -> None:
        step = next(steps, None)
        while step is not None:
            if isinstance(step, Need):
                async with self._session.house.heavy.octets(step.length):
                    step = steps.send(await self._octets(step))
                    while isinstance(
                        step, bytes
                    ):  # what was made of them lies here until the client has read it
                        await self._write(step)
                        step = next(steps, None)
                continue
            if isinstance(step, Range):
                await self._send(step)
            else:
                await self._write(step)
            step = next(steps, None)
        self._release()
        await self._session.breathe()

    async def _write(self, octets: bytes) -> None:
        if len(octets) <= PIECE:
            self._held.append(octets)
            return
        self._release()
        for start in range(0, len(octets), PIECE):
            self._session.write(octets[start : start + PIECE])
            await self._session.breathe()

    async def _send(self, place: Range) -> None:
        """Raises Failure; each piece waits until the client has read most of what came before."""
        left = place.length
        async for piece in self._pieces(place.offset, place.length):
            self._release()
            self._session.write(shown(piece[:left]))
            left -= len(piece)
            await self._session.breathe()
        if left > 0:
            raise NotFound("This letter is shorter than it should be")

    async def _octets(self, place: Need) -> bytes:
        return b"".join([piece async for piece in self._pieces(place.offset, place.length)])

    def _pieces(self, offset: int, length: int) -> AsyncIterator[bytes]:
        account, mailbox = self._session.account, self._session.box.mailbox.id
        return account.body(mailbox, self._uid, offset=offset, length=length)

    def _release(self) -> None:
        if self._held:
            self.begun = True
            self._session.write(b"".join(self._held))
            self._held.clear()
