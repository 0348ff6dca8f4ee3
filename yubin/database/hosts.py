"""The hosts that an address of PostgreSQL names, one of which takes writes: the primary, or who took over from it.

They are asked in turn, beginning with the one that answered last, and each has a few seconds of its own: a machine that
is gone often says nothing at all, and must not use up the time of the one that lives. A host that is away, is starting,
or is a standby is passed over; any other refusal (a wrong password, no such database) is raised as it came.
"""

from __future__ import annotations

import contextlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg

from yubin.database.failures import postgres_failure
from yubin.errors import Unavailable

ALONE = 10.0  # seconds to connect to a host that has no other beside it
EACH = 3.0
CLOSING = 2.0
WRITABLE = "read-write"


class Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg carries no types
    """Closed for certain, and soon: a machine that is gone does not take part in a goodbye."""

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - of the driver
        with contextlib.suppress(TimeoutError):  # the driver has cut it off then
            await super().close(timeout=min(timeout or CLOSING, CLOSING))


def each_host(dsn: str) -> list[str]:
    """``dsn`` once for every host in it: ``postgresql://user@a:5432,b:5433/name``."""
    parts = urlsplit(dsn)
    if "," not in parts.netloc:
        return [dsn]
    user, at, hosts = parts.netloc.rpartition("@")
    return [parts._replace(netloc=f"{user}{at}{host}").geturl() for host in hosts.split(",")]


class Hosts:
    """``connect`` is what asyncpg's pool calls for each connection."""

    def __init__(self, dsn: str) -> None:
        self._each = each_host(dsn)
        self._first = 0  # the place of the one that answered last
        self._given: dict[str, Any] = {"timeout": EACH if len(self._each) > 1 else ALONE}
        if "target_session_attrs" not in parse_qs(urlsplit(dsn).query):
            self._given["target_session_attrs"] = WRITABLE

    async def connect(self, _dsn: str, **given: Any) -> Any:
        """A connection to the first that takes writes. Raises what the driver raises."""
        last: Exception = OSError("no host is named")
        for place in [*range(self._first, len(self._each)), *range(self._first)]:
            try:
                found = await asyncpg.connect(self._each[place], **given | self._given)
            except Exception as cause:
                if not isinstance(postgres_failure(cause, sent=False), Unavailable):
                    raise
                last = cause
            else:
                self._first = place
                return found
        raise last
