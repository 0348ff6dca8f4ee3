"""COMPRESS (RFC 4978): both directions are deflated from behind the OK on."""

from __future__ import annotations

from services.gateway.imap.replies import BadCommand, No, Reply
from services.gateway.imap.session import Session
from yubin.imap import codes
from yubin.imap.events import Request


async def handle(session: Session, request: Request) -> Reply:
    if request.args.algorithm != "DEFLATE":
        raise BadCommand("DEFLATE is the only algorithm")
    if session.stream.compressed:
        raise No("DEFLATE is active already", codes.COMPRESSIONACTIVE)
    return Reply(text="DEFLATE active", then=session.compress)
