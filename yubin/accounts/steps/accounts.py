"""Accounts, their credentials, and who they are.

``moved_to`` came with version 2 of the schema, and these statements are understood by version 1 too (DESIGN I8): the
name in the inner SELECT is the account's column where there is one, else the empty one of ``BEFORE``.
"""

from __future__ import annotations

from yubin.accounts.port import Account, Credential, Identity, Limits
from yubin.accounts.steps import Row, Steps
from yubin.accounts.steps.domains import locked
from yubin.errors import Exists, NotFound

BEFORE = "CROSS JOIN (SELECT '' AS moved_to) before"
ACCOUNT = f"""SELECT a.id, d.tenant, a.address, a.enabled, a.quota, a.message_size, a.recipients, a.per_hour,
    a.created, (SELECT moved_to FROM directory_account m WHERE m.id = a.id) AS moved_to
    FROM directory_account a JOIN directory_domain d ON d.name = a.domain {BEFORE} """  # noqa: S608 - no value is put in


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
    if new.moved_to:
        yield from _move(new.address, new.moved_to)
    yield from put_credential(new.address, credential.kind, credential.value)


def account(address: str) -> Steps[Account]:
    rows = yield (ACCOUNT + "WHERE a.address = $1", (address,))
    if not rows:
        raise NotFound("there is no such account")
    return account_of(rows[0], rows[0]["moved_to"])


def accounts(domain: str, after: str, limit: int) -> Steps[tuple[Account, ...]]:
    rows = yield (
        ACCOUNT + "WHERE ($1 = '' OR a.domain = $1) AND a.address > $2 ORDER BY a.address LIMIT $3",
        (domain, after, limit),
    )
    return tuple(account_of(row, row["moved_to"]) for row in rows)


def change_account(
    address: str, enabled: bool | None, limits: Limits | None, moved_to: str | None = None
) -> Steps[Account]:
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
    if moved_to is not None:
        yield from _move(address, moved_to)
    return (yield from account(address))


def _move(address: str, moved_to: str) -> Steps[None]:
    yield ("UPDATE directory_account SET moved_to = $2 WHERE address = $1", (address, moved_to))


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
    rows = yield (ACCOUNT + "WHERE a.id = $1 AND a.enabled", (id_,))
    if not rows:
        return None
    found = account_of(rows[0], "")
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


def account_of(row: Row, moved_to: str) -> Account:
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
        moved_to=moved_to,
    )
