"""Accounts in memory: the fake of the directory's store, held to the same contract as the real ones.

``MemoryRecipients`` stands for a whole directory where a test only needs to know where mail goes. No method awaits anything, so that each is one transaction on one event loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from yubin.accounts.port import (
    APP,
    KEYS_PER_DOMAIN,
    SCRAM,
    Account,
    Alias,
    Credential,
    Destination,
    DkimKey,
    Domain,
    Holder,
    Identity,
    Kind,
    Limits,
    Tenant,
)
from yubin.accounts.resolve import Facts, resolve
from yubin.errors import Exists, NotFound, Unavailable

V = TypeVar("V")


def _page(rows: dict[str, V], after: str, limit: int, keep: Iterable[str]) -> tuple[V, ...]:
    return tuple(rows[key] for key in sorted(key for key in keep if key > after)[:limit])


def _domain_of(address: str) -> str:
    return address.rpartition("@")[2]


class MemoryAccounts:
    def __init__(self) -> None:
        self._tenants: dict[str, Tenant] = {}
        self._domains: dict[str, Domain] = {}
        self._keys: dict[str, list[DkimKey]] = {}  # by domain, the newest first
        self._accounts: dict[str, Account] = {}  # by address
        self._credentials: dict[tuple[str, str], str] = {}  # by account id and kind
        self._aliases: dict[str, Alias] = {}

    async def add_tenant(self, tenant: Tenant) -> None:
        if tenant.name in self._tenants:
            raise Exists("there is a tenant of this name")
        self._tenants[tenant.name] = tenant

    async def tenants(self, after: str, limit: int) -> tuple[Tenant, ...]:
        return _page(self._tenants, after, limit, self._tenants)

    async def add_domain(self, domain: Domain, key: DkimKey) -> Domain:
        if domain.tenant not in self._tenants:
            raise NotFound("there is no such tenant")
        if domain.name in self._domains:
            raise Exists("the domain is taken")
        self._domains[domain.name], self._keys[domain.name] = domain, [key]
        return self._shown(domain.name)

    async def domain(self, name: str) -> Domain:
        if name not in self._domains:
            raise NotFound("there is no such domain here")
        return self._shown(name)

    async def domains(self, tenant: str, after: str, limit: int) -> tuple[Domain, ...]:
        keep = [d.name for d in self._domains.values() if tenant in {"", d.tenant}]
        return tuple(self._shown(d.name) for d in _page(self._domains, after, limit, keep))

    async def change_domain(self, name: str, scram: bool) -> Domain:
        self._domains[name] = replace(await self.domain(name), scram=scram)
        if not scram:
            ours = {a.id for a in self._accounts.values() if _domain_of(a.address) == name}
            gone = [key for key in self._credentials if key[0] in ours and key[1] == SCRAM]
            for key in gone:
                del self._credentials[key]
        return self._shown(name)

    async def remove_domain(self, name: str) -> None:
        await self.domain(name)
        if any(_domain_of(address) == name for address in self._accounts):
            raise Exists("the domain still has accounts")
        self._aliases = {a: alias for a, alias in self._aliases.items() if _domain_of(a) != name}
        del self._domains[name], self._keys[name]

    async def add_key(self, key: DkimKey) -> Domain:
        await self.domain(key.domain)
        old = self._keys[key.domain]
        if any(k.record.selector == key.record.selector for k in old):
            raise Exists("the domain has a key of this selector")
        retired = [_retired(k) if k.record.algorithm == key.record.algorithm else k for k in old]
        kept = [k for k in retired if k.record.signing]
        spent = [k for k in retired if not k.record.signing][: KEYS_PER_DOMAIN - 1 - len(kept)]
        self._keys[key.domain] = [key, *(k for k in retired if k in kept or k in spent)]
        return self._shown(key.domain)

    async def keys(self, domain: str) -> tuple[DkimKey, ...]:
        return tuple(k for k in self._keys.get(domain, ()) if k.record.signing)

    async def add_account(self, account: Account, *credentials: Credential) -> None:
        await self.domain(_domain_of(account.address))
        if account.address in self._accounts or account.address in self._aliases:
            raise Exists("the address is taken")
        self._accounts[account.address] = account
        self._credentials |= {(account.id, one.kind): one.value for one in credentials}

    async def account(self, address: str) -> Account:
        if address not in self._accounts:
            raise NotFound("there is no such account")
        return self._accounts[address]

    async def accounts(self, domain: str, after: str, limit: int) -> tuple[Account, ...]:
        keep = [a for a in self._accounts if domain in {"", _domain_of(a)}]
        return _page(self._accounts, after, limit, keep)

    async def change_account(
        self,
        address: str,
        enabled: bool | None,
        limits: Limits | None,
        moved_to: str | None = None,
        app_only: bool | None = None,
    ) -> Account:
        old = await self.account(address)
        new = replace(
            old,
            enabled=old.enabled if enabled is None else enabled,
            limits=old.limits if limits is None else limits,
            moved_to=old.moved_to if moved_to is None else moved_to,
            app_only=old.app_only if app_only is None else app_only,
        )
        self._accounts[address] = new
        return new

    async def resolve(self, address: str) -> Destination:
        asking = resolve(address)
        try:
            wanted = next(asking)
            while True:
                wanted = asking.send(self._facts(wanted))
        except StopIteration as end:
            result: Destination = end.value
            return result

    async def enabled(self, accounts: Sequence[str]) -> dict[str, Account]:
        return {a.id: a for a in self._accounts.values() if a.enabled and a.id in set(accounts)}

    async def remove_account(self, address: str) -> None:
        gone = await self.account(address)
        del self._accounts[address]
        self._credentials = {key: v for key, v in self._credentials.items() if key[0] != gone.id}

    async def put_credentials(self, address: str, values: Mapping[str, str | None]) -> None:
        account = (await self.account(address)).id
        for kind, value in values.items():
            self._credentials.pop((account, kind), None)
            if value is not None:
                self._credentials[account, kind] = value

    async def credential(self, address: str, kind: str) -> Credential | None:
        account = self._accounts.get(address)
        if account is None or not account.enabled or (account.id, kind) not in self._credentials:
            return None
        return Credential(account=account.id, kind=kind, value=self._credentials[account.id, kind])

    async def holder(self, address: str) -> Holder | None:
        account = self._accounts.get(address)
        if account is None or not account.enabled:
            return None
        return Holder(
            account=account.id,
            scram=self._domains[_domain_of(address)].scram,
            app_only=account.app_only,
            credentials={c.kind: c for c in self._held(account.id) if not c.kind.startswith(APP)},
        )

    async def app_passwords(self, address: str) -> tuple[Credential, ...]:
        account = await self.account(address)
        return tuple(c for c in self._held(account.id) if c.kind.startswith(APP))

    async def renew_credential(self, old: Credential, value: str) -> bool:
        if self._credentials.get((old.account, old.kind)) != old.value:
            return False
        self._credentials[old.account, old.kind] = value
        return True

    async def join_credential(self, old: Credential, new: Credential) -> bool:
        if self._credentials.get((old.account, old.kind)) != old.value:
            return False
        self._credentials[new.account, new.kind] = new.value
        return True

    async def identity(self, account: str) -> Identity | None:
        found = next((a for a in self._accounts.values() if a.id == account and a.enabled), None)
        if found is None:
            return None
        aliases = [
            a.address
            for a in self._aliases.values()
            if found.address in a.targets and a.tenant == found.tenant
        ]
        domains = [
            d.name
            for d in self._domains.values()
            if d.catch_all == found.address and d.tenant == found.tenant
        ]
        return Identity(
            tenant=found.tenant,
            account=found.id,
            login=found.address,
            senders=frozenset((found.address, *aliases)),
            sender_domains=frozenset(domains),
            limits=found.limits,
        )

    async def put_alias(self, alias: Alias) -> None:
        await self.domain(_domain_of(alias.address))
        if alias.address in self._accounts:
            raise Exists("an account has this address")
        self._aliases[alias.address] = alias

    async def aliases(self, domain: str, after: str, limit: int) -> tuple[Alias, ...]:
        keep = [a for a in self._aliases if domain in {"", _domain_of(a)}]
        return _page(self._aliases, after, limit, keep)

    async def remove_alias(self, address: str) -> None:
        if self._aliases.pop(address, None) is None:
            raise NotFound("there is no such alias")

    async def check(self) -> None:
        """Memory always answers."""

    async def close(self) -> None:
        """Nothing is held."""

    def _held(self, account: str) -> list[Credential]:
        return [
            Credential(account=owner, kind=kind, value=value)
            for (owner, kind), value in self._credentials.items()
            if owner == account
        ]

    def _facts(self, addresses: Sequence[str]) -> Facts:
        names = {_domain_of(address) for address in addresses}
        domains = {d.name: (d.tenant, d.catch_all) for d in self._domains.values() if d.name in names}
        wanted = {*addresses, *(catch_all for _, catch_all in domains.values())}
        return Facts(
            domains=domains,
            accounts={a: account for a, account in self._accounts.items() if a in wanted},
            aliases={a: alias.targets for a, alias in self._aliases.items() if a in wanted},
        )

    def _shown(self, name: str) -> Domain:
        return replace(self._domains[name], dkim=tuple(key.record for key in self._keys[name]))


def _retired(key: DkimKey) -> DkimKey:
    return replace(key, record=replace(key.record, signing=False), sealed=b"")


class MemoryRecipients:
    """Implements ``Recipients`` from a table: any other address of the domains in it is UNKNOWN.

    ``away`` makes it raise Unavailable; ``asked`` are the addresses of all look-ups.
    """

    def __init__(self, table: Mapping[str, Destination]) -> None:
        self.table = {address.lower(): destination for address, destination in table.items()}
        self.away = False
        self.asked: list[str] = []

    async def lookup(self, addresses: Sequence[str]) -> tuple[Destination, ...]:
        self.asked += addresses
        if self.away:
            raise Unavailable("a service that this needs is away")
        return tuple(self._of(address.lower()) for address in addresses)

    def _of(self, address: str) -> Destination:
        ours = any(_domain_of(known) == _domain_of(address) for known in self.table)
        return self.table.get(address, Destination(kind=Kind.UNKNOWN if ours else Kind.NOT_LOCAL))
