"""An account's mailboxes, over HTTP: what is in them, letters out as they are, and letters in.

A mailbox is named by its id, a letter by its UID. A letter that is brought under an ``Idempotency-Key`` is brought once,
for a week and as long as the mailbox lives, so that an import that was interrupted can be said again as a whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

import structlog

from services.api import mailboxes_bodies as bodies
from services.api.http import Call, Route
from services.api.mailboxes_access import Access, Opened
from services.api.mailboxes_entries import behind, newest
from services.api.mailboxes_export import Export
from services.api.mailboxes_search import Search
from services.api.mailboxes_views import hit, mailbox, message
from services.api.streams import Pieces, Streamed
from yubin.errors import Exhausted, Invalid, NotFound, Unauthenticated, Unavailable
from yubin.mail.words import query
from yubin.mailboxes.port import INBOX, Want

log = structlog.get_logger()
KEY_LENGTH = 200
MOST = 1000  # letters of one page
READING = 2  # letters in memory to be searched
LATEST = 253_402_300_799.0  # the last second of the year 9999
_FLAG = re.compile(r"\\?[!#$&'+,./0-9:;<=>?@A-Z\[^_`a-z|}~-]+")  # an atom (RFC 9051 9)


class Mailboxes:
    """One method for each route."""

    def __init__(self, access: Access) -> None:
        self._access, self._reading = access, asyncio.Semaphore(READING)

    def routes(self) -> list[Route]:
        b, account = bodies, "/v1/accounts/{address}"
        one = account + "/mailboxes/{mailbox}"
        return [
            Route(method="GET", path=account + "/mailboxes", handler=self.mailboxes, answer=b.Mailboxes),
            Route(method="POST", path=account + "/mailboxes", handler=self.create_mailbox, body=b.NewMailbox, answer=b.Mailbox, status=201),
            Route(method="GET", path=one + "/messages", handler=self.messages, answer=b.Messages, query=("before", "after", "limit")),
            Route(method="POST", path=one + "/messages", handler=self.append, takes="message/rfc822", answer=b.Appended, query=("flags", "received", "account"), status=201),
            Route(method="GET", path=one + "/messages/{uid}", handler=self.message, gives="message/rfc822"),
            Route(method="GET", path=one + "/mbox", handler=self.export, gives="application/mbox"),
            Route(method="GET", path=account + "/search", handler=self.search, answer=b.Found, query=("words", "mailbox", "limit")),
        ]  # fmt: skip

    async def mailboxes(self, call: Call) -> bodies.Mailboxes:
        """An account's mailboxes by name, and how full it is."""
        opened = await self._open(call)
        with self._session(opened):
            found, usage = await opened.mailboxes.mailboxes(), await opened.mailboxes.usage()
        return bodies.Mailboxes(
            address=opened.owner.address,
            account=opened.owner.id,
            quota=opened.owner.limits.quota,
            used=usage.used,
            messages=usage.messages,
            mailboxes=[mailbox(m) for m in found],
        )

    async def create_mailbox(self, call: Call) -> bodies.Mailbox:
        """Create a mailbox; 409 when there is one of this name."""
        opened = await self._open(call)
        with self._session(opened):
            return mailbox(await opened.mailboxes.create(call.body.name))

    async def messages(self, call: Call) -> bodies.Messages:
        """A mailbox' letters, the newest first, a page at a time; with ``after`` those behind this UID, oldest first."""
        opened, mailbox_id, limit = await self._open(call), _number(call.path["mailbox"]), _limit(call)
        with self._session(opened):
            state = await opened.mailboxes.mailbox(mailbox_id)
            if "after" in call.query:
                found = await behind(opened.mailboxes, mailbox_id, _asked(call, "after"), limit + 1)
            else:
                found = await newest(opened.mailboxes, mailbox_id, _asked(call, "before"), limit + 1)
            flags = {entry.uid: entry.flags for entry in found[:limit]}
            rows = {
                row.uid: row async for row in opened.mailboxes.rows(mailbox_id, sorted(flags), Want.SUMMARY)
            }
        shown = [message(rows[uid], flags[uid]) for uid in flags if uid in rows]
        more = found[limit - 1].uid if len(found) > limit else None
        return bodies.Messages(mailbox=mailbox(state), messages=shown, next=more)

    async def message(self, call: Call) -> Streamed:
        """A letter as it is, octet by octet."""
        opened, mailbox_id, uid = (
            await self._open(call),
            _number(call.path["mailbox"]),
            _number(call.path["uid"]),
        )
        with self._session(opened):
            rows = [row async for row in opened.mailboxes.rows(mailbox_id, [uid], Want.NOTHING)]
            if not rows:
                raise NotFound("there is no such letter")
        export = Export(self._access, opened, mailbox_id)
        return Streamed(pieces=self._held(opened, export.body(uid, rows[0].size)), size=rows[0].size)

    async def export(self, call: Call) -> Streamed:
        """A whole mailbox in mboxrd form, with flags in Status, X-Status and X-Keywords, and dates in From_ lines."""
        opened, mailbox_id = await self._open(call), _number(call.path["mailbox"])
        with self._session(opened):
            await opened.mailboxes.mailbox(mailbox_id)
        log.info("A mailbox is exported.", action="export", account=opened.owner.id, mailbox=mailbox_id)
        return Streamed(pieces=self._held(opened, Export(self._access, opened, mailbox_id).letters()))

    async def append(self, call: Call) -> bodies.Appended:
        """Put a letter into a mailbox as it is: ``flags`` divided by spaces, ``received`` as 2026-11-21T21:36:21Z.

        ``account`` is the id that the list of mailboxes tells: 404 where the address is another account's by now.
        """
        mailbox_id, flags, received = _number(call.path["mailbox"]), _flags(call), _received(call)
        if call.octets is None:
            raise Invalid("there is no letter")
        opened = await self._open(call)
        key = call.headers.get("idempotency-key", "")
        with self._session(opened):
            place = await opened.mailboxes.append(
                mailbox_id,
                aiter(call.octets),
                call.length,
                flags=flags,
                received=received,
                delivery_id=_delivery(opened, mailbox_id, key) if key else None,
            )
        return bodies.Appended(
            mailbox=place.mailbox_id, uidvalidity=place.uidvalidity, uid=place.uid, fresh=place.fresh
        )

    async def search(self, call: Call) -> bodies.Found:
        """Letters that have all the words, in the header or in the body; of one mailbox, or of all, INBOX first."""
        wanted = query(call.query.get("words", ""))
        if not wanted:
            raise Invalid("words: name at least one word")
        opened, limit = await self._open(call), _limit(call)
        with self._session(opened):
            if "mailbox" in call.query:
                chosen = [await opened.mailboxes.mailbox(_asked(call, "mailbox"))]
            else:
                every = await opened.mailboxes.mailboxes()
                chosen = sorted(every, key=lambda m: (m.name != INBOX, m.name))
            found = await Search(opened.mailboxes, wanted, self._reading).run(chosen, limit)
        return bodies.Found(
            found=[hit(box, row) for box, row in found.rows], more=found.more, unknown=found.unknown
        )

    async def _open(self, call: Call) -> Opened:
        """Raises NotFound."""
        address, tenant = call.path["address"], call.principal.tenant
        if account := call.query.get("account", ""):
            return await self._access.same(address, tenant, account)
        return await self._access.open(address, tenant)

    @contextlib.contextmanager
    def _session(self, opened: Opened) -> Iterator[None]:
        """That a session has ended is no fault of the caller's; who raises a quota wants it to count at once."""
        try:
            yield
        except Unauthenticated as cause:
            self._access.drop(opened)
            raise Unavailable("the mailboxes could not be opened; try again") from cause
        except Exhausted:
            self._access.drop(opened)
            raise

    async def _held(self, opened: Opened, pieces: Pieces) -> Pieces:
        async with contextlib.aclosing(pieces):
            with self._session(opened):
                async for piece in pieces:
                    yield piece


