"""CREATE (RFC 9051 6.3.4), with a special use (RFC 6154 3) and the new mailbox' identity (RFC 8474 4.2)."""

from __future__ import annotations

from services.gateway.imap import folders
from services.gateway.imap.replies import No, Reply
from services.gateway.imap.session import Session
from services.gateway.imap.status import identity
from yubin.errors import Exists
from yubin.imap import codes
from yubin.imap.commands.create import Args
from yubin.imap.events import Request
from yubin.mailboxes.names import SEPARATOR, canonical

# RFC 6154 2 but for \All and \Flagged, which would be views of other mailboxes; RFC 8457 4
USES = {use.lower(): use for use in ("\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash", "\\Important")}


async def handle(session: Session, request: Request) -> Reply:
    args: Args = request.args
    name = canonical(args.mailbox.removesuffix(SEPARATOR))  # RFC 9051 6.3.4: "more will be made below"
    use = _use(args.use)
    try:
        made = await session.account.create(name, use)
    except Exists as exists:
        if use and name not in {mailbox.name for mailbox in await session.account.mailboxes()}:
            raise No(exists.text, codes.USEATTR) from exists
        raise
    folders.remember(session, made)
    return Reply(text="CREATE completed", code=codes.mailboxid(identity(made)))


def _use(wanted: tuple[str, ...]) -> str:
    """Raises No [USEATTR] for what no mailbox of ours can be (RFC 6154 3)."""
    uses = {USES.get(use.lower(), "") for use in wanted}
    if len(uses) > 1 or "" in uses:
        raise No("A mailbox cannot be used so", codes.USEATTR)
    return uses.pop() if uses else ""
