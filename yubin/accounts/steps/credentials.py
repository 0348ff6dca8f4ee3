"""Credentials: rows of an account by kind. An app password is one too: its kind has its id."""

from __future__ import annotations

from collections.abc import Mapping

from yubin.accounts.port import APP, Credential, Holder
from yubin.accounts.steps import Steps
from yubin.errors import NotFound

_IS_APP = f"substr(c.kind, 1, {len(APP)}) = '{APP}'"
_HOLDER = f"""SELECT a.id, c.kind, c.value,
    (SELECT scram FROM directory_domain m WHERE m.name = a.domain) AS scram,
    (SELECT app_only FROM directory_account m WHERE m.id = a.id) AS app_only
    FROM directory_account a LEFT JOIN directory_credential c ON c.account = a.id AND NOT {_IS_APP}
    CROSS JOIN (SELECT FALSE AS scram, FALSE AS app_only) before WHERE a.address = $1 AND a.enabled"""  # noqa: S608
_APPS = f"""SELECT a.id, c.kind, c.value FROM directory_account a
    LEFT JOIN directory_credential c ON c.account = a.id AND {_IS_APP} WHERE a.address = $1"""  # noqa: S608


def put_credentials(address: str, values: Mapping[str, str | None]) -> Steps[None]:
    found = yield ("SELECT id FROM directory_account WHERE address = $1", (address,))
    if not found:
        raise NotFound("there is no such account")
    for kind, value in values.items():
        yield from put(found[0]["id"], kind, value)


def put(account: str, kind: str, value: str | None) -> Steps[None]:
    if value is None:
        yield ("DELETE FROM directory_credential WHERE account = $1 AND kind = $2", (account, kind))
        return
    yield (
        """INSERT INTO directory_credential (account, kind, value) VALUES ($1, $2, $3)
        ON CONFLICT (account, kind) DO UPDATE SET value = excluded.value""",
        (account, kind, value),
    )


def credential(address: str, kind: str) -> Steps[Credential | None]:
    rows = yield (
        """SELECT c.account, c.value FROM directory_account a JOIN directory_credential c ON c.account = a.id
        WHERE a.address = $1 AND c.kind = $2 AND a.enabled""",
        (address, kind),
    )
    return Credential(account=rows[0]["account"], kind=kind, value=rows[0]["value"]) if rows else None


def holder(address: str) -> Steps[Holder | None]:
    rows = yield (_HOLDER, (address,))
    if not rows:
        return None
    account = rows[0]["id"]
    return Holder(
        account=account,
        scram=bool(rows[0]["scram"]),
        app_only=bool(rows[0]["app_only"]),
        credentials={
            row["kind"]: Credential(account=account, kind=row["kind"], value=row["value"])
            for row in rows
            if row["kind"] is not None
        },
    )


def app_passwords(address: str) -> Steps[tuple[Credential, ...]]:
    rows = yield (_APPS, (address,))
    if not rows:
        raise NotFound("there is no such account")
    return tuple(
        Credential(account=row["id"], kind=row["kind"], value=row["value"])
        for row in rows
        if row["kind"] is not None
    )


def renew_credential(old: Credential, value: str) -> Steps[bool]:
    rows = yield (
        """UPDATE directory_credential SET value = $4 WHERE account = $1 AND kind = $2 AND value = $3
        RETURNING account""",
        (old.account, old.kind, old.value, value),
    )
    return bool(rows)


def join_credential(old: Credential, new: Credential) -> Steps[bool]:
    """The UPDATE that changes nothing holds the row until the end."""
    if not (yield from renew_credential(old, old.value)):
        return False
    yield from put(new.account, new.kind, new.value)
    return True
