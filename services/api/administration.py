"""Tenants, domains, accounts and aliases: the directory, over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime

from services.api import bodies
from services.api.app_passwords import AppPasswords
from services.api.http import Call, Route, page
from services.api.mailboxes_removal import Removal
from yubin.accounts import port
from yubin.accounts.port import Administration

_PAGE = ("after", "limit")


class Directory:
    """One method for each route; names and addresses are made canonical by the directory itself."""

    def __init__(self, directory: Administration, removal: Removal) -> None:
        self._directory, self._removal = directory, removal

    def routes(self) -> list[Route]:
        b = bodies
        return [
            Route(method="GET", path="/v1/tenants", handler=self.tenants, answer=b.Tenants, query=_PAGE),
            Route(method="POST", path="/v1/tenants", handler=self.create_tenant, body=b.NewTenant, answer=b.Tenant, status=201),
            Route(method="GET", path="/v1/domains", handler=self.domains, answer=b.Domains, query=("tenant", *_PAGE)),
            Route(method="POST", path="/v1/domains", handler=self.create_domain, body=b.NewDomain, answer=b.Domain, status=201),
            Route(method="GET", path="/v1/domains/{domain}", handler=self.domain, answer=b.Domain),
            Route(method="PATCH", path="/v1/domains/{domain}", handler=self.change_domain, body=b.DomainChange, answer=b.Domain),
            Route(method="DELETE", path="/v1/domains/{domain}", handler=self.delete_domain, status=204),
            Route(method="POST", path="/v1/domains/{domain}/keys", handler=self.rotate_key, body=b.NewKey, answer=b.Domain, status=201),
            Route(method="GET", path="/v1/accounts", handler=self.accounts, answer=b.Accounts, query=("domain", *_PAGE)),
            Route(method="POST", path="/v1/accounts", handler=self.create_account, body=b.NewAccount, answer=b.Account, status=201),
            Route(method="GET", path="/v1/accounts/{address}", handler=self.account, answer=b.Account),
            Route(method="PATCH", path="/v1/accounts/{address}", handler=self.change_account, body=b.Change, answer=b.Account),
            Route(method="PUT", path="/v1/accounts/{address}/password", handler=self.set_password, body=b.NewPassword, status=204),
            Route(method="DELETE", path="/v1/accounts/{address}", handler=self.delete_account, status=204),
            *AppPasswords(self._directory).routes(),
            Route(method="GET", path="/v1/aliases", handler=self.aliases, answer=b.Aliases, query=("domain", *_PAGE)),
            Route(method="PUT", path="/v1/aliases/{address}", handler=self.put_alias, body=b.Targets, answer=b.Alias),
            Route(method="DELETE", path="/v1/aliases/{address}", handler=self.delete_alias, status=204),
        ]  # fmt: skip

    async def tenants(self, call: Call) -> bodies.Tenants:
        """Tenants by name, a page at a time."""
        after, limit = page(call)
        return bodies.Tenants(
            tenants=[_tenant(t) for t in await self._directory.list_tenants(after=after, limit=limit)]
        )

    async def create_tenant(self, call: Call) -> bodies.Tenant:
        """Create a tenant: lower-case letters, digits and hyphens."""
        return _tenant(await self._directory.create_tenant(call.body.name))

    async def domains(self, call: Call) -> bodies.Domains:
        """Domains by name, of one tenant or of all."""
        after, limit = page(call)
        found = await self._directory.list_domains(call.query.get("tenant", ""), after=after, limit=limit)
        return bodies.Domains(domains=[_domain(d) for d in found])

    async def create_domain(self, call: Call) -> bodies.Domain:
        """Create a domain and its first DKIM key; the answer holds the DNS record to publish."""
        new: bodies.NewDomain = call.body
        return _domain(await self._directory.create_domain(new.tenant, new.name, new.catch_all))

    async def domain(self, call: Call) -> bodies.Domain:
        """A domain with its DKIM records."""
        return _domain(await self._directory.get_domain(call.path["domain"]))

    async def change_domain(self, call: Call) -> bodies.Domain:
        """Allow SCRAM-SHA-256, or forget its verifiers. Passwords get one when they are next set or used."""
        return _domain(await self._directory.update_domain(call.path["domain"], scram=call.body.scram))

    async def delete_domain(self, call: Call) -> bodies.Nothing:
        """Remove a domain with its aliases and keys; 409 while it has accounts."""
        await self._directory.delete_domain(call.path["domain"])
        return bodies.Nothing()

    async def rotate_key(self, call: Call) -> bodies.Domain:
        """Add a DKIM key that signs from now on. Publish its record first where that matters."""
        new: bodies.NewKey = call.body
        return _domain(await self._directory.rotate_key(call.path["domain"], new.algorithm, new.selector))

    async def accounts(self, call: Call) -> bodies.Accounts:
        """Accounts by address, of one domain or of all."""
        after, limit = page(call)
        found = await self._directory.list_accounts(call.query.get("domain", ""), after=after, limit=limit)
        return bodies.Accounts(accounts=[_account(a) for a in found])

    async def create_account(self, call: Call) -> bodies.Account:
        """Create an account, which may log in and send from now on."""
        new: bodies.NewAccount = call.body
        return _account(await self._directory.create_account(new.address, new.password, _limits(new.limits)))

    async def account(self, call: Call) -> bodies.Account:
        """An account with its limits."""
        return _account(await self._directory.get_account(call.path["address"]))

    async def change_account(self, call: Call) -> bodies.Account:
        """Change limits (as a whole), disable and enable, say where the user has moved, or ask for app passwords."""
        change: bodies.Change = call.body
        limits = _limits(change.limits) if change.limits else None
        address = call.path["address"]
        changed = await self._directory.update_account(
            address,
            enabled=change.enabled,
            limits=limits,
            moved_to=change.moved_to,
            app_only=change.app_only,
        )
        return _account(changed)

    async def set_password(self, call: Call) -> bodies.Nothing:
        """Set a new password; the old one stops working within a minute."""
        await self._directory.set_password(call.path["address"], call.body.password)
        return bodies.Nothing()

    async def delete_account(self, call: Call) -> bodies.Nothing:
        """Remove an account with its credentials and its letters; 503 when it has to be said again."""
        await self._removal.remove(call.path["address"], call.principal.tenant)
        return bodies.Nothing()

    async def aliases(self, call: Call) -> bodies.Aliases:
        """Aliases by address, of one domain or of all."""
        after, limit = page(call)
        found = await self._directory.list_aliases(call.query.get("domain", ""), after=after, limit=limit)
        return bodies.Aliases(aliases=[_alias(a) for a in found])

    async def put_alias(self, call: Call) -> bodies.Alias:
        """Make an alias, or replace its targets."""
        return _alias(await self._directory.put_alias(call.path["address"], tuple(call.body.targets)))

    async def delete_alias(self, call: Call) -> bodies.Nothing:
        """Remove an alias."""
        await self._directory.delete_alias(call.path["address"])
        return bodies.Nothing()


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _tenant(t: port.Tenant) -> bodies.Tenant:
    return bodies.Tenant(name=t.name, created=_at(t.created))


def _domain(d: port.Domain) -> bodies.Domain:
    records = [
        bodies.DkimRecord(
            selector=r.selector, algorithm=r.algorithm, name=r.name, text=r.text, signing=r.signing
        )
        for r in d.dkim
    ]
    return bodies.Domain(
        name=d.name,
        tenant=d.tenant,
        created=_at(d.created),
        catch_all=d.catch_all,
        dkim=records,
        scram=d.scram,
    )


def _account(a: port.Account) -> bodies.Account:
    limits = bodies.Limits(
        quota=a.limits.quota,
        message_size=a.limits.message_size,
        recipients=a.limits.recipients,
        per_hour=a.limits.per_hour,
    )
    return bodies.Account(
        id=a.id,
        tenant=a.tenant,
        address=a.address,
        enabled=a.enabled,
        limits=limits,
        created=_at(a.created),
        moved_to=a.moved_to,
        app_only=a.app_only,
    )


def _limits(limits: bodies.Limits) -> port.Limits:
    return port.Limits(
        quota=limits.quota,
        message_size=limits.message_size,
        recipients=limits.recipients,
        per_hour=limits.per_hour,
    )


def _alias(a: port.Alias) -> bodies.Alias:
    return bodies.Alias(address=a.address, tenant=a.tenant, targets=list(a.targets))
