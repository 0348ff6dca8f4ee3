"""The values of ``port.py`` as messages of yubin.v1, and back: for the directory's handlers and for its clients."""

from __future__ import annotations

from yubin.accounts.port import (
    Account,
    Alias,
    AppPassword,
    Destination,
    DkimRecord,
    Domain,
    Identity,
    Kind,
    Limits,
    LocalAccount,
    SigningKey,
    Tenant,
)
from yubin.v1 import directory_pb2 as pb


def limits_to(limits: Limits) -> pb.Limits:
    return pb.Limits(
        quota_bytes=limits.quota,
        message_bytes=limits.message_size,
        recipients=limits.recipients,
        per_hour=limits.per_hour,
    )


def limits_from(message: pb.Limits) -> Limits:
    return Limits(
        quota=message.quota_bytes,
        message_size=message.message_bytes,
        recipients=message.recipients,
        per_hour=message.per_hour,
    )


def identity_to(identity: Identity, valid_for_ms: int) -> pb.AuthenticateResponse:
    return pb.AuthenticateResponse(
        tenant=identity.tenant,
        account=identity.account,
        login=identity.login,
        senders=sorted(identity.senders),
        sender_domains=sorted(identity.sender_domains),
        limits=limits_to(identity.limits),
        valid_for_ms=valid_for_ms,
        session=identity.session,
        session_for_ms=round(identity.session_for * 1000),
    )


def identity_from(message: pb.AuthenticateResponse) -> Identity:
    return Identity(
        tenant=message.tenant,
        account=message.account,
        login=message.login,
        senders=frozenset(message.senders),
        sender_domains=frozenset(message.sender_domains),
        limits=limits_from(message.limits),
        session=message.session,
        session_for=message.session_for_ms / 1000,
    )


def destination_to(destination: Destination) -> pb.Destination:
    return pb.Destination(
        kind=pb.Destination.Kind.ValueType(destination.kind.value),
        tenant=destination.tenant,
        accounts=[
            pb.LocalAccount(id=a.id, address=a.address, quota_bytes=a.quota, message_bytes=a.message_size)
            for a in destination.accounts
        ],
        remote=destination.remote,
        moved_to=destination.moved_to,
    )


def destination_from(message: pb.Destination) -> Destination:
    return Destination(
        kind=Kind(message.kind),
        tenant=message.tenant,
        accounts=tuple(
            LocalAccount(id=a.id, address=a.address, quota=a.quota_bytes, message_size=a.message_bytes)
            for a in message.accounts
        ),
        remote=tuple(message.remote),
        moved_to=message.moved_to,
    )


def key_to(key: SigningKey) -> pb.SigningKey:
    return pb.SigningKey(
        domain=key.domain, selector=key.selector, algorithm=key.algorithm, private_pem=key.private_pem
    )


def key_from(message: pb.SigningKey) -> SigningKey:
    return SigningKey(
        domain=message.domain,
        selector=message.selector,
        algorithm=message.algorithm,
        private_pem=message.private_pem,
    )


def tenant_to(tenant: Tenant) -> pb.Tenant:
    return pb.Tenant(name=tenant.name, created=tenant.created)


def tenant_from(message: pb.Tenant) -> Tenant:
    return Tenant(name=message.name, created=message.created)


def domain_to(domain: Domain) -> pb.Domain:
    return pb.Domain(
        name=domain.name,
        tenant=domain.tenant,
        created=domain.created,
        catch_all=domain.catch_all,
        scram=domain.scram,
        dkim=[
            pb.DkimRecord(
                selector=r.selector, algorithm=r.algorithm, name=r.name, text=r.text, signing=r.signing
            )
            for r in domain.dkim
        ],
    )


def domain_from(message: pb.Domain) -> Domain:
    return Domain(
        name=message.name,
        tenant=message.tenant,
        created=message.created,
        catch_all=message.catch_all,
        scram=message.scram,
        dkim=tuple(
            DkimRecord(
                selector=r.selector, algorithm=r.algorithm, name=r.name, text=r.text, signing=r.signing
            )
            for r in message.dkim
        ),
    )


def account_to(account: Account) -> pb.Account:
    return pb.Account(
        id=account.id,
        tenant=account.tenant,
        address=account.address,
        enabled=account.enabled,
        limits=limits_to(account.limits),
        created=account.created,
        moved_to=account.moved_to,
        app_only=account.app_only,
    )


def account_from(message: pb.Account) -> Account:
    return Account(
        id=message.id,
        tenant=message.tenant,
        address=message.address,
        enabled=message.enabled,
        limits=limits_from(message.limits),
        created=message.created,
        moved_to=message.moved_to,
        app_only=message.app_only,
    )


def alias_to(alias: Alias) -> pb.Alias:
    return pb.Alias(address=alias.address, tenant=alias.tenant, targets=alias.targets)


def alias_from(message: pb.Alias) -> Alias:
    return Alias(address=message.address, tenant=message.tenant, targets=tuple(message.targets))


def app_password_to(made: AppPassword) -> pb.AppPassword:
    return pb.AppPassword(
        id=made.id, name=made.name, services=sorted(made.services), created=made.created, used=made.used or 0
    )


def app_password_from(message: pb.AppPassword) -> AppPassword:
    return AppPassword(
        id=message.id,
        name=message.name,
        services=frozenset(message.services),
        created=message.created,
        used=message.used or None,
    )
