"""One page of a mailbox' entries, from either end; no more of it is held than is asked for."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass

from yubin.mailboxes.account import Account
from yubin.mailboxes.flags import names


@dataclass(frozen=True, kw_only=True)
class Entry:
    uid: int
    flags: frozenset[str]


async def behind(account: Account, mailbox_id: int, uid: int, most: int) -> list[Entry]:
    """Ascending."""
    found: list[Entry] = []
    async for page in account.view(mailbox_id, after=uid):
        for uid_, bits in zip(page.uids, page.flags, strict=True):
            if len(found) == most:
                return found
            found.append(Entry(uid=uid_, flags=names(bits, page.keywords)))
    return found


async def newest(account: Account, mailbox_id: int, below: int, most: int) -> list[Entry]:
    """Descending, below a UID (0: all)."""
    found: deque[Entry] = deque(maxlen=most)
    async for page in account.view(mailbox_id):
        stop = bisect_left(page.uids, below) if below else len(page.uids)
        first = max(0, stop - most)
        pairs = zip(page.uids[first:stop], page.flags[first:stop], strict=True)
        found.extend(Entry(uid=uid, flags=names(bits, page.keywords)) for uid, bits in pairs)
        if stop < len(page.uids):
            break
    return list(reversed(found))
