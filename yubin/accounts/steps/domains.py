"""Tenants, domains and their DKIM keys. ``scram`` came with version 3 of the schema: see accounts.py."""

from __future__ import annotations

from collections.abc import Sequence

from yubin.accounts.port import KEYS_PER_DOMAIN, SCRAM, DkimKey, DkimRecord, Domain, Tenant
from yubin.accounts.steps import Row, Steps
from yubin.errors import Exists, NotFound

_DKIM = "SELECT k.domain, k.selector, k.algorithm, k.name, k.text, k.signing, k.sealed, k.created FROM directory_dkim k "
_DOMAIN = """SELECT d.name, d.tenant, d.catch_all, d.created,
    (SELECT scram FROM directory_domain m WHERE m.name = d.name) AS scram
    FROM directory_domain d CROSS JOIN (SELECT FALSE AS scram) before """
_WHICH = "WHERE ($1 = '' OR tenant = $1) AND name > $2 ORDER BY name LIMIT $3"

_OF_THESE = ") p ON p.name = k.domain ORDER BY k.domain, k.n DESC"


def add_tenant(tenant: Tenant) -> Steps[None]:
    made = yield (
        "INSERT INTO directory_tenant (name, created) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING name",
        (tenant.name, tenant.created),
    )
    if not made:
        raise Exists("there is a tenant of this name")


def tenants(after: str, limit: int) -> Steps[tuple[Tenant, ...]]:
    rows = yield (
        "SELECT name, created FROM directory_tenant WHERE name > $1 ORDER BY name LIMIT $2",
        (after, limit),
    )
    return tuple(Tenant(name=row["name"], created=row["created"]) for row in rows)


def add_domain(new: Domain, key: DkimKey) -> Steps[Domain]:
    if not (yield ("SELECT name FROM directory_tenant WHERE name = $1", (new.tenant,))):
        raise NotFound("there is no such tenant")
    made = yield (
        """INSERT INTO directory_domain (name, tenant, catch_all, created) VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING RETURNING name""",
        (new.name, new.tenant, new.catch_all, new.created),
    )
    if not made:
        raise Exists("the domain is taken")
    yield from _insert_key(key)
    return (yield from domain(new.name))


def domain(name: str) -> Steps[Domain]:
    rows = yield (_DOMAIN + "WHERE d.name = $1", (name,))
    if not rows:
        raise NotFound("there is no such domain here")
    keys = yield (_DKIM + "WHERE k.domain = $1 ORDER BY k.n DESC", (name,))
    return _domain_of(rows[0], keys)


def domains(tenant: str, after: str, limit: int) -> Steps[tuple[Domain, ...]]:
    page = (tenant, after, limit)
    rows = yield (_DOMAIN + _WHICH, page)
    keys = yield (
        _DKIM + "JOIN (SELECT name FROM directory_domain " + _WHICH + _OF_THESE,  # noqa: S608 - no value is put in
        page,
    )
    by_domain: dict[str, list[Row]] = {}
    for key in keys:
        by_domain.setdefault(key["domain"], []).append(key)
    return tuple(_domain_of(row, by_domain.get(row["name"], ())) for row in rows)


def change_domain(name: str, scram: bool) -> Steps[Domain]:
    yield from locked(name)
    yield ("UPDATE directory_domain SET scram = $2 WHERE name = $1", (name, scram))
    if not scram:
        yield (
            """DELETE FROM directory_credential WHERE kind = $2 AND account IN
            (SELECT id FROM directory_account WHERE domain = $1)""",
            (name, SCRAM),
        )
    return (yield from domain(name))


def remove_domain(name: str) -> Steps[None]:
    yield from locked(name)
    if (yield ("SELECT id FROM directory_account WHERE domain = $1 LIMIT 1", (name,))):
        raise Exists("the domain still has accounts")
    yield (
        "DELETE FROM directory_target WHERE alias IN (SELECT address FROM directory_alias WHERE domain = $1)",
        (name,),
    )
    yield ("DELETE FROM directory_alias WHERE domain = $1", (name,))
    yield ("DELETE FROM directory_dkim WHERE domain = $1", (name,))
    yield ("DELETE FROM directory_domain WHERE name = $1", (name,))


def locked(domain: str) -> Steps[None]:
    """Until the transaction ends, nobody else adds to this domain; raises NotFound."""
    rows = yield (
        "UPDATE directory_domain SET tenant = tenant WHERE name = $1 RETURNING name",
        (domain,),
    )
    if not rows:
        raise NotFound("there is no such domain here")


def add_key(key: DkimKey) -> Steps[Domain]:
    yield from locked(key.domain)
    yield (
        """UPDATE directory_dkim SET signing = FALSE, sealed = $3
        WHERE domain = $1 AND algorithm = $2 AND signing""",
        (key.domain, key.record.algorithm, b""),
    )
    yield from _insert_key(key)
    yield (
        """DELETE FROM directory_dkim WHERE domain = $1 AND NOT signing AND selector NOT IN (SELECT selector
        FROM directory_dkim WHERE domain = $1 ORDER BY signing DESC, n DESC LIMIT $2)""",
        (key.domain, KEYS_PER_DOMAIN),
    )
    return (yield from domain(key.domain))


def _insert_key(key: DkimKey) -> Steps[None]:
    record = key.record
    made = yield (
        """INSERT INTO directory_dkim (domain, selector, algorithm, name, text, signing, sealed, created, n)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, COALESCE(MAX(n), 0) + 1 FROM directory_dkim WHERE domain = $1
        ON CONFLICT DO NOTHING RETURNING selector""",
        (
            key.domain,
            record.selector,
            record.algorithm,
            record.name,
            record.text,
            record.signing,
            key.sealed,
            key.created,
        ),
    )
    if not made:
        raise Exists("the domain has a key of this selector")


def keys(domain: str) -> Steps[tuple[DkimKey, ...]]:
    rows = yield (_DKIM + "WHERE k.domain = $1 AND k.signing ORDER BY k.n DESC", (domain,))
    return tuple(
        DkimKey(
            domain=row["domain"], record=_record(row), created=row["created"], sealed=bytes(row["sealed"])
        )
        for row in rows
    )


def _domain_of(row: Row, keys: Sequence[Row]) -> Domain:
    return Domain(
        name=row["name"],
        tenant=row["tenant"],
        created=row["created"],
        catch_all=row["catch_all"],
        dkim=tuple(map(_record, keys)),
        scram=bool(row["scram"]),
    )


def _record(row: Row) -> DkimRecord:
    return DkimRecord(
        selector=row["selector"],
        algorithm=row["algorithm"],
        name=row["name"],
        text=row["text"],
        signing=bool(row["signing"]),
    )
