"""App passwords: one for each mail program, random, named, for some services; shown once when it is made.

    app-k3d7m2qx-a6v2h-x4p7q-mz3ln-b5w2e
        id       secret: 20 letters of a-z2-7, 100 random bits

The form tells them from a person's password, which may not have it, and the id finds the row: so checking one costs a
look-up and SHA-256. That is enough: argon2id slows down guessing at what people choose, and nobody guesses 100 bits;
and it needs no key that could be lost with all of them. SCRAM and tokens do not know them.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Sequence

import msgspec
import structlog

from yubin.accounts.port import APP, MAIL_SERVICES, Accounts, AppPassword, Credential
from yubin.errors import Exhausted, Failure, Invalid, NotFound

log = structlog.get_logger()
MOST = 50  # of an account
NAME_LIMIT = 64  # characters
HOUR = 3600
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_FORM = re.compile(r"app-([a-z2-7]{8})((?:-[a-z2-7]{5}){4})", re.IGNORECASE)


class Row(msgspec.Struct, kw_only=True):
    """How it rests in the store, as JSON. ``used`` 0: never."""

    name: str
    services: list[str]
    sha256: str
    created: float
    used: int = 0


def shaped(password: str) -> bool:
    """Whether it has the form of an app password; a person's may not."""
    return _FORM.fullmatch(password.strip()) is not None


class AppPasswords:
    def __init__(self, accounts: Accounts, clock: Callable[[], float] = time.time) -> None:
        self._accounts, self._clock = accounts, clock

    async def holds(self, address: str, password: str, service: str) -> str | None:
        """The id of the account whose app password it is, for this service. None for an unknown address too."""
        id_, digest = _parts(password)
        found = await self._accounts.credential(address, APP + id_) if address else None
        row = _row(found) if found else None
        holds = hmac.compare_digest(row.sha256 if row else "", digest)
        if found is None or row is None or not holds or service not in row.services:
            return None
        await self._note(found, row)
        return found.account

    async def add(self, address: str, name: str, services: Sequence[str]) -> tuple[AppPassword, str]:
        _check(name, services)
        held = await self._accounts.app_passwords(address)
        if len(held) >= MOST:
            raise Exhausted(f"an account has at most {MOST} app passwords")
        id_, secret = _random(8), [_random(5) for _ in range(4)]
        password = "-".join(["app", id_, *secret])
        row = Row(
            name=name,
            services=sorted(set(services) or MAIL_SERVICES),
            sha256=_parts(password)[1],
            created=self._clock(),
        )
        await self._accounts.put_credentials(address, {APP + id_: msgspec.json.encode(row).decode()})
        return _shown(APP + id_, row), password

    async def of(self, address: str) -> tuple[AppPassword, ...]:
        """The oldest first."""
        found = [_shown(c.kind, _row(c)) for c in await self._accounts.app_passwords(address)]
        return tuple(sorted(found, key=lambda one: (one.created, one.id)))

    async def remove(self, address: str, id_: str) -> None:
        if all(c.kind != APP + id_ for c in await self._accounts.app_passwords(address)):
            raise NotFound("there is no such app password")
        await self._accounts.put_credentials(address, {APP + id_: None})

    async def _note(self, found: Credential, row: Row) -> None:
        """When it was used, to the hour; that it cannot be noted is no reason to refuse anybody."""
        hour = int(self._clock()) // HOUR * HOUR
        if hour <= row.used:
            return
        noted = msgspec.structs.replace(row, used=hour)
        try:
            await self._accounts.renew_credential(found, msgspec.json.encode(noted).decode())
        except Failure as failure:
            log.warning("The use of an app password was not noted.", action="app-password", why=str(failure))


def _parts(password: str) -> tuple[str, str]:
    """The id, and the SHA-256 of the whole; of something that is ``shaped``."""
    canonical = password.strip().lower()
    return canonical.split("-")[1], hashlib.sha256(canonical.encode()).hexdigest()


def _check(name: str, services: Sequence[str]) -> None:
    if not 1 <= len(name) <= NAME_LIMIT or not name.isprintable():
        raise Invalid(f"an app password's name has 1 to {NAME_LIMIT} printable characters")
    if not set(services) <= MAIL_SERVICES:
        raise Invalid("services are " + ", ".join(sorted(MAIL_SERVICES)))


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def _row(credential: Credential) -> Row:
    return msgspec.json.decode(credential.value, type=Row)


def _shown(kind: str, row: Row) -> AppPassword:
    return AppPassword(
        id=kind.removeprefix(APP),
        name=row.name,
        services=frozenset(row.services),
        created=row.created,
        used=row.used or None,
    )
