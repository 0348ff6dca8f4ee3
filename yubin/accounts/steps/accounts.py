"""Accounts, their credentials, and who they are."""

from __future__ import annotations

from yubin.accounts.port import Account, Credential, Identity, Limits
from yubin.accounts.steps import Row, Steps
from yubin.accounts.steps.domains import locked
from yubin.errors import Exists, NotFound

_ACCOUNT = """SELECT a.id, d.tenant, a.address, a.enabled, a.quota, a.message_size, a.recipients, a.per_hour,
    a.created FROM directory_account a JOIN directory_domain d ON d.name = a.domain """


def add_account(new: Account, credential: Credential) -> Steps[None]:
    domain = new.address.rpartition("@")[2]
    yield from locked(domain)
    if (yield ("SELECT address FROM directory_alias WHERE address = $1", (new.address,))):
        raise Exists("the address is taken")
    limits = new.limits
    made = yield (
        """INSERT INTO directory_account (id, address, domain, enabled, quota, message_size, recipients, per_hour,
        created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING RETURNING id""",
        (
            new.id,
            new.address,
            domain,
            new.enabled,
            limits.quota,
            limits.message_size,
            limits.recipients,
            limits.per_hour,
            new.created,
        ),
    )
    if not made:
        raise Exists("the address is taken")
    yield from put_credential(new.address, credential.kind, credential.value)


def account(address: str) -> Steps[Account]:
    rows = yield (_ACCOUNT + "WHERE a.address = $1", (address,))
    if not rows:
        raise NotFound("there is no such account")
    return _account_of(rows[0])


def accounts(domain: str, after: str, limit: int) -> Steps[tuple[Account, ...]]:
    rows = yield (
        _ACCOUNT + "WHERE ($1 = '' OR a.domain = $1) AND a.address > $2 ORDER BY a.address LIMIT $3",
        (domain, after, limit),
    )
    return tuple(map(_account_of, rows))


def change_account(address: str, enabled: bool | None, limits: Limits | None) -> Steps[Account]:
    new = (
        (None,) * 4
        if limits is None
        else (limits.quota, limits.message_size, limits.recipients, limits.per_hour)
    )
    yield (
        """UPDATE directory_account SET enabled = COALESCE($2, enabled), quota = COALESCE($3, quota),
        message_size = COALESCE($4, message_size), recipients = COALESCE($5, recipients),
        per_hour = COALESCE($6, per_hour) WHERE address = $1""",
        (address, enabled, *new),
    )
    return (yield from account(address))


def remove_account(address: str) -> Steps[None]:
    yield (
        """DELETE FROM directory_credential WHERE account IN
        (SELECT id FROM directory_account WHERE address = $1)""",
        (address,),
    )
    if not (yield ("DELETE FROM directory_account WHERE address = $1 RETURNING id", (address,))):
        raise NotFound("there is no such account")


def put_credential(address: str, kind: str, value: str) -> Steps[None]:
    found = yield from account(address)
    yield (
        """INSERT INTO directory_credential (account, kind, value) VALUES ($1, $2, $3)
        ON CONFLICT (account, kind) DO UPDATE SET value = excluded.value""",
        (found.id, kind, value),
    )


def credential(address: str, kind: str) -> Steps[Credential | None]:
    rows = yield (
        """SELECT c.account, c.value FROM directory_account a JOIN directory_credential c ON c.account = a.id
        WHERE a.address = $1 AND c.kind = $2 AND a.enabled""",
        (address, kind),
    )
    return Credential(account=rows[0]["account"], kind=kind, value=rows[0]["value"]) if rows else None


def renew_credential(old: Credential, value: str) -> Steps[bool]:
    rows = yield (
        """UPDATE directory_credential SET value = $4 WHERE account = $1 AND kind = $2 AND value = $3
        RETURNING account""",
        (old.account, old.kind, old.value, value),
    )
    return bool(rows)


def identity(id_: str) -> Steps[Identity | None]:
    rows = yield (_ACCOUNT + "WHERE a.id = $1 AND a.enabled", (id_,))
    if not rows:
        return None
    found = _account_of(rows[0])
    own = (found.address, found.tenant)
    aliases = yield (
        """SELECT DISTINCT t.alias FROM directory_target t JOIN directory_alias a ON a.address = t.alias
        JOIN directory_domain d ON d.name = a.domain WHERE t.target = $1 AND d.tenant = $2""",
        own,
    )
    domains = yield ("SELECT name FROM directory_domain WHERE catch_all = $1 AND tenant = $2", own)
    return Identity(
        tenant=found.tenant,
        account=found.id,
        login=found.address,
        senders=frozenset((found.address, *(row["alias"] for row in aliases))),
        sender_domains=frozenset(row["name"] for row in domains),
        limits=found.limits,
    )


def _account_of(row: Row) -> Account:
    return Account(
        id=row["id"],
        tenant=row["tenant"],
        address=row["address"],
        enabled=bool(row["enabled"]),
        limits=Limits(
            quota=row["quota"],
            message_size=row["message_size"],
            recipients=row["recipients"],
            per_hour=row["per_hour"],
        ),
        created=row["created"],
    )
