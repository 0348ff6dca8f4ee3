r"""LSUB (RFC 3501 6.3.9): subscribed names; a level above one, for a pattern that ends with "%", is told as \Noselect."""

from __future__ import annotations

from services.gateway.imap import listing, patterns
from services.gateway.imap.replies import Reply
from services.gateway.imap.session import Session
from yubin.imap import listing as shown
from yubin.imap.commands.lsub import Args
from yubin.imap.events import Request


async def handle(session: Session, request: Request) -> Reply:
    args: Args = request.args
    if not args.pattern:
        session.write(shown.separator().replace(b"* LIST", b"* LSUB", 1))
        return Reply(text="LSUB completed")
    matches = patterns.matcher(args.reference + args.pattern)
    subscribed = set(await session.account.subscriptions())
    over = {level for name in subscribed for level in listing.above(name)} if "%" in args.pattern else set()
    for name in sorted(subscribed | over):
        if matches(name):
            attributes = [] if name in subscribed else [shown.NOSELECT]
            session.write(shown.lsub(name, attributes, utf8=session.utf8))
            await session.breathe()
    return Reply(text="LSUB completed")
