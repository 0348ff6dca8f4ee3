"""LOGIN (RFC 9051 6.2.3)."""

from __future__ import annotations

from services.gateway.imap import auth
from services.gateway.imap.replies import Reply
from services.gateway.imap.session import Session
from yubin.imap.commands.login import Args
from yubin.imap.events import Request
from yubin.sasl.mechanism import Credentials


async def handle(session: Session, request: Request) -> Reply:
    auth.allowed(session)
    args: Args = request.args
    credentials = Credentials(login=args.user, password=args.password)
    return await auth.enter(session, auth.ask(session, credentials), "LOGIN completed")
