"""One IMAP connection: events from the reader, a verb from the table, a tagged reply, until it ends.

Commands are obeyed one after another, however many the client sends at once; what they answer leaves in one write when
nothing is left to obey, or when there is much, and then it waits until the client has read. A command that fails for a
reason of our own is NO [SERVERBUG] and the session goes on; a session that ends without LOGOUT is told BYE where somebody
can still hear it (RFC 9051 7.1.5).
"""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING

import structlog

from services.gateway import metrics
from services.gateway.connection import Connection, Ended, Expired
from services.gateway.imap import auth, capability, selecting, states, updates
from services.gateway.imap.replies import BadCommand, No, Reply
from services.gateway.imap.session import Session, State, Unintelligible
from services.gateway.imap.states import Verb
from yubin.errors import Failure, Internal, NotFound, Unauthenticated
from yubin.imap import codes, responses
from yubin.imap.events import Broken, Event, GoAhead, Message, Request, Syntax
from yubin.imap.responses import UNTAGGED
from yubin.runtime import tracing
from yubin.runtime.metrics import ERRORS

if TYPE_CHECKING:
    from services.gateway.imap.service import Imap

log = structlog.get_logger()
PROTOCOL = "imap"
TURN = 50  # commands that are obeyed before others have their turn
FRESH = 1.0  # seconds for which nobody looks again whether the mailbox has changed, unless there is a hint


class Conversation:
    def __init__(self, house: Imap, connection: Connection) -> None:
        self._house = house
        self._session = Session(house, connection)
        self._errors = 0  # in a row
        self._login_until = house.clock() + house.login_timeout

    async def run(self) -> None:
        session = self._session
        session.until = self._login_until
        session.write(
            responses.ok(
                UNTAGGED, f"{self._house.hostname} ready", codes.capability(capability.names(session))
            )
        )
        try:
            await self._converse()
            await session.flush()
        except Unintelligible as end:
            session.write(responses.bye(end.broken.text, end.broken.code))
            await session.flush()
        except Expired:
            session.write(responses.bye("Autologout; nothing was said for too long"))
            await session.flush()
            raise
        finally:
            await self._leave()

    async def _leave(self) -> None:
        session = self._session
        if session.visit is not None:
            auth.left(session)
            await selecting.end(session)

    async def _converse(self) -> None:
        session = self._session
        while not session.over:
            event = session.reader.next()
            if event is None:
                await self._wait()
                continue
            await self._answer(event)
            await session.breathe()
            if session.commands % TURN == TURN - 1:
                await asyncio.sleep(0)

    async def _wait(self) -> None:
        """For octets; meanwhile NOTIFY tells what happens (RFC 5465)."""
        session = self._session
        if session.notify is not None:
            await session.notify.listen(session)
        if await session.more():
            self._prolong()

    def _prolong(self) -> None:
        """RFC 9051 5.4; before login there is one time for everything."""
        if self._session.visit is not None:
            self._session.until = self._house.clock() + self._house.idle

    async def _answer(self, event: Event) -> None:
        session = self._session
        match event:
            case Request():
                await self._command(event)
            case GoAhead():
                session.write(responses.continuation())
            case Message():
                await self._command(event)
            case Syntax():
                answer = responses.no if event.status == "NO" else responses.bad
                session.write(answer(event.tag, event.text, event.code))
                self._wrong("other", "no" if event.status == "NO" else "bad")
            case Broken():
                raise Unintelligible(event)

    # ── a command ──

    async def _command(self, event: Request | Message) -> None:
        session, name = self._session, event.name
        session.commands += 1
        if session.state is State.NOT_AUTHENTICATED and session.commands > self._house.early:
            raise Unintelligible(Broken("Too many commands before login"))
        verb = states.TABLE[session.state].get(name)
        if verb is None:
            if isinstance(event, Message):
                session.reader.refuse()
            session.write(responses.bad(event.tag, "This command is not for this state"))
            self._wrong(name, "bad")
            return
        await self._obey(verb, event)

    async def _obey(self, verb: Verb, event: Request | Message) -> None:
        """The reply leaves before what is to be done behind it."""
        session, began, outcome = self._session, perf_counter(), "ok"
        reply: Reply | None = None
        try:
            with tracing.span(f"gateway.imap.{event.name}"):
                reply = await verb.run(session, event)
                line = responses.ok(event.tag, reply.text, reply.code)
        except No as no:
            outcome, line = "no", responses.no(event.tag, no.text, no.code)
        except BadCommand as bad:
            outcome, line = "bad", responses.bad(event.tag, bad.text, bad.code)
        except Failure as failure:
            outcome, line = "no", self._failed(event.tag, failure)
        except (Ended, Unintelligible):
            raise
        except Exception:  # the command loop: one of the three places that catch all
            log.exception("A command failed for a reason of our own.", action=PROTOCOL, verb=event.name)
            ERRORS.labels("gateway").inc()
            outcome, line = "no", responses.failure(event.tag, Internal("Internal error"))
        await self._news(verb, event)
        session.write(line)
        self._count(event.name, outcome, perf_counter() - began)
        if reply is not None and reply.then is not None:
            await session.flush()
            await reply.then()

    def _failed(self, tag: bytes, failure: Failure) -> bytes:
        session = self._session
        if isinstance(failure, Unauthenticated):
            if session.visit is not None:  # the session has ended (DESIGN 6)
                session.connection.dismiss(failure)
            elif session.failures >= self._house.login_failures:
                session.over = True
                return responses.failure(tag, failure) + responses.bye("Too many wrong logins")
        return responses.failure(tag, failure)

    async def _news(self, verb: Verb, event: Request | Message) -> None:
        """What has happened in the selected mailbox, before the tagged reply (RFC 9051 5.2).

        Who knows MODSEQs takes the highest that it has seen for all up to it (RFC 7162 3.2), also that of its own change.
        """
        session, selected = self._session, self._session.selected
        if selected is None or session.over or not verb.tells:
            return
        heard = session.watching is not None and session.watching.heard_of(selected.mailbox.id)
        late = self._house.clock() - selected.looked >= FRESH
        ahead = session.condstore and bool(selected.own)
        try:
            if verb.looks or heard or selected.stale or late or ahead:
                await selecting.refresh(session, expunges=verb.expunges or event.uid)
        except NotFound:
            session.over = True
            session.write(responses.bye("The selected mailbox was deleted"))
        except Failure as failure:
            log.info("What is new was not told.", action=PROTOCOL, why=failure.text)
        updates.tell_reach(selected, session)

    def _count(self, name: str, outcome: str, seconds: float) -> None:
        metrics.command(PROTOCOL, name, outcome).inc()
        metrics.seconds(PROTOCOL, name.lower()).observe(seconds)
        self._errors = self._errors + 1 if outcome == "bad" else 0

    def _wrong(self, name: str, outcome: str) -> None:
        self._session.commands += 1
        metrics.command(PROTOCOL, name, outcome).inc()
        self._errors += 1
        if self._errors >= self._house.errors:
            raise Unintelligible(Broken("Too many errors"))
