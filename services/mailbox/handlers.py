"""The RPCs of yubin.v1.Mailbox: messages to values and back; what is done is done by local.py and inbound.py.

Deliver and Usage name accounts and are for mx and delivery; every other call carries a session token, which says whose
mailboxes it is about, so that no request can name another's. (Longer than most modules: one short method for each RPC.)
"""

# ruff: noqa: N802, ARG002 - gRPC gives its methods their names and a context

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from enum import Enum
from typing import Any, TypeVar, cast
from uuid import UUID

import grpc

from services.mailbox.deliver import Reader
from services.mailbox.local import LocalAccount
from services.mailbox.sessions import Tokens
from services.mailbox.storage import Storage
from services.mailbox.talk import Talking
from yubin.errors import Invalid, Unauthenticated
from yubin.mailboxes import frames, wire
from yubin.mailboxes.deliveries import Deliveries
from yubin.mailboxes.port import How, View, Want, Where
from yubin.mailboxes.whole import Whole
from yubin.v1 import mailbox_pb2 as pb
from yubin.v1 import mailbox_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]
E = TypeVar("E", bound=Enum)
SERVICE = "yubin.v1.Mailbox"
BRINGERS, READERS = frozenset({"mx", "delivery"}), frozenset({"gateway", "api"})
CALLERS = {
    "Deliver": BRINGERS,
    "Usage": BRINGERS,
    "Forget": frozenset({"api"}),
    "*": READERS,
}
USAGE_ACCOUNTS = 1000
COMPARED = 10_000


