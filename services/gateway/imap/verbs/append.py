"""APPEND (RFC 9051 6.3.12), of one letter or several (RFC 3502); appending.py takes them."""

from __future__ import annotations

from services.gateway.imap import appending
from services.gateway.imap.replies import BadCommand, Reply
from services.gateway.imap.session import Session
from yubin.imap.events import Message, Request


async def handle(session: Session, request: Request) -> Reply:  # noqa: ARG001
    raise BadCommand("APPEND needs a letter")


async def receive(session: Session, message: Message) -> Reply:
    appended = await appending.receive(session, message)
    appending.tell(session, appended)  # EXISTS comes before the tagged OK
    return Reply(text="APPEND completed", code=appended.code)
