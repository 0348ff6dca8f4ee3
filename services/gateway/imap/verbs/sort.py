"""SORT and UID SORT (RFC 5256 3, RFC 5957), with RETURN (RFC 5267 3) and PARTIAL (RFC 9394 3.1)."""

from __future__ import annotations

from time import time

from services.gateway.imap.ordering import ordered
from services.gateway.imap.replies import Reply
from services.gateway.imap.results import Answer, by_modseq, kept_or_nothing
from services.gateway.imap.searching import find
from services.gateway.imap.session import Session
from yubin.imap import results
from yubin.imap.commands.sort import Args
from yubin.imap.events import Request
from yubin.imap.sort import Sorting


async def handle(session: Session, request: Request) -> Reply:
    args: Args = request.args
    modseq = by_modseq(session, args.key)

    async def found() -> list[int]:
        return await ordered(session, await find(session, args.key, time()), Sorting(args.criteria))

    places = await kept_or_nothing(session, args.returns, found)
    answer = Answer(session, places, args.returns, args.partial)
    if "SAVE" in args.returns:
        session.box.saved = answer.kept()
    if args.returns:
        session.write(answer.response(request.tag, uid=request.uid, modseq=modseq))
    else:
        numbers = answer.numbers(places, uid=request.uid)
        session.write(results.sort(numbers, answer.modseq(places) if modseq else None))
    return Reply(text="SORT completed")
