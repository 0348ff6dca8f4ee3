"""The login, whichever command asks for it: who it is, a place among the user's sessions, and what is counted."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

import structlog

from services.gateway import metrics
from services.gateway.again import again
from services.gateway.imap import capability
from services.gateway.imap.replies import No, Reply
from services.gateway.imap.visit import Visit
from yubin.accounts import exchange
from yubin.accounts.port import Identity
from yubin.errors import Exhausted, Failure, Unauthenticated, Unavailable
from yubin.imap import codes
from yubin.runtime import tracing
from yubin.sasl.mechanism import Claim

if TYPE_CHECKING:
    from services.gateway.imap.session import Session

log = structlog.get_logger()
PROTOCOL = "imap"
OUTCOMES = {Unauthenticated: "wrong", Exhausted: "throttled", Unavailable: "away"}


def allowed(session: Session) -> None:
    """Raises No [PRIVACYREQUIRED] where a password would go in clear (RFC 5530 3)."""
    if not capability.may_log_in(session):
        raise No("Use TLS first", codes.PRIVACYREQUIRED)


async def enter(session: Session, who: Awaitable[Identity], done: str) -> Reply:
    """``who`` is found out here. The tagged OK has the capabilities behind the login (RFC 9051 7.1). Raises No, Failure."""
    try:
        with tracing.span("gateway.imap.login"), metrics.seconds(PROTOCOL, "login").time():
            session.visit = await Visit.begin(session.house, session.connection, await who)
    except No:
        metrics.LOGINS.labels(PROTOCOL, "limit").inc()
        raise
    except Failure as failure:
        metrics.LOGINS.labels(PROTOCOL, OUTCOMES.get(type(failure), "error")).inc()
        if isinstance(failure, Unauthenticated):
            session.failures += 1
        raise
    session.reader.logged_in = True
    session.until = session.house.clock() + session.house.idle
    metrics.LOGINS.labels(PROTOCOL, "ok").inc()
    log.info(
        "A client logged in.",
        action="login",
        protocol=PROTOCOL,
        account=session.identity.account,
        peer=session.connection.peer,
    )
    return Reply(text=done, code=codes.capability(capability.names(session)))


async def ask(session: Session, claim: Claim) -> Any:
    """Is it so? Raises Failure."""
    peer, directory = session.connection.peer, session.house.authenticator
    return await again(lambda: exchange.ask(directory, claim, peer=peer, service=PROTOCOL))


def left(session: Session) -> None:
    """The log's line at the end."""
    log.info(
        "A client left.",
        action="logout",
        protocol=PROTOCOL,
        account=session.identity.account,
        peer=session.connection.peer,
        commands=session.commands,
    )
