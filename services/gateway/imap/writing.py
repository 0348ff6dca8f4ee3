"""What the verbs that change the selected mailbox have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from services.gateway.imap import selecting
from services.gateway.imap.replies import No
from services.gateway.imap.selected import Selected
from yubin.errors import Failure, NotFound
from yubin.imap import codes

if TYPE_CHECKING:
    from services.gateway.imap.session import Session

log = structlog.get_logger()


def writable(session: Session) -> Selected:
    """Raises No behind EXAMINE (RFC 9051 6.3.3)."""
    if session.box.read_only:
        raise No("The mailbox was selected for reading only", codes.READ_ONLY)
    return session.box


async def highest(session: Session, modseq: int) -> str:
    """HIGHESTMODSEQ for the tagged OK of what has expunged messages (RFC 7162 3.2.7, 3.2.9); "" for who does not know it.

    ``modseq``: of our own change. The client will take everything up to it for known, so that what others have changed
    meanwhile is told before.
    """
    selected = session.box
    alone = not selected.stale and selected.did(modseq)
    if not session.condstore:
        return ""
    if alone and not selected.gone:
        return codes.highestmodseq(modseq)
    try:
        await selecting.refresh(session, expunges=True)
    except NotFound:
        raise
    except Failure as failure:
        log.info("What is new was not told.", action="imap", why=failure.text)
        return ""
    return codes.highestmodseq(session.box.modseq)
