"""Administration: what an operator may do with tenants, domains, accounts, aliases and keys.

Every argument passes ``checks`` first, so that the store sees canonical names only. Who may administer what is decided
by the api pod, the only one that may call this.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import structlog

from services.directory import checks
from services.directory.app_passwords import AppPasswords, shaped
from services.directory.keys import Keys
from services.directory.passwords import Hasher, acceptable
from services.directory.verifiers import Verifiers
from yubin.accounts.port import (
    ARGON2ID,
    SCRAM,
    Account,
    Accounts,
    Alias,
    AppPassword,
    Credential,
    Domain,
    Limits,
    Tenant,
)
from yubin.errors import Invalid, NotFound
from yubin.ids import number, uuid7
from yubin.mail.address import Address

log = structlog.get_logger()


class DirectoryAdministration:
    """Implements ``yubin.accounts.port.Administration``."""

    def __init__(
        self,
        accounts: Accounts,
        keys: Keys,
        hasher: Hasher,
        verifiers: Verifiers,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._accounts, self._keys, self._hasher, self._clock = accounts, keys, hasher, clock
        self._verifiers, self._apps = verifiers, AppPasswords(accounts, clock)

    async def create_tenant(self, name: str) -> Tenant:
        tenant = Tenant(name=checks.tenant(name), created=self._clock())
        await self._accounts.add_tenant(tenant)
        log.info("A tenant was made.", action="admin", tenant=tenant.name)
        return tenant

    async def list_tenants(self, *, after: str = "", limit: int = 0) -> tuple[Tenant, ...]:
        return await self._accounts.tenants(*checks.page(after, limit))

    async def create_domain(self, tenant: str, name: str, catch_all: str = "") -> Domain:
        domain = Domain(
            name=checks.domain(name),
            tenant=checks.tenant(tenant),
            created=self._clock(),
            catch_all=checks.hosted(catch_all).canonical if catch_all else "",
        )
        await self._owner_is_near(domain)
        made = await self._accounts.add_domain(domain, await self._keys.make(domain.name))
        log.info("A domain was made.", action="admin", domain=made.name, tenant=made.tenant)
        return made

    async def list_domains(self, tenant: str = "", *, after: str = "", limit: int = 0) -> tuple[Domain, ...]:
        return await self._accounts.domains(tenant and checks.tenant(tenant), *checks.page(after, limit))

    async def get_domain(self, name: str) -> Domain:
        return await self._accounts.domain(checks.domain(name))

    async def update_domain(self, name: str, *, scram: bool | None = None) -> Domain:
        domain = checks.domain(name)
        if scram is None:
            return await self._accounts.domain(domain)
        changed = await self._accounts.change_domain(domain, scram)
        log.info("A domain was changed.", action="admin", domain=domain, scram=scram)
        return changed

    async def delete_domain(self, name: str) -> None:
        domain = checks.domain(name)
        await self._accounts.remove_domain(domain)
        log.info("A domain was deleted.", action="admin", domain=domain)

    async def create_account(self, address: str, password: str, limits: Limits | None = None) -> Account:
        where = checks.hosted(address)
        plain, allowed = _acceptable(password), checks.limits(limits or Limits())
        tenant = (await self._accounts.domain(where.domain)).tenant  # before the hash: it is cheaper
        made = Account(
            id=number(uuid7()),
            tenant=tenant,
            address=where.canonical,
            enabled=True,
            limits=allowed,
            created=self._clock(),
        )
        await self._accounts.add_account(made, *await self._credentials(made, plain))
        log.info("An account was made.", action="admin", account=made.id, tenant=tenant)
        return made

    async def list_accounts(
        self, domain: str = "", *, after: str = "", limit: int = 0
    ) -> tuple[Account, ...]:
        return await self._accounts.accounts(domain and checks.domain(domain), *checks.page(after, limit))

    async def get_account(self, address: str) -> Account:
        return await self._accounts.account(checks.hosted(address).canonical)

    async def update_account(
        self,
        address: str,
        *,
        enabled: bool | None = None,
        limits: Limits | None = None,
        moved_to: str | None = None,
        app_only: bool | None = None,
    ) -> Account:
        where = checks.hosted(address).canonical
        allowed = None if limits is None else checks.limits(limits)
        elsewhere = await self._written(Address.parse(moved_to)) if moved_to else moved_to
        if elsewhere == where:
            raise Invalid("an account cannot have moved to its own address")
        account = await self._accounts.change_account(where, enabled, allowed, elsewhere, app_only)
        moved = bool(account.moved_to)
        log.info(
            "An account was changed.",
            action="admin",
            account=account.id,
            enabled=account.enabled,
            moved=moved,
        )
        return account

    async def set_password(self, address: str, password: str) -> None:
        where, plain = checks.hosted(address).canonical, _acceptable(password)
        account = await self._accounts.account(where)
        made = {one.kind: one.value for one in await self._credentials(account, plain)}
        await self._accounts.put_credentials(where, {SCRAM: None, **made})
        log.info("A password was set.", action="admin", account=account.id)

    async def add_app_password(
        self, address: str, name: str, services: Sequence[str] = ()
    ) -> tuple[AppPassword, str]:
        made, password = await self._apps.add(checks.hosted(address).canonical, name, services)
        log.info("An app password was made.", action="admin", app_password=made.id)
        return made, password

    async def list_app_passwords(self, address: str) -> tuple[AppPassword, ...]:
        return await self._apps.of(checks.hosted(address).canonical)

    async def remove_app_password(self, address: str, id_: str) -> None:
        await self._apps.remove(checks.hosted(address).canonical, id_)
        log.info("An app password was removed.", action="admin", app_password=id_)

    async def delete_account(self, address: str) -> None:
        where = checks.hosted(address).canonical
        account = await self._accounts.account(where)
        await self._accounts.remove_account(where)
        log.info("An account was deleted.", action="admin", account=account.id)

    async def put_alias(self, address: str, targets: tuple[str, ...]) -> Alias:
        where = checks.hosted(address)
        tenant = (await self._accounts.domain(where.domain)).tenant
        wanted = [await self._written(target) for target in checks.targets(targets)]
        if where.canonical in wanted:
            raise Invalid("an alias cannot be its own target")
        alias = Alias(address=where.canonical, tenant=tenant, targets=tuple(dict.fromkeys(wanted)))
        await self._accounts.put_alias(alias)
        log.info("An alias was put.", action="admin", tenant=tenant, targets=len(alias.targets))
        return alias

    async def list_aliases(self, domain: str = "", *, after: str = "", limit: int = 0) -> tuple[Alias, ...]:
        return await self._accounts.aliases(domain and checks.domain(domain), *checks.page(after, limit))

    async def delete_alias(self, address: str) -> None:
        await self._accounts.remove_alias(checks.hosted(address).canonical)
        log.info("An alias was deleted.", action="admin")

    async def rotate_key(self, domain: str, algorithm: str = "", selector: str = "") -> Domain:
        found = await self._accounts.domain(checks.domain(domain))
        changed = await self._keys.rotate(found, algorithm, selector)
        selected = changed.dkim[0].selector
        log.info("A DKIM key was made.", action="admin", domain=changed.name, selector=selected)
        return changed

    async def _credentials(self, account: Account, plain: str) -> list[Credential]:
        """What ``plain`` is checked against from now on."""
        value = await self._hasher.hash(plain)
        made = [Credential(account=account.id, kind=ARGON2ID, value=value)]
        if (await self._accounts.domain(account.address.rpartition("@")[2])).scram:
            made.append(await self._verifiers.make(account.id, plain))
        return made

    async def _owner_is_near(self, domain: Domain) -> None:
        """A catch-all is owned within the tenant, or one tenant could be given another's mail and name."""
        owner = domain.catch_all.rpartition("@")[2]
        if owner in {"", domain.name}:
            return
        if await self._tenant_of(owner) != domain.tenant:
            raise Invalid("the catch-all's account must be of the same tenant")

    async def _tenant_of(self, domain: str) -> str | None:
        try:
            return (await self._accounts.domain(domain)).tenant
        except NotFound:
            return None

    async def _written(self, target: Address) -> str:
        """In our domains the case of a local part means nothing; elsewhere it is not ours to change (RFC 5321 2.4)."""
        ours = await self._tenant_of(target.domain) is not None
        return target.canonical if ours else str(target)


def _acceptable(password: str) -> str:
    if shaped(password):
        raise Invalid("a password does not have the form of an app password")
    return acceptable(password)
