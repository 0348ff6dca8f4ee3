"""Accounts, and who they are.

``app_only`` came with version 3 of the schema, and these statements are understood by version 2 too (DESIGN I8): the
name in the inner SELECT is the account's column where there is one, else the constant of ``BEFORE``. So was ``moved_to``
once.
"""

from __future__ import annotations

from collections.abc import Sequence

from yubin.accounts.port import Account, Credential, Identity, Limits
from yubin.accounts.steps import Row, Steps
from yubin.accounts.steps.credentials import put
from yubin.accounts.steps.domains import locked
from yubin.errors import Exists, NotFound

BEFORE = "CROSS JOIN (SELECT '' AS moved_to, FALSE AS app_only) before"
ACCOUNT = f"""SELECT a.id, d.tenant, a.address, a.enabled, a.quota, a.message_size, a.recipients, a.per_hour,
    a.created, (SELECT moved_to FROM directory_account m WHERE m.id = a.id) AS moved_to,
    (SELECT app_only FROM directory_account m WHERE m.id = a.id) AS app_only
    FROM directory_account a JOIN directory_domain d ON d.name = a.domain {BEFORE} """  # noqa: S608 - no value is put in


def add_account(new: Account, credentials: Sequence[Credential]) -> Steps[None]:
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
    for one in credentials:
        yield from put(new.id, one.kind, one.value)


def account(address: str) -> Steps[Account]:
    rows = yield (ACCOUNT + "WHERE a.address = $1", (address,))
    if not rows:
        raise NotFound("there is no such account")
    return account_of(rows[0], rows[0]["moved_to"], app_only=rows[0]["app_only"])


def accounts(domain: str, after: str, limit: int) -> Steps[tuple[Account, ...]]:
    rows = yield (
        ACCOUNT + "WHERE ($1 = '' OR a.domain = $1) AND a.address > $2 ORDER BY a.address LIMIT $3",
        (domain, after, limit),
    )
    return tuple(account_of(row, row["moved_to"], app_only=row["app_only"]) for row in rows)


def change_account(
    address: str,
    enabled: bool | None,
    limits: Limits | None,
    moved_to: str | None = None,
    app_only: bool | None = None,
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
    if app_only is not None:
        yield ("UPDATE directory_account SET app_only = $2 WHERE address = $1", (address, app_only))
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


def account_of(row: Row, moved_to: str, *, app_only: bool = False) -> Account:
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
        app_only=bool(app_only),
    )
