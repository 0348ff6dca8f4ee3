"""What STATUS says of a mailbox, also behind LIST and NOTIFY (RFC 9051 6.3.11, RFC 5819, RFC 5465).

All but two items come with the mailbox itself. RECENT and DELETED-STORAGE are counted in its pages, and only where there is
something to count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from yubin.imap import flags as shown
from yubin.imap import listing, quota
from yubin.mailboxes.port import Mailbox

if TYPE_CHECKING:
    from services.gateway.imap.session import Session

ITEMS: Mapping[str, Callable[[Mailbox], int | str]] = {
    "MESSAGES": lambda m: m.messages,
    "UIDNEXT": lambda m: m.uidnext,
    "UIDVALIDITY": lambda m: m.uidvalidity,
    "UNSEEN": lambda m: m.unseen,
    "DELETED": lambda m: m.deleted,  # RFC 9051 6.3.11
    "SIZE": lambda m: m.size,  # RFC 8438
    "HIGHESTMODSEQ": lambda m: max(1, m.modseq),  # RFC 7162 3.1.7
    "MAILBOXID": lambda m: f"F{m.id}",
}


def identity(mailbox: Mailbox) -> str:
    """MAILBOXID (RFC 8474 4): an id that is never used again in its account."""
    return str(ITEMS["MAILBOXID"](mailbox))


async def response(session: Session, mailbox: Mailbox, items: Iterable[str]) -> bytes:
    """HIGHESTMODSEQ says that the client knows CONDSTORE (RFC 7162 3.1)."""
    wanted = list(items)
    if "HIGHESTMODSEQ" in wanted:
        session.enable("CONDSTORE")
    values = {item: await _value(session, mailbox, item) for item in wanted}
    return listing.status(mailbox.name, values, utf8=session.utf8)


async def _value(session: Session, mailbox: Mailbox, item: str) -> int | str:
    if item == "APPENDLIMIT":  # RFC 7889 3.2
        return session.limits.append
    if item == "RECENT":
        return await _recent(session, mailbox)
    if item == "DELETED-STORAGE":  # RFC 9208 5.2
        return quota.units(await _deleted(session, mailbox))
    return ITEMS[item](mailbox)


async def _recent(session: Session, mailbox: Mailbox) -> int:
    if mailbox.first_recent >= mailbox.uidnext:
        return 0
    pages = session.account.view(mailbox.id, after=mailbox.first_recent - 1)
    return sum([len(page.uids) async for page in pages])


async def _deleted(session: Session, mailbox: Mailbox) -> int:
    if not mailbox.deleted:
        return 0
    found = 0
    async for page in session.account.view(mailbox.id):
        marked = zip(page.flags, page.sizes, strict=True)
        found += sum(size for bits, size in marked if bits & shown.DELETED)
    return found
