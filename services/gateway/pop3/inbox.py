"""INBOX as a maildrop: a snapshot of UIDs and sizes at login (RFC 1939 4)."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from yubin.errors import NotFound
from yubin.mailboxes.account import Account
from yubin.mailboxes.packed import lowest, narrow
from yubin.mailboxes.port import FIRST, INBOX, SystemFlag
from yubin.pop3.maildrop import Maildrop

FIRST_ID = 1 + [name for name, _ in FIRST].index(INBOX)  # the id that INBOX has from the beginning
_SEEN = bytes([octet & SystemFlag.SEEN for octet in range(256)])


@dataclass(frozen=True, kw_only=True)
class Inbox:
    """``seen`` has one octet for each message: whether it had been read at login."""

    id: int
    maildrop: Maildrop
    seen: bytes


async def snapshot(account: Account) -> Inbox:
    """Twelve octets for each message, and one."""
    found = await _pages(account, FIRST_ID)
    return found or await _pages(account, await _look(account)) or _empty()


async def _pages(account: Account, mailbox_id: int) -> Inbox | None:
    """None when the mailbox is not INBOX."""
    uids, sizes, seen, uidvalidity = array("I"), array("Q"), bytearray(), 0
    async for page in account.view(mailbox_id):
        if page.state.name != INBOX:
            return None
        uidvalidity = page.state.uidvalidity
        uids.extend(narrow(page.uids))
        sizes.extend(array("Q", page.sizes))
        seen += lowest(page.flags).translate(_SEEN)
    return Inbox(id=mailbox_id, maildrop=Maildrop(uidvalidity, uids, sizes), seen=bytes(seen))


async def _look(account: Account) -> int:
    for mailbox in await account.mailboxes():
        if mailbox.name == INBOX:
            return mailbox.id
    raise NotFound("There is no INBOX")


def _empty() -> Inbox:
    return Inbox(id=FIRST_ID, maildrop=Maildrop(0, (), ()), seen=b"")