def _delivery(opened: Opened, mailbox_id: int, key: str) -> UUID:
    """Raises Invalid."""
    if len(key) > KEY_LENGTH:
        raise Invalid(f"Idempotency-Key is longer than {KEY_LENGTH} characters")
    framed = f"append\0{opened.owner.id}\0{mailbox_id}\0{key}"
    return UUID(bytes=sha256(framed.encode("utf-8", "surrogatepass")).digest()[:16])


def _flags(call: Call) -> frozenset[str]:
    """Raises Invalid."""
    flags = call.query.get("flags", "").split()
    wrong = [flag for flag in flags if not _FLAG.fullmatch(flag)]
    if wrong:
        raise Invalid(f"{wrong[0][:40]!r} is no flag")
    return frozenset(flags)


def _received(call: Call) -> float | None:
    text = call.query.get("received", "")
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as cause:
        raise Invalid("received is a date and time like 2026-11-21T21:36:21Z") from cause
    return min(max(1.0, at.replace(tzinfo=at.tzinfo or UTC).timestamp()), LATEST)


def _limit(call: Call) -> int:
    limit = _number(call.query.get("limit", "100"))
    if not 1 <= limit <= MOST:
        raise Invalid(f"limit is a number from 1 to {MOST}")
    return limit


def _asked(call: Call, name: str) -> int:
    return _number(call.query.get(name, "0"))


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 10:
        raise Invalid(f"{text[:40]!r} is no number")
    return int(text)
