"""DirectoryAdmin: the directory's ``Administration`` from another pod (the api's), one call for each method.

The channel turns failures back into those of yubin.errors, so that nothing is caught here.
"""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from yubin.accounts import wire
from yubin.accounts.port import Account, Alias, AppPassword, Domain, Limits, Tenant
from yubin.v1 import directory_pb2 as pb
from yubin.v1 import directory_pb2_grpc as stubs


class DirectoryAdmin:
    """Implements ``yubin.accounts.port.Administration``."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = stubs.DirectoryStub(channel)

    async def create_tenant(self, name: str) -> Tenant:
        return wire.tenant_from(await self._stub.CreateTenant(pb.CreateTenantRequest(name=name)))

    async def list_tenants(self, *, after: str = "", limit: int = 0) -> tuple[Tenant, ...]:
        answer = await self._stub.ListTenants(pb.ListTenantsRequest(after=after, limit=limit))
        return tuple(map(wire.tenant_from, answer.tenants))

    async def create_domain(self, tenant: str, name: str, catch_all: str = "") -> Domain:
        request = pb.CreateDomainRequest(tenant=tenant, name=name, catch_all=catch_all)
        return wire.domain_from(await self._stub.CreateDomain(request))

    async def list_domains(self, tenant: str = "", *, after: str = "", limit: int = 0) -> tuple[Domain, ...]:
        request = pb.ListDomainsRequest(tenant=tenant, after=after, limit=limit)
        return tuple(map(wire.domain_from, (await self._stub.ListDomains(request)).domains))

    async def get_domain(self, name: str) -> Domain:
        return wire.domain_from(await self._stub.GetDomain(pb.GetDomainRequest(name=name)))

    async def update_domain(self, name: str, *, scram: bool | None = None) -> Domain:
        request = pb.UpdateDomainRequest(name=name, scram=scram)
        return wire.domain_from(await self._stub.UpdateDomain(request))

    async def delete_domain(self, name: str) -> None:
        await self._stub.DeleteDomain(pb.DeleteDomainRequest(name=name))

    async def create_account(self, address: str, password: str, limits: Limits | None = None) -> Account:
        request = pb.CreateAccountRequest(
            address=address, password=password, limits=wire.limits_to(limits or Limits())
        )
        return wire.account_from(await self._stub.CreateAccount(request))

    async def list_accounts(
        self, domain: str = "", *, after: str = "", limit: int = 0
    ) -> tuple[Account, ...]:
        request = pb.ListAccountsRequest(domain=domain, after=after, limit=limit)
        return tuple(map(wire.account_from, (await self._stub.ListAccounts(request)).accounts))

    async def get_account(self, address: str) -> Account:
        return wire.account_from(await self._stub.GetAccount(pb.GetAccountRequest(address=address)))

    async def update_account(
        self,
        address: str,
        *,
        enabled: bool | None = None,
        limits: Limits | None = None,
        moved_to: str | None = None,
        app_only: bool | None = None,
    ) -> Account:
        request = pb.UpdateAccountRequest(
            address=address,
            enabled=enabled,
            limits=None if limits is None else wire.limits_to(limits),
            moved_to=moved_to,
            app_only=app_only,
        )
        return wire.account_from(await self._stub.UpdateAccount(request))

    async def set_password(self, address: str, password: str) -> None:
        await self._stub.SetPassword(pb.SetPasswordRequest(address=address, password=password))

    async def add_app_password(
        self, address: str, name: str, services: Sequence[str] = ()
    ) -> tuple[AppPassword, str]:
        request = pb.AddAppPasswordRequest(address=address, name=name, services=services)
        answer = await self._stub.AddAppPassword(request)
        return wire.app_password_from(answer.made), answer.password

    async def list_app_passwords(self, address: str) -> tuple[AppPassword, ...]:
        answer = await self._stub.ListAppPasswords(pb.ListAppPasswordsRequest(address=address))
        return tuple(map(wire.app_password_from, answer.app_passwords))

    async def remove_app_password(self, address: str, id_: str) -> None:
        await self._stub.RemoveAppPassword(pb.RemoveAppPasswordRequest(address=address, id=id_))

    async def delete_account(self, address: str) -> None:
        await self._stub.DeleteAccount(pb.DeleteAccountRequest(address=address))

    async def put_alias(self, address: str, targets: tuple[str, ...]) -> Alias:
        return wire.alias_from(
            await self._stub.PutAlias(pb.PutAliasRequest(address=address, targets=targets))
        )

    async def list_aliases(self, domain: str = "", *, after: str = "", limit: int = 0) -> tuple[Alias, ...]:
        request = pb.ListAliasesRequest(domain=domain, after=after, limit=limit)
        return tuple(map(wire.alias_from, (await self._stub.ListAliases(request)).aliases))

    async def delete_alias(self, address: str) -> None:
        await self._stub.DeleteAlias(pb.DeleteAliasRequest(address=address))

    async def rotate_key(self, domain: str, algorithm: str = "", selector: str = "") -> Domain:
        request = pb.RotateKeyRequest(domain=domain, algorithm=algorithm, selector=selector)
        return wire.domain_from(await self._stub.RotateKey(request))
