"""The mailbox pod from another pod: ``RemoteAccount`` for one account's session, ``RemoteDeliveries`` for letters in.

A call that has one message each way goes over the streams that all accounts of a channel share (``Talk``); so do a
small letter that is appended, and the first page of a view, which is mostly the only one. A stream of answers has no
deadline of its own, since its reader may be slow; each message of it is awaited for ``PATIENCE`` at most. ``compare`` asks
what changed in many mailboxes, of many sessions, at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

import grpc

from yubin.errors import Unavailable
from yubin.mailboxes import wire
from yubin.mailboxes.account import singly
from yubin.mailboxes.frames import Fetched
from yubin.mailboxes.port import (
    Copied,
    Delivered,
    Expunged,
    How,
    Letters,
    Mailbox,
    Match,
    Row,
    Rows,
    Stored,
    Usage,
    View,
    Want,
    Word,
)
from yubin.mailboxes.remote_append import GATHERED, WHOLE, Sent
from yubin.mailboxes.remote_deliveries import RemoteDeliveries, Terms
from yubin.mailboxes.remote_talk import Talk, Unspoken
from yubin.mailboxes.whole import Whole, all_of
from yubin.v1 import mailbox_pb2 as pb
from yubin.v1 import mailbox_pb2_grpc as stubs

__all__ = ["WHOLE", "RemoteAccount", "RemoteDeliveries", "Talk", "Terms", "compare"]
M = TypeVar("M")
PATIENCE = 30.0  # seconds for one message of a stream
APPEND = 3600.0  # seconds for a letter: who brings it may be slow
COMPARED = 10_000  # of one call


class RemoteAccount:
    """Implements ``Account``. ``session`` gives the token that holds now."""

    def __init__(self, talk: Talk, session: Callable[[], str]) -> None:
        self._talk, self._stub, self._session = talk, talk.stub, session

    async def mailboxes(self) -> tuple[Mailbox, ...]:
        return tuple(wire.mailbox_from(m) for page in await self._list() for m in page.mailboxes)

    async def subscriptions(self) -> tuple[str, ...]:
        return tuple(name for page in await self._list() for name in page.subscriptions)

    async def mailbox(self, mailbox_id: int) -> Mailbox:
        return await self._get(mailbox_id, select=False)

    async def select(self, mailbox_id: int) -> Mailbox:
        return await self._get(mailbox_id, select=True)

    async def create(self, name: str, special_use: str = "") -> Mailbox:
        request = pb.CreateMailboxRequest(session=self._session(), name=name, special_use=special_use)
        return wire.mailbox_from(await self._talk.call("CreateMailbox", request, pb.MailboxState))

    async def rename(self, mailbox_id: int, name: str) -> Mailbox:
        request = pb.RenameMailboxRequest(session=self._session(), mailbox_id=mailbox_id, name=name)
        return wire.mailbox_from(await self._talk.call("RenameMailbox", request, pb.MailboxState))

    async def delete(self, mailbox_id: int) -> None:
        request = pb.DeleteMailboxRequest(session=self._session(), mailbox_id=mailbox_id)
        await self._talk.call("DeleteMailbox", request, pb.DeleteMailboxResponse)

    async def subscribe(self, name: str, on: bool) -> None:
        request = pb.SubscribeRequest(session=self._session(), name=name, on=on)
        await self._talk.call("Subscribe", request, pb.SubscribeResponse)

    async def view(self, mailbox_id: int, *, since: int = 0, after: int = 0) -> AsyncIterator[View]:
        request = pb.ViewRequest(
            session=self._session(), mailbox_id=mailbox_id, since=since, after=after, packed=True
        )
        if (first := await self._look(request)) is not None:
            yield first
            if not first.more:
                return
            request.session, request.after = self._session(), first.uids[-1] if first.uids else after
        pages = wire.Pages()
        async for message in _messages(self._stub.View(request)):
            if (page := pages.page(message)) is not None:
                yield page

    async def columns(self, mailbox_id: int, uids: Sequence[int], want: Want) -> AsyncIterator[Rows]:
        wanted = want & ~Want.BODY
        request = pb.FetchRequest(
            session=self._session(), mailbox_id=mailbox_id, uids=uids, want=wanted.value, columns=True
        )
        async for piece in _messages(self._stub.Fetch(request)):
            yield wire.columns_from(piece, wanted)

    def rows(self, mailbox_id: int, uids: Sequence[int], want: Want) -> AsyncIterator[Row]:
        return singly(self.columns(mailbox_id, uids, want | Want.ROW))

    async def letters(
        self, mailbox_id: int, uids: Sequence[int], want: Want = Want.NOTHING
    ) -> AsyncIterator[Letters]:
        wanted = want & Want.ROW
        request = pb.FetchRequest(
            session=self._session(),
            mailbox_id=mailbox_id,
            uids=uids,
            want=(wanted | Want.BODY).value,
            columns=True,
        )
        fetched = Fetched(wanted)
        async for piece in _messages(self._stub.Fetch(request)):
            for some in fetched.letters(piece):
                yield some

    async def body(
        self, mailbox_id: int, uid: int, *, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        if length == 0:  # on the wire it means: to the end
            return
        request = pb.BodyRequest(
            session=self._session(), mailbox_id=mailbox_id, uid=uid, offset=offset, length=length or 0
        )
        async for piece in _messages(self._stub.Body(request)):
            yield piece.data

    async def append(
        self,
        mailbox_id: int,
        body: AsyncIterator[bytes],
        size: int,
        *,
        flags: frozenset[str] = frozenset(),
        received: float | None = None,
        delivery_id: UUID | None = None,
    ) -> Delivered:
        start = pb.AppendStart(
            session=self._session(),
            mailbox_id=mailbox_id,
            size=size,
            flags=sorted(flags),
            received=received or 0.0,
            delivery_id=delivery_id.bytes if delivery_id else b"",
        )
        if size <= WHOLE:
            raw = await all_of(body, size, GATHERED)
            request = pb.AppendRequest(start=start, data=raw)
            try:
                return wire.place_from(await self._talk.call("AppendWhole", request, pb.Place, PATIENCE))
            except Unspoken:
                body = Whole(raw)
        sent = Sent(start, body)
        try:
            return wire.place_from(await self._stub.Append(sent.messages(), timeout=APPEND))
        except asyncio.CancelledError:
            if sent.failed is not None:  # gRPC cancels a call whose requests raise
                raise sent.failed from None
            raise

    async def store(
        self,
        mailbox_id: int,
        uids: Sequence[int],
        how: How,
        flags: frozenset[str],
        *,
        unchanged_since: int | None = None,
    ) -> Stored:
        request = pb.StoreRequest(
            session=self._session(),
            mailbox_id=mailbox_id,
            uids=uids,
            how=how.value,
            flags=sorted(flags),
            unchanged_since=unchanged_since,
        )
        return wire.stored_from(await self._talk.call("Store", request, pb.StoreResponse))

    async def copy(self, source_id: int, uids: Sequence[int], target_id: int, *, move: bool) -> Copied:
        request = pb.CopyRequest(
            session=self._session(), source_id=source_id, uids=uids, target_id=target_id, move=move
        )
        return wire.copied_from(await self._talk.call("Copy", request, pb.CopyResponse))

    async def expunge(
        self, mailbox_id: int, uids: Sequence[int] | None, *, only_deleted: bool = True
    ) -> Expunged:
        request = pb.ExpungeRequest(
            session=self._session(),
            mailbox_id=mailbox_id,
            uids=uids or (),
            all=uids is None,
            only_deleted=only_deleted,
        )
        return wire.expunged_from(await self._talk.call("Expunge", request, pb.ExpungeResponse))

    async def forget(self) -> None:
        """The account and all that is in it."""
        await self._stub.Forget(pb.ForgetRequest(session=self._session()))

    async def match(self, mailbox_id: int, words: Sequence[Word]) -> Match:
        request = pb.MatchRequest(session=self._session(), mailbox_id=mailbox_id, words=wire.words_to(words))
        return wire.match_from(await self._talk.call("Match", request, pb.MatchResponse))

    async def usage(self) -> Usage:
        request = pb.GetUsageRequest(session=self._session())
        return wire.usage_from(await self._talk.call("GetUsage", request, pb.AccountUsage))

    async def lease(self, name: str, owner: str, seconds: float, *, most: int = 1) -> bool:
        request = pb.LeaseRequest(session=self._session(), name=name, owner=owner, seconds=seconds, most=most)
        return (await self._talk.call("Lease", request, pb.LeaseResponse)).held

    async def release(self, name: str, owner: str) -> None:
        request = pb.ReleaseRequest(session=self._session(), name=name, owner=owner)
        await self._talk.call("Release", request, pb.ReleaseResponse)

    async def _look(self, request: pb.ViewRequest) -> View | None:
        """The first page; None where it takes more than one message, or a pod that does not talk."""
        try:
            return wire.Pages().page(await self._talk.call("Look", request, pb.ViewPage, PATIENCE))
        except Unspoken:
            return None

    async def _get(self, mailbox_id: int, *, select: bool) -> Mailbox:
        request = pb.GetMailboxRequest(session=self._session(), mailbox_id=mailbox_id, select=select)
        return wire.mailbox_from(await self._talk.call("GetMailbox", request, pb.MailboxState))

    async def _list(self) -> list[pb.ListMailboxesResponse]:
        pages: list[pb.ListMailboxesResponse] = []
        after = ""
        while not pages or after:
            request = pb.ListMailboxesRequest(session=self._session(), after=after)
            pages.append(await self._talk.call("ListMailboxes", request, pb.ListMailboxesResponse))
            after = pages[-1].next
        return pages


async def compare(
    channel: grpc.aio.Channel, items: Sequence[tuple[str, int]]
) -> list[tuple[int, int] | None]:
    """(HIGHESTMODSEQ, UIDNEXT) for each (session, mailbox id); None where it is gone or the session has ended."""
    stub = stubs.MailboxStub(channel)
    found: list[tuple[int, int] | None] = []
    for start in range(0, len(items), COMPARED):
        some = [pb.CompareItem(session=s, mailbox_id=m) for s, m in items[start : start + COMPARED]]
        answer = await stub.Compare(pb.CompareRequest(items=some))
        pairs = zip(answer.modseqs, answer.uidnexts, strict=True)
        found += [None if modseq < 0 else (modseq, uidnext) for modseq, uidnext in pairs]
    return found


async def _messages(call: Any) -> AsyncIterator[Any]:
    """Each within ``PATIENCE``; who leaves early ends the call."""
    messages = aiter(call)
    try:
        while True:
            try:
                async with asyncio.timeout(PATIENCE):
                    message = await anext(messages)
            except StopAsyncIteration:
                return
            except TimeoutError as cause:
                raise Unavailable("the mailboxes do not answer") from cause
            yield message
    finally:
        call.cancel()
