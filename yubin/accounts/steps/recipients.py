"""Where mail goes (``yubin.accounts.resolve``), one statement for each level of aliases: each is one snapshot."""

from __future__ import annotations

from collections.abc import Sequence

from yubin.accounts.port import Account, Destination
from yubin.accounts.resolve import Facts
from yubin.accounts.resolve import resolve as rules
from yubin.accounts.steps import Row, Statement, Steps
from yubin.accounts.steps.accounts import ACCOUNT, BEFORE, account_of

# what | address | tenant | word: the catch-all, where it has moved to, or a target | n: the target's place
_FACTS = """WITH wanted (address) AS (VALUES {addresses}),
    owned AS (SELECT name, tenant, catch_all FROM directory_domain WHERE name IN ({domains})),
    asked (address) AS (SELECT address FROM wanted UNION SELECT catch_all FROM owned WHERE catch_all <> '')
SELECT 'domain' AS what, name AS address, tenant, catch_all AS word, '' AS id, TRUE AS enabled, 0 AS quota,
    0 AS message_size, 0 AS recipients, 0 AS per_hour, 0 AS created, 0 AS n FROM owned
UNION ALL SELECT 'target', t.alias, '', t.target, '', TRUE, 0, 0, 0, 0, 0, t.n
    FROM wanted w JOIN directory_target t ON t.alias = w.address
UNION ALL SELECT 'account', a.address, d.tenant,
    (SELECT moved_to FROM directory_account m WHERE m.id = a.id), a.id, a.enabled, a.quota, a.message_size,
    a.recipients, a.per_hour, a.created, 0
    FROM asked q JOIN directory_account a ON a.address = q.address JOIN directory_domain d ON d.name = a.domain
    """  # fmt: skip


def resolve(address: str) -> Steps[Destination]:
    asking = rules(address)
    try:
        wanted = next(asking)
        while True:
            rows = yield _question(wanted)
            wanted = asking.send(_facts(rows))
    except StopIteration as end:
        result: Destination = end.value
        return result


def enabled(ids: Sequence[str]) -> Steps[dict[str, Account]]:
    if not ids:
        return {}
    rows = yield (f"{ACCOUNT} WHERE a.enabled AND a.id IN ({_places(1, len(ids))})", tuple(ids))
    return {row["id"]: account_of(row, row["moved_to"], app_only=row["app_only"]) for row in rows}


def _question(addresses: Sequence[str]) -> Statement:
    domains = tuple(dict.fromkeys(address.rpartition("@")[2] for address in addresses))
    values = ", ".join(f"(CAST(${n} AS TEXT))" for n in range(1, len(addresses) + 1))
    places = _places(len(addresses) + 1, len(domains))
    return _FACTS.format(addresses=values, domains=places) + BEFORE, (*addresses, *domains)


def _places(first: int, count: int) -> str:
    return ", ".join(f"${n}" for n in range(first, first + count))


def _facts(rows: Sequence[Row]) -> Facts:
    targets: dict[str, list[Row]] = {}
    for row in rows:
        if row["what"] == "target":
            targets.setdefault(row["address"], []).append(row)
    return Facts(
        domains={row["address"]: (row["tenant"], row["word"]) for row in rows if row["what"] == "domain"},
        accounts={row["address"]: account_of(row, row["word"]) for row in rows if row["what"] == "account"},
        aliases={
            alias: tuple(row["word"] for row in sorted(found, key=lambda row: row["n"]))
            for alias, found in targets.items()
        },
    )
