"""SETQUOTA (RFC 9208 4.1.2): limits are the operator's business."""

from __future__ import annotations

from services.gateway.imap.replies import No, Reply
from services.gateway.imap.session import Session
from yubin.imap import codes
from yubin.imap.events import Request


async def handle(session: Session, request: Request) -> Reply:  # noqa: ARG001
    raise No("Limits are not changed here", codes.NOPERM)
