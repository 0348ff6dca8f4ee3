"""The end of an account: nobody logs in, then its letters go, then itself.

In this order, whatever fails, the same request said again does the rest, and nothing is left that no account names. A
later account of the same address has another id, and never sees what this one had. Before anything is changed the
mailbox pod has to answer. A letter that comes later (a pod remembered the account, or it waited in the ledger) lies under
the id that is gone, and is swept after a week: the lease ``GONE`` sees to it. It is taken last, when the directory has
deleted the account and nobody can enable it again; where that fails, such a letter stays, unread.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import structlog

from services.api.mailboxes_access import Access
from yubin.accounts.port import Administration
from yubin.errors import Failure, Unavailable
from yubin.mailboxes.rules import GONE, GONE_FOR

log = structlog.get_logger()


class Removal:
    def __init__(self, access: Access, directory: Administration) -> None:
        self._access, self._directory = access, directory

    async def remove(self, address: str, tenant: str | None) -> None:
        """Raises NotFound; Unavailable when it has to be said again."""
        opened = await self._access.open(address, tenant)
        with _said("nothing was changed: the mailboxes cannot be reached; try again"):
            await opened.mailboxes.usage()
        await self._directory.update_account(address, enabled=False)
        with _said("the account is disabled, and not removed yet: its letters could not be; try again"):
            await opened.mailboxes.forget()
        with _said("the account is disabled and its letters are removed, itself not yet; try again"):
            await self._directory.delete_account(address)
        try:
            await opened.mailboxes.lease(GONE, opened.owner.id, GONE_FOR)
        except Failure as cause:
            log.warning("What comes for this account will not be swept.", action="admin", why=str(cause))


@contextlib.contextmanager
def _said(text: str) -> Iterator[None]:
    try:
        yield
    except Failure as cause:
        log.warning("An account could not be removed.", action="admin", why=str(cause))
        raise Unavailable(text) from cause
