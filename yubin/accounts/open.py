"""The store that a URL names: ``memory:``, ``sqlite:///absolute/path`` or ``postgresql://…``."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from yubin.accounts.port import Accounts
from yubin.errors import Invalid


async def open_accounts(url: str) -> Accounts:
    """Opened and migrated; raises Invalid for another scheme, Unavailable when it cannot be reached."""
    parts = urlsplit(url)
    if parts.scheme == "memory":
        from yubin.accounts.memory import MemoryAccounts

        return MemoryAccounts()
    if parts.scheme == "sqlite":
        from yubin.accounts.sqlite import SqliteAccounts

        return await SqliteAccounts.open(unquote(parts.path))
    if parts.scheme in {"postgresql", "postgres"}:
        from yubin.accounts.postgres import PostgresAccounts  # asyncpg is loaded where it is used

        return await PostgresAccounts.open(url)
    raise Invalid("a store of accounts is memory:, sqlite:///path or postgresql://…")
