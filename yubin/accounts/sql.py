"""The store in a SQL database: each call hands the steps of one operation to whoever drives them.

``sqlite.py`` and ``postgres.py`` do, each in its own way.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TypeVar

from yubin.accounts.port import (
    Account,
    Alias,
    Credential,
    Destination,
    DkimKey,
    Domain,
    Holder,
    Identity,
    Limits,
    Tenant,
)
from yubin.accounts.steps import Steps, accounts, aliases, credentials, domains, recipients

V = TypeVar("V")


class SqlAccounts(ABC):
    """Implements ``yubin.accounts.port.Accounts`` but for ``check`` and ``close``."""

    @abstractmethod
    async def _read(self, steps: Steps[V]) -> V: ...

    @abstractmethod
    async def _write(self, steps: Steps[V]) -> V:
        """In one transaction."""

    async def add_tenant(self, tenant: Tenant) -> None:
        await self._write(domains.add_tenant(tenant))

    async def tenants(self, after: str, limit: int) -> tuple[Tenant, ...]:
        return await self._read(domains.tenants(after, limit))

    async def add_domain(self, domain: Domain, key: DkimKey) -> Domain:
        return await self._write(domains.add_domain(domain, key))

    async def domain(self, name: str) -> Domain:
        return await self._read(domains.domain(name))

    async def domains(self, tenant: str, after: str, limit: int) -> tuple[Domain, ...]:
        return await self._read(domains.domains(tenant, after, limit))

    async def change_domain(self, name: str, scram: bool) -> Domain:
        return await self._write(domains.change_domain(name, scram))

    async def remove_domain(self, name: str) -> None:
        await self._write(domains.remove_domain(name))

    async def add_key(self, key: DkimKey) -> Domain:
        return await self._write(domains.add_key(key))

    async def keys(self, domain: str) -> tuple[DkimKey, ...]:
        return await self._read(domains.keys(domain))

    async def add_account(self, account: Account, *credentials: Credential) -> None:
        await self._write(accounts.add_account(account, credentials))

    async def account(self, address: str) -> Account:
        return await self._read(accounts.account(address))

    async def accounts(self, domain: str, after: str, limit: int) -> tuple[Account, ...]:
        return await self._read(accounts.accounts(domain, after, limit))

    async def change_account(
        self,
        address: str,
        enabled: bool | None,
        limits: Limits | None,
        moved_to: str | None = None,
        app_only: bool | None = None,
    ) -> Account:
        return await self._write(accounts.change_account(address, enabled, limits, moved_to, app_only))

    async def resolve(self, address: str) -> Destination:
        return await self._read(recipients.resolve(address))

    async def enabled(self, accounts: Sequence[str]) -> dict[str, Account]:
        return await self._read(recipients.enabled(accounts))

    async def remove_account(self, address: str) -> None:
        await self._write(accounts.remove_account(address))

    async def put_credentials(self, address: str, values: Mapping[str, str | None]) -> None:
        await self._write(credentials.put_credentials(address, values))

    async def credential(self, address: str, kind: str) -> Credential | None:
        return await self._read(credentials.credential(address, kind))

    async def holder(self, address: str) -> Holder | None:
        return await self._read(credentials.holder(address))

    async def app_passwords(self, address: str) -> tuple[Credential, ...]:
        return await self._read(credentials.app_passwords(address))

    async def renew_credential(self, old: Credential, value: str) -> bool:
        return await self._write(credentials.renew_credential(old, value))

    async def join_credential(self, old: Credential, new: Credential) -> bool:
        return await self._write(credentials.join_credential(old, new))

    async def identity(self, account: str) -> Identity | None:
        return await self._read(accounts.identity(account))

    async def put_alias(self, alias: Alias) -> None:
        await self._write(aliases.put_alias(alias))

    async def aliases(self, domain: str, after: str, limit: int) -> tuple[Alias, ...]:
        return await self._read(aliases.aliases(domain, after, limit))

    async def remove_alias(self, address: str) -> None:
        await self._write(aliases.remove_alias(address))
