"""The gRPC face of the directory: messages in, values through, messages out. Failures are rendered by the server."""

# ruff: noqa: N802, ARG002 - names and arguments are those of the generated service

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc

from services.directory.bearers import Bearers
from services.directory.scram import Scram
from services.directory.sessions import DirectorySessions
from yubin.accounts import wire
from yubin.accounts.port import Administration, Passwords, Recipients, SigningKeys
from yubin.v1 import directory_pb2 as pb
from yubin.v1 import directory_pb2_grpc as stubs

Context = grpc.aio.ServicerContext[Any, Any]
SERVICE = "yubin.v1.Directory"
READERS = frozenset({"submission", "gateway", "api"})
MAIL = frozenset({"submission", "gateway"})
# proto/yubin/v1/directory.proto: who may call what
CALLERS = {
    "Authenticate": READERS,
    "AuthenticateToken": MAIL,
    "ScramFirst": MAIL,
    "ScramFinal": MAIL,
    "SigningKeys": READERS,
    "Lookup": frozenset({"mx", "submission", "delivery", "api"}),
    "RenewSessions": frozenset({"gateway"}),
    "SessionKeys": frozenset({"mailbox"}),
    "*": frozenset({"api"}),
}


@dataclass(frozen=True, kw_only=True)
class Lasting:
    """How long, in ms, a caller may keep the answer; that there is no key, less long."""

    identity: int = 60_000
    keys: int = 60_000
    no_keys: int = 5_000
    destinations: int = 60_000
    session_keys: int = 60_000


@dataclass(frozen=True, kw_only=True)
class Ways:
    """In."""

    password: Passwords
    token: Bearers
    scram: Scram


class Directory(stubs.DirectoryServicer):
    def __init__(
        self,
        ways: Ways,
        keys: SigningKeys,
        admin: Administration,
        recipients: Recipients,
        sessions: DirectorySessions,
        lasting: Lasting,
    ) -> None:
        self._ways, self._keys, self._admin = ways, keys, admin
        self._recipients, self._sessions, self._lasting = recipients, sessions, lasting

    async def Authenticate(
        self, request: pb.AuthenticateRequest, context: Context
    ) -> pb.AuthenticateResponse:
        identity = await self._ways.password.authenticate(
            request.login, request.password, peer=request.peer, service=request.service
        )
        return wire.identity_to(self._sessions.given(identity), self._lasting.identity)

    async def AuthenticateToken(
        self, request: pb.AuthenticateTokenRequest, context: Context
    ) -> pb.AuthenticateResponse:
        identity, lasts = await self._ways.token.token(
            request.login, request.token, peer=request.peer, service=request.service
        )
        valid_for = min(self._lasting.identity, round(lasts * 1000))
        return wire.identity_to(self._sessions.given(identity), valid_for)

    async def ScramFirst(self, request: pb.ScramFirstRequest, context: Context) -> pb.ScramFirstResponse:
        offer = await self._ways.scram.scram_first(
            request.client_first, peer=request.peer, service=request.service
        )
        return pb.ScramFirstResponse(server_first=offer.message, state=offer.state)

    async def ScramFinal(self, request: pb.ScramFinalRequest, context: Context) -> pb.ScramFinalResponse:
        proven = await self._ways.scram.scram_final(
            request.client_final, request.state, peer=request.peer, service=request.service
        )
        identity = wire.identity_to(self._sessions.given(proven.who), 0)
        return pb.ScramFinalResponse(server_final=proven.message, identity=identity)

    async def SigningKeys(self, request: pb.SigningKeysRequest, context: Context) -> pb.SigningKeysResponse:
        keys = await self._keys.signing_keys(request.domain)
        lasts = self._lasting.keys if keys else self._lasting.no_keys
        return pb.SigningKeysResponse(keys=map(wire.key_to, keys), valid_for_ms=lasts)

    async def Lookup(self, request: pb.LookupRequest, context: Context) -> pb.LookupResponse:
        found = await self._recipients.lookup(request.addresses)
        return pb.LookupResponse(
            destinations=map(wire.destination_to, found), valid_for_ms=self._lasting.destinations
        )

    async def RenewSessions(
        self, request: pb.RenewSessionsRequest, context: Context
    ) -> pb.RenewSessionsResponse:
        renewed = await self._sessions.renew(request.sessions)
        return pb.RenewSessionsResponse(sessions=renewed, session_for_ms=self._session_for_ms)

    async def OpenSession(self, request: pb.OpenSessionRequest, context: Context) -> pb.OpenSessionResponse:
        account, token = await self._sessions.open(request.address)
        return pb.OpenSessionResponse(
            session=token, session_for_ms=self._session_for_ms, account=wire.account_to(account)
        )

    async def SessionKeys(self, request: pb.SessionKeysRequest, context: Context) -> pb.SessionKeysResponse:
        keys = await self._sessions.keys()
        return pb.SessionKeysResponse(keys=keys, valid_for_ms=self._lasting.session_keys)

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

    async def UpdateDomain(self, request: pb.UpdateDomainRequest, context: Context) -> pb.Domain:
        scram = request.scram if request.HasField("scram") else None
        return wire.domain_to(await self._admin.update_domain(request.name, scram=scram))

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
            moved_to=request.moved_to if request.HasField("moved_to") else None,
            app_only=request.app_only if request.HasField("app_only") else None,
        )
        return wire.account_to(changed)

    async def SetPassword(self, request: pb.SetPasswordRequest, context: Context) -> pb.SetPasswordResponse:
        await self._admin.set_password(request.address, request.password)
        return pb.SetPasswordResponse()

    async def AddAppPassword(
        self, request: pb.AddAppPasswordRequest, context: Context
    ) -> pb.AddAppPasswordResponse:
        made, password = await self._admin.add_app_password(request.address, request.name, request.services)
        return pb.AddAppPasswordResponse(made=wire.app_password_to(made), password=password)

    async def ListAppPasswords(
        self, request: pb.ListAppPasswordsRequest, context: Context
    ) -> pb.ListAppPasswordsResponse:
        found = await self._admin.list_app_passwords(request.address)
        return pb.ListAppPasswordsResponse(app_passwords=map(wire.app_password_to, found))

    async def RemoveAppPassword(
        self, request: pb.RemoveAppPasswordRequest, context: Context
    ) -> pb.RemoveAppPasswordResponse:
        await self._admin.remove_app_password(request.address, request.id)
        return pb.RemoveAppPasswordResponse()

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

    @property
    def _session_for_ms(self) -> int:
        return round(self._sessions.lasts * 1000)
