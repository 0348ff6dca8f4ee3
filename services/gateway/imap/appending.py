"""Letters that a client brings, with APPEND or REPLACE (RFC 9051 6.3.12, RFC 3502, RFC 8508).

A letter is refused before it is sent where that can be known: no such mailbox, flags that nobody can set, above the limit, or
no room for it (CASES H9). Small letters wait here until the command has come to its end, and only then they are appended,
one after another. A large one goes to the mailbox pod as it comes, and is appended when what stands behind it is right.

Of several letters all are appended or none (RFC 3502): those that were, when a later one fails, are expunged again. The port
has no transaction for it; whoever looks in between sees messages that go.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from services.gateway.again import patiently
from services.gateway.imap import folders
from services.gateway.imap.replies import BadCommand, No
from yubin.errors import Exhausted, Failure, Internal, NotFound, TooBig
from yubin.ids import uuid7
from yubin.imap import codes, responses
from yubin.imap import flags as shown
from yubin.imap.commands.append import Letter
from yubin.imap.events import Event, Message, Octets, Request, Syntax
from yubin.mailboxes.flags import split
from yubin.mailboxes.port import Delivered
from yubin.mailboxes.whole import Whole

if TYPE_CHECKING:
    from services.gateway.imap.session import Session

log = structlog.get_logger()
HELD = 1024 * 1024  # octets of letters that wait here for the end of their command
AHEAD = 4  # pieces that have come and not gone to the mailbox pod


@dataclass(frozen=True, kw_only=True, slots=True)
class Appended:
    """The end of the command, and where the letters lie."""

    request: Request
    mailbox_id: int
    letters: Sequence[Letter]
    places: Sequence[Delivered]

    @property
    def uids(self) -> Sequence[int]:
        return [place.uid for place in self.places]

    @property
    def code(self) -> str:
        """APPENDUID (RFC 4315 3)."""
        return codes.appenduid(self.places[0].uidvalidity, self.uids)


@dataclass(frozen=True, slots=True)
class _Held:
    letter: Letter
    octets: bytes = field(repr=False)


async def receive(session: Session, message: Message) -> Appended:
    """Raises No, BadCommand, Failure: nothing has been appended then."""
    appending = _Appending(session)
    try:
        return await appending.run(message)
    except BaseException:
        await appending.undo()
        raise


def tell(session: Session, appended: Appended) -> None:
    """EXISTS, where they lie in the selected mailbox: without a look, when all is known of them."""
    selected = session.selected
    if selected is None or selected.mailbox.id != appended.mailbox_id:
        return
    flags = [_bits(letter, selected.keywords) for letter in appended.letters]
    sizes = [letter.size for letter in appended.letters]
    known = [bits for bits in flags if bits is not None]
    if len(known) < len(flags) or not selected.appended(session, appended.places, known, sizes):
        selected.stale = True


def _bits(letter: Letter, keywords: Sequence[str]) -> int | None:
    """None: it has a keyword that the client does not know yet."""
    bits = [shown.bit(name, keywords) for name in letter.flags]
    return None if 0 in bits else sum(set(bits))


class _Appending:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._mailbox_id: int | None = None
        self._held: list[_Held] = []
        self._letters: list[Letter] = []  # and
        self._done: list[Delivered] = []  # where they lie
        self._announced = 0  # octets of all letters so far
        self._free: int | None = None  # octets that fit; None: nobody has asked, or there is no quota

    async def run(self, message: Message) -> Appended:
        event: Event = message
        while isinstance(event, Message):
            letter: Letter = event.args_so_far.messages[-1]
            await self._admit(event, letter)
            self._session.reader.accept()
            if event.sync:
                self._session.write(responses.continuation())
            event = await self._take(letter)
        if not isinstance(event, Request):
            raise _flaw(event)
        await self._append_held()
        return Appended(
            request=event,
            mailbox_id=self._target(),
            letters=self._letters,
            places=self._done,
        )

    # ── before a letter ──

    async def _admit(self, message: Message, letter: Letter) -> None:
        """Raises No, BadCommand, Failure, and has refused the letter then."""
        try:
            _check(self._session, message, letter)
            if self._mailbox_id is None:
                name, large = message.args_so_far.mailbox, letter.size > HELD
                self._mailbox_id = await folders.target(self._session, name, look=large)
            await self._check_room(letter.size)
        except BaseException:
            self._session.reader.refuse()
            raise

    async def _check_room(self, size: int) -> None:
        """CASES H9. The mailbox pod looks again when it commits."""
        quota = self._session.quota
        self._announced += size
        if not quota:
            return
        if self._free is None:
            self._free = quota - (await self._session.account.usage()).used
        if self._announced > self._free:
            raise Exhausted("The mailbox is full", code=452, enhanced="4.2.2")

    # ── a letter ──

    async def _take(self, letter: Letter) -> Event:
        """Gives the event behind it."""
        if letter.size + sum(len(held.octets) for held in self._held) <= HELD:
            octets = b"".join([piece async for piece in self._octets(letter.size)])
            self._held.append(_Held(letter, octets))
            return await self._session.event()
        await self._append_held()  # UIDs ascend as the letters came
        return await self._stream(letter)

    async def _octets(self, size: int) -> AsyncIterator[bytes]:
        while size:
            event = await self._session.event()
            if not isinstance(event, Octets):
                raise _flaw(event)
            size -= len(event.data)
            yield event.data

    async def _stream(self, letter: Letter) -> Event:
        """It is kept when its pieces have ended: when what stands behind it is right.

        Who reads from the client is always this task. Where the pod does not want the rest, it is read all the same: what
        the client still sends is no command.
        """
        pipe: asyncio.Queue[bytes | None] = asyncio.Queue(AHEAD)
        append = asyncio.create_task(self._append(letter, _pieces(pipe)))
        try:
            async for piece in self._octets(letter.size):
                await _put(pipe, piece, append)
            event = await self._session.event()
            if isinstance(event, Syntax):
                raise _flaw(event)
            await _put(pipe, None, append)
            await asyncio.wait({append})
            if append.exception() is not None and isinstance(event, Message):
                self._session.reader.refuse()
            await append
        finally:
            append.cancel()
            await asyncio.gather(append, return_exceptions=True)
            _close(pipe)
        return event

    # ── storage ──

    async def _append_held(self) -> None:
        """What is held may be said again, so that a pod which goes away costs neither a letter nor a second one."""
        held, self._held = self._held, []
        patience = self._session.house.patience
        for one in held:
            delivery = uuid7()
            await patiently(lambda: self._append(one.letter, Whole(one.octets), delivery), patience)  # noqa: B023

    async def _append(
        self, letter: Letter, body: AsyncIterator[bytes], delivery_id: UUID | None = None
    ) -> None:
        try:
            done = await self._session.account.append(
                self._target(),
                body,
                letter.size,
                flags=frozenset(map(shown.canonical, letter.flags)),
                received=letter.received,
                delivery_id=delivery_id,
            )
        except NotFound as gone:
            raise No("There is no such mailbox", codes.TRYCREATE) from gone
        self._letters.append(letter)
        self._done.append(done)

    def _target(self) -> int:
        if self._mailbox_id is None:
            raise Internal("no letter was admitted")
        return self._mailbox_id

    async def undo(self) -> None:
        done, self._done = self._done, []
        if not done:
            return
        try:
            await self._session.account.expunge(self._target(), [one.uid for one in done], only_deleted=False)
        except Failure as failure:
            log.warning("Letters of an APPEND that failed are still there.", action="imap", why=failure.text)


def _check(session: Session, message: Message, letter: Letter) -> None:
    """What is known without asking anybody."""
    if message.too_big:
        raise TooBig(f"A letter has at most {session.limits.append} octets")
    if not letter.size:  # RFC 3502: so a client gives up
        raise No("A letter of no octets is not appended")
    if letter.utf8 and not session.utf8:  # RFC 6855 4
        raise BadCommand("ENABLE UTF8=ACCEPT first")
    split(letter.flags)


async def _put(pipe: asyncio.Queue[bytes | None], piece: bytes | None, reader: asyncio.Task[None]) -> None:
    """Nothing, when nobody will take it."""
    put = asyncio.ensure_future(pipe.put(piece))
    try:
        await asyncio.wait({put, reader}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        put.cancel()


def _close(pipe: asyncio.Queue[bytes | None]) -> None:
    """Whoever still waits for a piece, as gRPC does behind a call that has failed, need not."""
    while not pipe.empty():
        pipe.get_nowait()
    pipe.put_nowait(None)


async def _pieces(pipe: asyncio.Queue[bytes | None]) -> AsyncIterator[bytes]:
    while (piece := await pipe.get()) is not None:
        yield piece


def _flaw(event: Event) -> No | BadCommand | Internal:
    if isinstance(event, Syntax):
        return No(event.text, event.code) if event.status == "NO" else BadCommand(event.text, event.code)
    return Internal("the reader gave something else than a letter")
