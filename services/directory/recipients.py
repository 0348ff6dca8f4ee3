"""Recipients: where mail for an address goes, as the store knows it, and the two roles that every domain has.

RFC 5321 4.5.1 wants a postmaster at every domain, RFC 2142 an abuse: where an operator has made neither account nor alias of
that name, nor a catch-all, they are the address of the setting ``postmaster``. So is RFC 5321's bare <Postmaster>.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import structlog

from yubin.accounts.lookups import BATCH, POSTMASTER
from yubin.accounts.port import Accounts, Destination, Kind
from yubin.errors import Invalid, Unavailable
from yubin.mail.address import Address

log = structlog.get_logger()
ROLES = frozenset({POSTMASTER, "abuse"})


class DirectoryRecipients:
    """Implements ``yubin.accounts.port.Recipients``. ``postmaster`` is an address anywhere, or ""."""

    def __init__(self, accounts: Accounts, *, postmaster: str = "") -> None:
        self._accounts = accounts
        self._postmaster = Address.parse(postmaster) if postmaster else None

    async def lookup(self, addresses: Sequence[str]) -> tuple[Destination, ...]:
        """Raises Invalid for more than 1000."""
        if len(addresses) > BATCH:
            raise Invalid(f"at most {BATCH} addresses at once")
        return tuple([await self._destination(address) for address in addresses])

    async def _destination(self, text: str) -> Destination:
        nobody = Destination(kind=Kind.UNKNOWN)
        if text.lower() == POSTMASTER:
            return await self._role(nobody)
        try:
            address = Address.parse(text)
        except (Invalid, UnicodeError):
            return nobody
        found = await self._resolved(address.canonical)
        if found.kind is Kind.UNKNOWN and address.local.lower() in ROLES:
            return await self._role(found)
        return found

    async def _role(self, unknown: Destination) -> Destination:
        if self._postmaster is None:
            return unknown
        found = await self._resolved(self._postmaster.canonical)
        if found.kind is Kind.NOT_LOCAL:
            return Destination(kind=Kind.LOCAL, tenant=unknown.tenant, remote=(str(self._postmaster),))
        return replace(found, tenant=unknown.tenant or found.tenant)

    async def _resolved(self, address: str) -> Destination:
        try:
            return await self._accounts.resolve(address)
        except Unavailable as failure:
            if failure.enhanced == "4.3.5":  # a mistake of configuration, which only an operator can mend
                log.warning("An alias cannot be resolved.", action="alias", alias=address, why=failure.text)
            raise
