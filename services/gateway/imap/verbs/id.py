"""ID (RFC 2971): who we are; what the client says of itself is for the log, as far as it is plain text."""

from __future__ import annotations

import structlog

from services.gateway.imap.replies import Reply
from services.gateway.imap.session import Session
from yubin.imap import responses
from yubin.imap.events import Request

log = structlog.get_logger()
OURS = {"name": "Yubin"}
TOLD = ("name", "version")
LONGEST = 100  # characters in the log


async def handle(session: Session, request: Request) -> Reply:
    said = {name: (value or "")[:LONGEST] for name, value in request.args.pairs if name in TOLD}
    log.debug("A client says who it is.", action="id", peer=session.connection.peer, client=said)
    session.write(responses.identity(OURS))
    return Reply(text="ID completed")
