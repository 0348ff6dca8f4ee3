"""LIST (RFC 9051 6.3.9, RFC 5258), with STATUS behind each mailbox that can be selected (RFC 5819)."""

from __future__ import annotations

import asyncio

from services.gateway.imap import listing, status
from services.gateway.imap.replies import Reply
from services.gateway.imap.session import Session
from yubin.imap import listing as shown
from yubin.imap.commands.list import Args
from yubin.imap.events import Request

TURN = 200  # names between two breaths


async def handle(session: Session, request: Request) -> Reply:
    args: Args = request.args
    if args.patterns == ("",) and not args.extended:  # RFC 3501 6.3.8: what divides levels
        session.write(shown.separator())
        return Reply(text="LIST completed")
    tree = await listing.tree(session, subscribed=listing.wants_subscriptions(args))
    for count, name in enumerate(listing.chosen(tree, args)):
        session.write(shown.list_(name.name, name.attributes, utf8=session.utf8, childinfo=name.below))
        if args.status and name.mailbox is not None:
            session.write(await status.response(session, name.mailbox, args.status))
        await session.breathe()
        if count % TURN == TURN - 1:
            await asyncio.sleep(0)
    return Reply(text="LIST completed")
