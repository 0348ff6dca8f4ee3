"""ENABLE (RFC 5161, RFC 9051 6.3.1). It is obeyed in the selected state too, and says then what that changes."""

from __future__ import annotations

from collections.abc import Mapping

from services.gateway.imap import selecting
from services.gateway.imap.replies import Reply
from services.gateway.imap.session import Session
from yubin.imap import responses
from yubin.imap.events import Request

KNOWN: Mapping[str, str] = {  # as it is asked for, and as it is announced
    "CONDSTORE": "CONDSTORE",  # RFC 7162 3.1
    "QRESYNC": "QRESYNC",  # RFC 7162 3.2.3
    "UTF8=ACCEPT": "UTF8=ACCEPT",  # RFC 6855 3
    "IMAP4REV2": "IMAP4rev2",  # RFC 9051
}


async def handle(session: Session, request: Request) -> Reply:
    wanted = [name for name in dict.fromkeys(request.args.capabilities) if name in KNOWN]
    before = session.condstore
    session.enable(*wanted)
    session.write(responses.enabled([KNOWN[name] for name in wanted]))
    if session.condstore and not before:
        selecting.tell_modseq(session)
    return Reply(text="ENABLE completed")
