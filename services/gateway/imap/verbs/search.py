"""SEARCH and UID SEARCH (RFC 9051 6.4.4), with RETURN (RFC 4731), SAVE (RFC 5182) and PARTIAL (RFC 9394 3.1)."""

from __future__ import annotations

from time import time

from services.gateway.imap.replies import BadCommand, Reply
from services.gateway.imap.results import Answer, by_modseq, kept_or_nothing
from services.gateway.imap.searching import find
from services.gateway.imap.session import Session
from yubin.imap import results
from yubin.imap.commands.search import Args
from yubin.imap.events import Request


async def handle(session: Session, request: Request) -> Reply:
    args: Args = request.args
    if args.charset and "UTF8=ACCEPT" in session.enabled:  # RFC 6855 3
        raise BadCommand("With UTF8=ACCEPT a search has no charset")
    modseq = by_modseq(session, args.key)
    places = await kept_or_nothing(session, args.returns, lambda: find(session, args.key, time()))
    # RFC 9051 6.4.4: of IMAP4rev2 the answer is ESEARCH always
    returns = args.returns or (frozenset({"ALL"}) if session.rev2 else frozenset())
    answer = Answer(session, places, returns, args.partial)
    if "SAVE" in returns:
        session.box.saved = answer.kept()
    if returns:
        session.write(answer.response(request.tag, uid=request.uid, modseq=modseq))
    else:
        numbers = answer.numbers(places, uid=request.uid)
        session.write(results.search(numbers, answer.modseq(places) if modseq else None))
    return Reply(text="SEARCH completed")
