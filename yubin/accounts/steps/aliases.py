"""Aliases and their targets."""

from __future__ import annotations

from yubin.accounts.port import Alias
from yubin.accounts.steps import Steps
from yubin.accounts.steps.domains import locked
from yubin.errors import Exists, NotFound


def put_alias(alias: Alias) -> Steps[None]:
    domain = alias.address.rpartition("@")[2]
    yield from locked(domain)
    if (yield ("SELECT id FROM directory_account WHERE address = $1", (alias.address,))):
        raise Exists("an account has this address")
    yield (
        "INSERT INTO directory_alias (address, domain) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        (alias.address, domain),
    )
    yield ("DELETE FROM directory_target WHERE alias = $1", (alias.address,))
    for n, target in enumerate(alias.targets):
        yield (
            "INSERT INTO directory_target (alias, n, target) VALUES ($1, $2, $3)",
            (alias.address, n, target),
        )


def aliases(domain: str, after: str, limit: int) -> Steps[tuple[Alias, ...]]:
    rows = yield (
        """SELECT t.alias, d.tenant, t.target FROM directory_target t
        JOIN (SELECT address, domain FROM directory_alias WHERE ($1 = '' OR domain = $1) AND address > $2
            ORDER BY address LIMIT $3) p ON p.address = t.alias
        JOIN directory_domain d ON d.name = p.domain ORDER BY t.alias, t.n""",
        (domain, after, limit),
    )
    found: dict[str, Alias] = {}
    for row in rows:
        old = found.get(row["alias"])
        targets = (*(old.targets if old else ()), row["target"])
        found[row["alias"]] = Alias(address=row["alias"], tenant=row["tenant"], targets=targets)
    return tuple(found.values())


def remove_alias(address: str) -> Steps[None]:
    yield ("DELETE FROM directory_target WHERE alias = $1", (address,))
    if not (yield ("DELETE FROM directory_alias WHERE address = $1 RETURNING address", (address,))):
        raise NotFound("there is no such alias")
