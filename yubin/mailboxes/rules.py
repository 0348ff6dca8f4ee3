"""What every store of mailboxes decides in the same way: who is refused, what a rename does to names below.

Of several reasons to refuse a letter the first one counts, in the order: mailbox, flags, quota, keywords. In STORE flags
are looked at first, since nobody need be asked about them.
"""

from __future__ import annotations

from collections.abc import Iterable

from yubin.errors import Exhausted, Exists, Invalid, NotFound
from yubin.mailboxes.names import LEVELS, NAME_LIMIT, SEPARATOR
from yubin.mailboxes.port import DELIVERED_KEPT, MAILBOXES

# Whoever deletes an account for good takes this lease of it after Forget. When it ends the sweep forgets the account once
# more: a pod that remembered it, a session that was open, or a letter that waited in the ledger (5 days at most) may
# have brought it back, and no session is given for it any more.
GONE = "gone"
GONE_FOR = DELIVERED_KEPT


def no_mailbox() -> NotFound:
    return NotFound("There is no such mailbox")


def name_taken() -> Exists:
    return Exists("A mailbox of that name exists")


def check_quota(used: int, more: int, quota: int) -> None:
    """Raises Exhausted (RFC 3463: 4.2.2, mailbox full) when ``more`` bytes do not fit; 0 is no quota."""
    if quota and used + more > quota:
        raise Exhausted("The mailbox is full", code=452, enhanced="4.2.2")


def check_new(names: Iterable[str], uses: Iterable[str], name: str, special_use: str) -> None:
    """Raises Exists or Exhausted when a mailbox cannot come beside those of ``names`` and ``uses``."""
    others = list(names)
    if name in others:
        raise name_taken()
    if special_use and special_use in uses:
        raise Exists("There is a mailbox for that use")
    if len(others) >= MAILBOXES:
        raise Exhausted(f"There are at most {MAILBOXES} mailboxes")


def renamed(names: Iterable[str], old: str, new: str) -> list[tuple[str, str]]:
    """(old, new) of the mailbox and of all below it, such that each new name is free when its turn comes.

    Shorter ones first: with ``a/b`` moved up to ``a``, ``a/b/b`` takes the name that ``a/b`` has left.
    Raises Invalid when it would lie below itself or a name grew too long, Exists.
    """
    every = set(names)
    if new.startswith(old + SEPARATOR):
        raise Invalid("A mailbox cannot lie below itself")
    below = sorted(
        (name for name in every if name == old or name.startswith(old + SEPARATOR)),
        key=lambda name: (len(name), name),
    )
    pairs = [(name, new + name.removeprefix(old)) for name in below]
    if new == old or (every - set(below)).intersection(target for _, target in pairs):
        raise name_taken()
    for _, target in pairs:
        if len(target.encode()) > NAME_LIMIT or target.count(SEPARATOR) >= LEVELS:
            raise Invalid("A mailbox below it would get too long a name")
    return pairs