class Mailboxes(mailbox_pb2_grpc.MailboxServicer):
    """``quota``: of accounts whose token names none."""

    def __init__(
        self, storage: Storage, deliveries: Deliveries, tokens: Tokens, stopping: asyncio.Event, *, quota: int
    ) -> None:
        self._storage, self._deliveries = storage, deliveries
        self._tokens, self._stopping, self._quota = tokens, stopping, quota

    async def _account(self, session: str) -> LocalAccount:
        claims = await self._tokens.check(session)
        return LocalAccount(claims.account, claims.quota or self._quota, self._storage)

    async def Talk(
        self, request_iterator: AsyncIterator[pb.TalkRequest], context: Context
    ) -> AsyncIterator[pb.TalkResponse]:
        talking = Talking(request_iterator, self, context, self._stopping)
        async with aclosing(cast("AsyncGenerator[pb.TalkResponse, None]", talking.answers())) as answers:
            async for answer in answers:
                yield answer

    # ── letters in ──

    async def Deliver(
        self, request_iterator: AsyncIterator[pb.DeliverRequest], context: Context
    ) -> AsyncIterator[pb.DeliverResponse]:
        async for answer in Reader(request_iterator, self._deliveries, self._stopping).answers():
            yield answer

    async def Usage(self, request: pb.UsageRequest, context: Context) -> pb.UsageResponse:
        if len(request.accounts) > USAGE_ACCOUNTS:
            raise Invalid(f"at most {USAGE_ACCOUNTS} accounts")
        found = await self._deliveries.usage(request.accounts)
        return pb.UsageResponse(usage={account: wire.usage_to(usage) for account, usage in found.items()})

    async def Append(self, request_iterator: AsyncIterator[pb.AppendRequest], context: Context) -> pb.Place:
        requests = aiter(request_iterator)
        first = await anext(requests, pb.AppendRequest())
        return await self._append(first, _data(requests))

    async def AppendWhole(self, request: pb.AppendRequest, context: Context) -> pb.Place:
        """Only spoken (Talk), as Look is."""
        return await self._append(request, Whole(request.data))

    async def _append(self, first: pb.AppendRequest, body: AsyncIterator[bytes]) -> pb.Place:
        if not first.HasField("start"):
            raise Invalid("the first message says what comes")
        start = first.start
        account = await self._account(start.session)
        place = await account.append(
            start.mailbox_id,
            body,
            start.size,
            flags=frozenset(start.flags),
            received=start.received or None,
            delivery_id=_id(start.delivery_id),
        )
        return wire.place_to(place)

    # ── mailboxes ──

    async def ListMailboxes(
        self, request: pb.ListMailboxesRequest, context: Context
    ) -> pb.ListMailboxesResponse:
        account = await self._account(request.session)
        return wire.list_to(await account.mailboxes(), await account.subscriptions(), request.after)

    async def GetMailbox(self, request: pb.GetMailboxRequest, context: Context) -> pb.MailboxState:
        account = await self._account(request.session)
        ask = account.select if request.select else account.mailbox
        return wire.mailbox_to(await ask(request.mailbox_id))

    async def CreateMailbox(self, request: pb.CreateMailboxRequest, context: Context) -> pb.MailboxState:
        account = await self._account(request.session)
        return wire.mailbox_to(await account.create(request.name, request.special_use))

    async def RenameMailbox(self, request: pb.RenameMailboxRequest, context: Context) -> pb.MailboxState:
        account = await self._account(request.session)
        return wire.mailbox_to(await account.rename(request.mailbox_id, request.name))

    async def DeleteMailbox(
        self, request: pb.DeleteMailboxRequest, context: Context
    ) -> pb.DeleteMailboxResponse:
        await (await self._account(request.session)).delete(request.mailbox_id)
        return pb.DeleteMailboxResponse()

    async def Subscribe(self, request: pb.SubscribeRequest, context: Context) -> pb.SubscribeResponse:
        await (await self._account(request.session)).subscribe(request.name, request.on)
        return pb.SubscribeResponse()

    # ── reading ──

    async def View(self, request: pb.ViewRequest, context: Context) -> AsyncIterator[pb.ViewPage]:
        account = await self._account(request.session)
        async for view in account.view(request.mailbox_id, since=request.since, after=request.after):
            for page in wire.pages_to(view, packed=request.packed):
                yield page

    async def Look(self, request: pb.ViewRequest, context: Context) -> pb.ViewPage:
        """The first message of a view; there is one at least."""
        account = await self._account(request.session)
        view = account.view(request.mailbox_id, since=request.since, after=request.after)
        async with aclosing(cast("AsyncGenerator[View, None]", view)) as views:
            return next(wire.pages_to(await anext(views), packed=request.packed))

    async def Fetch(self, request: pb.FetchRequest, context: Context) -> AsyncIterator[pb.FetchPiece]:
        account = await self._account(request.session)
        want = Want(request.want & (Want.ROW | Want.PARSED | Want.BODY).value)
        if Want.BODY in want and request.columns:
            pieces = frames.letters_to(account.letters(request.mailbox_id, request.uids, want))
        elif Want.BODY in want:
            pieces = frames.letter_rows_to(account.letters(request.mailbox_id, request.uids, Want.ROW))
        elif request.columns:
            pieces = frames.columns_to(account.columns(request.mailbox_id, request.uids, want))
        else:
            pieces = frames.rows_to(account.rows(request.mailbox_id, request.uids, want))
        async for piece in pieces:
            yield piece

    async def Body(self, request: pb.BodyRequest, context: Context) -> AsyncIterator[pb.BodyPiece]:
        account = await self._account(request.session)
        async for piece in account.body(
            request.mailbox_id, request.uid, offset=request.offset, length=request.length or None
        ):
            yield pb.BodyPiece(data=piece)

    async def Match(self, request: pb.MatchRequest, context: Context) -> pb.MatchResponse:
        account = await self._account(request.session)
        for word in request.words:
            _known(Where, word.where)
        return wire.match_to(await account.match(request.mailbox_id, wire.words_from(request.words)))

    async def GetUsage(self, request: pb.GetUsageRequest, context: Context) -> pb.AccountUsage:
        return wire.usage_to(await (await self._account(request.session)).usage())

    async def Compare(self, request: pb.CompareRequest, context: Context) -> pb.CompareResponse:
        if len(request.items) > COMPARED:
            raise Invalid(f"at most {COMPARED} mailboxes")
        pairs = [(await self._owner(item.session), item.mailbox_id) for item in request.items]
        known = await self._storage.mailboxes.modseqs([(a, m) for a, m in pairs if a])
        found = [known.get(pair, (-1, -1)) for pair in pairs]
        return pb.CompareResponse(modseqs=[m for m, _ in found], uidnexts=[u for _, u in found])

    async def _owner(self, session: str) -> str:
        try:
            return (await self._tokens.check(session)).account
        except Unauthenticated:
            return ""

    # ── changing ──

    async def Store(self, request: pb.StoreRequest, context: Context) -> pb.StoreResponse:
        account = await self._account(request.session)
        stored = await account.store(
            request.mailbox_id,
            request.uids,
            _known(How, request.how),
            frozenset(request.flags),
            unchanged_since=request.unchanged_since if request.HasField("unchanged_since") else None,
        )
        return wire.stored_to(stored)

    async def Copy(self, request: pb.CopyRequest, context: Context) -> pb.CopyResponse:
        account = await self._account(request.session)
        return wire.copied_to(
            await account.copy(request.source_id, request.uids, request.target_id, move=request.move)
        )

    async def Expunge(self, request: pb.ExpungeRequest, context: Context) -> pb.ExpungeResponse:
        account = await self._account(request.session)
        uids = None if request.all else request.uids
        return wire.expunged_to(
            await account.expunge(request.mailbox_id, uids, only_deleted=request.only_deleted)
        )

    async def Forget(self, request: pb.ForgetRequest, context: Context) -> pb.ForgetResponse:
        await (await self._account(request.session)).forget()
        return pb.ForgetResponse()

    # ── leases ──

    async def Lease(self, request: pb.LeaseRequest, context: Context) -> pb.LeaseResponse:
        account = await self._account(request.session)
        held = await account.lease(request.name, request.owner, request.seconds, most=max(1, request.most))
        return pb.LeaseResponse(held=held)

    async def Release(self, request: pb.ReleaseRequest, context: Context) -> pb.ReleaseResponse:
        await (await self._account(request.session)).release(request.name, request.owner)
        return pb.ReleaseResponse()


async def _data(requests: AsyncIterator[pb.AppendRequest]) -> AsyncIterator[bytes]:
    async for request in requests:
        yield request.data


def _id(octets: bytes) -> UUID | None:
    if not octets:
        return None
    if len(octets) != 16:
        raise Invalid("an id has 16 octets")
    return UUID(bytes=octets)


def _known(kind: type[E], value: str) -> E:
    try:
        return kind(value)
    except ValueError as cause:
        raise Invalid(f"no such {kind.__name__}") from cause
