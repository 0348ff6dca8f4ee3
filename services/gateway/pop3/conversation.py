"""One POP3 connection: octets between the client and the session, and what the session needs from the house.

Replies leave in one write when nothing is left to obey (RFC 2449 6.8) or when there are many; then it waits until the
client has read. A client that says nothing for too long is left without a word (RFC 1939 3).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from services.gateway import metrics
from services.gateway.connection import HIGH, Connection, Ended
from services.gateway.pop3.visit import Visit
from yubin.accounts.exchange import ask
from yubin.accounts.port import Identity
from yubin.errors import Exhausted, Failure, Internal, Unauthenticated, Unavailable
from yubin.pop3.maildrop import Maildrop
from yubin.pop3.needs import Letter, Login, Need, Open, Prove, Update, Wait
from yubin.pop3.reply import InUse
from yubin.pop3.session import Session
from yubin.runtime import tracing
from yubin.runtime.metrics import ERRORS
from yubin.sasl.mechanism import Claim, Credentials, Offer, Proven

if TYPE_CHECKING:
    from services.gateway.pop3.service import Pop3

log = structlog.get_logger()
PROTOCOL = "pop3"
OUTCOMES = {InUse: "in-use", Unauthenticated: "wrong", Exhausted: "throttled", Unavailable: "away"}


def _note(verb: str, outcome: str) -> None:
    metrics.command(PROTOCOL, verb, outcome).inc()


class Conversation:
    def __init__(self, house: Pop3, connection: Connection) -> None:
        self._house, self._connection = house, connection
        self._clock = asyncio.get_running_loop().time
        self._session = Session(house.terms, tls=connection.tls, clock=self._clock, note=_note)
        self._visit: Visit | None = None
        self._login_until = self._clock() + house.login_timeout
        self._account = ""

    async def run(self) -> None:
        self._connection.at_once = self._at_once
        try:
            await self._converse()
        finally:
            self._session.close()
            if self._visit is not None:
                await self._visit.end()
                self._logout(self._visit)

    async def _converse(self) -> None:
        session = self._session
        while not session.over:
            need = session.advance()
            while need is not None:
                if session.pending > HIGH:
                    await self._flush()
                letter = self._at_hand(need)
                need = await self._satisfied(need) if letter is None else session.deliver(letter)
            await self._flush()
            if not session.over:
                session.feed(await self._connection.read(self._patience()))

    def _patience(self) -> float:
        if self._visit is not None:
            return self._house.idle
        return max(0.0, min(self._house.idle, self._login_until - self._clock()))

    async def _flush(self) -> None:
        if self._session.pending:
            self._connection.write(self._session.take())
            await self._connection.drain(self._house.idle)

    def _at_once(self, octets: bytes) -> bool:
        """Of a client who is logged in, what needs no waiting: nearly all that comes is the next RETR."""
        if self._visit is None:
            return False
        session = self._session
        session.feed(octets)
        need = session.advance()
        while session.pending <= HIGH and need is not None and (letter := self._at_hand(need)) is not None:
            need = session.deliver(letter)
        if need is None and session.pending:
            self._connection.write(session.take())
        if need is not None or session.over:
            self._connection.nudge()
        return True

    def _at_hand(self, need: Need) -> bytes | None:
        """A letter that was read ahead: nobody is asked, and there is nothing to follow."""
        if self._visit is None or not isinstance(need, Open):
            return None
        return self._visit.reader.ready(need.number)

    async def _satisfied(self, need: Need) -> Need | None:
        """The next need."""
        try:
            answer = await self._answer(need)
        except Failure as failure:
            if isinstance(failure, Unauthenticated) and not isinstance(need, Login | Prove):
                self._connection.dismiss(failure)  # the session has ended
            return self._session.fail(failure)
        except Ended:
            raise
        except Exception:  # the command loop: one of the three places that catch all
            log.exception("A command failed for a reason of our own.", action=PROTOCOL)
            ERRORS.labels("gateway").inc()
            return self._session.fail(Internal("Internal error"))
        return self._session.answer(answer)

    async def _answer(self, need: Need) -> Maildrop | Offer | Proven | bytes | None:
        if isinstance(need, Login):
            return await self._login(Credentials(login=need.login, password=need.password))
        if isinstance(need, Prove):
            return await self._login(need.claim)
        if need is Wait.START_TLS:
            self._connection.write(self._session.take())
            await self._connection.start_tls()
            return None
        if need is Wait.ROOM:
            await self._flush()
            await asyncio.sleep(0)  # others have their turn
            return None
        return await self._read(self._inside(), need)

    async def _read(self, visit: Visit, need: Need) -> bytes | None:
        if isinstance(need, Open):
            with tracing.span(f"gateway.pop3.{need.verb}"), metrics.seconds(PROTOCOL, "open").time():
                return await visit.reader.open(need.number)
        if isinstance(need, Update):
            with tracing.span("gateway.pop3.QUIT"), metrics.seconds(PROTOCOL, "update").time():
                await visit.update(need.deleted)
            return None
        if need is Letter.MORE:
            return await visit.reader.more()
        await visit.reader.enough()
        return None

    def _inside(self) -> Visit:
        if self._visit is None:
            raise Internal("nobody has logged in")
        return self._visit

    # ── the login ──

    async def _login(self, claim: Claim) -> Maildrop | Offer | Proven:
        peer = self._connection.peer
        try:
            with tracing.span("gateway.pop3.login"), metrics.seconds(PROTOCOL, "login").time():
                answer = await ask(self._house.authenticator, claim, peer=peer, service=PROTOCOL)
                if isinstance(answer, Offer):
                    return answer
                identity: Identity = answer.who if isinstance(answer, Proven) else answer
                self._visit = await Visit.begin(self._house, self._connection, identity)
        except Failure as failure:
            metrics.LOGINS.labels(PROTOCOL, OUTCOMES.get(type(failure), "error")).inc()
            raise
        metrics.LOGINS.labels(PROTOCOL, "ok").inc()
        self._account = identity.account
        maildrop = self._visit.maildrop
        log.info(
            "A client logged in.",
            action="login",
            protocol=PROTOCOL,
            account=self._account,
            peer=peer,
            messages=maildrop.count,
        )
        return Proven(message=answer.message, who=maildrop) if isinstance(answer, Proven) else maildrop

    def _logout(self, visit: Visit) -> None:
        log.info(
            "A client left.",
            action="logout",
            protocol=PROTOCOL,
            account=self._account,
            peer=self._connection.peer,
            retrieved=len(visit.maildrop.retrieved),
            removed=visit.removed,
        )
