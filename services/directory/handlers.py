"""The gRPC face of the directory: messages in, values through, messages out. Failures are rendered by the server."""

# ruff: noqa: N802, ARG002 - names and arguments are those of the generated service

from __future__ import annotations

from typing import Any

import grpc

from yubin.accounts import wire
from yubin.accounts.port import Administration, Authenticator, SigningKeys
from yubin.v1 import directory_pb2 as pb
from yubin.v1 import directory_pb2_grpc as stubs

Context = grpc.aio.ServicerContext[Any, Any]
SERVICE = "yubin.v1.Directory"
READERS = frozenset({"submission", "gateway", "api"})
# proto/yubin/v1/directory.proto: who may call what
CALLERS = {"Authenticate": READERS, "SigningKeys": READERS, "*": frozenset({"api"})}


class Directory(stubs.DirectoryServicer):
    """``*_for_ms``: how long a caller may keep the answer; that there is no key, less long."""

    def __init__(
        self,
        login: Authenticator,
        keys: SigningKeys,
        admin: Administration,
        *,
        identity_for_ms: int = 60_000,
        keys_for_ms: int = 60_000,
        no_keys_for_ms: int = 5_000,
    ) -> None:
        self._login, self._keys, self._admin = login, keys, admin
        self._identity_for_ms = identity_for_ms
        self._keys_for_ms, self._no_keys_for_ms = keys_for_ms, no_keys_for_ms

    async def Authenticate(
        self, request: pb.AuthenticateRequest, context: Context
    ) -> pb.AuthenticateResponse:
        identity = await self._login.authenticate(
            request.login, request.password, peer=request.peer, service=request.service
        )
        return wire.identity_to(identity, self._identity_for_ms)

    async def SigningKeys(self, request: pb.SigningKeysRequest, context: Context) -> pb.SigningKeysResponse:
        keys = await self._keys.signing_keys(request.domain)
        lasts = self._keys_for_ms if keys else self._no_keys_for_ms
        return pb.SigningKeysResponse(keys=map(wire.key_to, keys), valid_for_ms=lasts)

    async def CreateTenant(self, request: pb.CreateTenantRequest, context: Context) -> pb.Tenant:
        return wire.tenant_to(await self._admin.create_tenant(request.name))

    async def ListTenants(self, request: pb.ListTenantsRequest, context: Context) -> pb.ListTenantsResponse:
        found = await self._admin.list_tenants(after=request.after, limit=request.limit)
        return pb.ListTenantsResponse(tenants=map(wire.tenant_to, found))

    async def CreateDomain(self, request: pb.CreateDomainRequest, context: Context) -> pb.Domain:
        made = await self._admin.create_domain(request.tenant, request.name, request.catch_all)
        return wire.domain_to(made)

    async def ListDomains(self, request: pb.ListDomainsRequest, context: Context) -> pb.ListDomainsResponse:
        found = await self._admin.list_domains(request.tenant, after=request.after, limit=request.limit)
        return pb.ListDomainsResponse(domains=map(wire.domain_to, found))

    async def GetDomain(self, request: pb.GetDomainRequest, context: Context) -> pb.Domain:
        return wire.domain_to(await self._admin.get_domain(request.name))

    async def DeleteDomain(
        self, request: pb.DeleteDomainRequest, context: Context
    ) -> pb.DeleteDomainResponse:
        await self._admin.delete_domain(request.name)
        return pb.DeleteDomainResponse()

    async def CreateAccount(self, request: pb.CreateAccountRequest, context: Context) -> pb.Account:
        limits = wire.limits_from(request.limits)
        return wire.account_to(await self._admin.create_account(request.address, request.password, limits))

    async def ListAccounts(
        self, request: pb.ListAccountsRequest, context: Context
    ) -> pb.ListAccountsResponse:
        found = await self._admin.list_accounts(request.domain, after=request.after, limit=request.limit)
        return pb.ListAccountsResponse(accounts=map(wire.account_to, found))

    async def GetAccount(self, request: pb.GetAccountRequest, context: Context) -> pb.Account:
        return wire.account_to(await self._admin.get_account(request.address))

    async def UpdateAccount(self, request: pb.UpdateAccountRequest, context: Context) -> pb.Account:
        changed = await self._admin.update_account(
            request.address,
            enabled=request.enabled if request.HasField("enabled") else None,
            limits=wire.limits_from(request.limits) if request.HasField("limits") else None,
        )
        return wire.account_to(changed)

    async def SetPassword(self, request: pb.SetPasswordRequest, context: Context) -> pb.SetPasswordResponse:
        await self._admin.set_password(request.address, request.password)
        return pb.SetPasswordResponse()

    async def DeleteAccount(
        self, request: pb.DeleteAccountRequest, context: Context
    ) -> pb.DeleteAccountResponse:
        await self._admin.delete_account(request.address)
        return pb.DeleteAccountResponse()

    async def PutAlias(self, request: pb.PutAliasRequest, context: Context) -> pb.Alias:
        return wire.alias_to(await self._admin.put_alias(request.address, tuple(request.targets)))

    async def ListAliases(self, request: pb.ListAliasesRequest, context: Context) -> pb.ListAliasesResponse:
        found = await self._admin.list_aliases(request.domain, after=request.after, limit=request.limit)
        return pb.ListAliasesResponse(aliases=map(wire.alias_to, found))

    async def DeleteAlias(self, request: pb.DeleteAliasRequest, context: Context) -> pb.DeleteAliasResponse:
        await self._admin.delete_alias(request.address)
        return pb.DeleteAliasResponse()

    async def RotateKey(self, request: pb.RotateKeyRequest, context: Context) -> pb.Domain:
        return wire.domain_to(
            await self._admin.rotate_key(request.domain, request.algorithm, request.selector)
        )
