"""FETCH and UID FETCH (RFC 9051 6.4.5), with CHANGEDSINCE and VANISHED (RFC 7162 3.1.4.1, 3.2.6) and PARTIAL (RFC 9394 3.3)."""

from __future__ import annotations

from services.gateway.imap import qresync, selecting
from services.gateway.imap.fetching import Fetching
from services.gateway.imap.replies import BadCommand, Reply
from services.gateway.imap.session import Session
from yubin.imap.commands import items
from yubin.imap.commands.fetch import Args
from yubin.imap.events import Request
from yubin.imap.results import partial


async def handle(session: Session, request: Request) -> Reply:
    args: Args = request.args
    asked, selected = args.items, session.box
    if args.changed_since is not None and items.ModSeq() not in asked:
        asked = (*asked, items.ModSeq())  # RFC 7162 3.1.4.1
    if args.vanished and not session.qresync:
        raise BadCommand("ENABLE QRESYNC first")  # RFC 7162 3.2.6
    uids = selected.resolve(args.set, request.uid)
    if items.ModSeq() in asked and not session.condstore:  # RFC 7162 3.1
        session.enable("CONDSTORE")
        selecting.tell_modseq(session)
    if args.changed_since is not None:
        uids = [uid for uid in uids if selected.modseqs[selected.place(uid)] > args.changed_since]
        if args.vanished:
            await qresync.tell_missing(session, selected, args.changed_since, args.set)
    if args.partial is not None:
        uids = list(partial(uids, args.partial).numbers)
    fetching = Fetching(session, asked, uid=request.uid)
    await fetching.run(uids)
    return fetching.reply("FETCH completed")
