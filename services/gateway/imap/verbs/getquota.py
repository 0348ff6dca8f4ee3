"""GETQUOTA (RFC 9208 4.1.1). There is one root, with the empty name: the whole account."""

from __future__ import annotations

from services.gateway.imap.replies import No, Reply
from services.gateway.imap.session import Session
from yubin.imap import codes, quota
from yubin.imap.events import Request


async def handle(session: Session, request: Request) -> Reply:
    if request.args.root != quota.ROOT:
        raise No("There is no such quota root", codes.NONEXISTENT)
    session.write(await usage(session))
    return Reply(text="GETQUOTA completed")


async def usage(session: Session) -> bytes:
    """The QUOTA response; without a limit it has no resource."""
    if not session.quota:
        return quota.quota({})
    used = (await session.account.usage()).used
    return quota.quota({"STORAGE": (quota.units(used), session.quota // quota.UNIT)})
