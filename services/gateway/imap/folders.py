"""Which mailbox a name means. Names come from the reader as text; yubin.mailboxes.names makes them canonical (CASES H7).

INBOX has the same id in every account, and is there for certain. Of other names a session remembers what it has looked up,
and looks each time whether the mailbox of that id still has the name: what is brought by name must not come to lie in a
mailbox that somebody has renamed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.gateway.imap.replies import No
from yubin.errors import NotFound
from yubin.imap import codes
from yubin.mailboxes.names import canonical
from yubin.mailboxes.port import INBOX, Mailbox

if TYPE_CHECKING:
    from services.gateway.imap.session import Session

INBOX_ID = 1  # the first of FIRST
REMEMBERED = 100


async def find(session: Session, name: str) -> Mailbox:
    """Raises No [NONEXISTENT]; Invalid ([CANNOT]) for what can be no name."""
    return await _find(session, name, codes.NONEXISTENT)


async def target(session: Session, name: str, *, look: bool = True) -> int:
    """For APPEND, COPY and MOVE: No [TRYCREATE] says that the client may create it (RFC 9051 6.3.12).

    Without ``look`` nobody is asked about INBOX. What can be said only once needs it: while the mailbox pod is away the look
    waits for it (patient.py).
    """
    if not look and canonical(name) == INBOX:
        return INBOX_ID
    return (await _find(session, name, codes.TRYCREATE)).id


async def _find(session: Session, name: str, code: str) -> Mailbox:
    wanted = canonical(name)
    known = remembered(session, wanted)
    if known is not None:
        try:
            mailbox = await session.account.mailbox(known)
        except NotFound:
            pass
        else:
            if mailbox.name == wanted:
                return mailbox
    return await listed(session, wanted, code)


def remembered(session: Session, wanted: str) -> int | None:
    """The id that a canonical name had when it was last looked up."""
    return INBOX_ID if wanted == INBOX else session.known.get(wanted)


async def listed(session: Session, wanted: str, code: str = codes.NONEXISTENT) -> Mailbox:
    """The mailbox of a canonical name as it is now. Raises No."""
    session.known.pop(wanted, None)
    for mailbox in await session.account.mailboxes():
        if mailbox.name == wanted:
            remember(session, mailbox)
            return mailbox
    raise No("There is no such mailbox", code)


def remember(session: Session, mailbox: Mailbox) -> None:
    if len(session.known) >= REMEMBERED:
        session.known.clear()
    session.known[mailbox.name] = mailbox.id
