"""Which mailboxes an address names: ``memory:``, ``sqlite:///absolute/path`` or ``postgresql://…``."""

from __future__ import annotations

from urllib.parse import urlsplit

from yubin.mailboxes.memory import MemoryMailboxes
from yubin.mailboxes.port import Mailboxes


async def open_mailboxes(url: str) -> Mailboxes:
    """Connect and migrate. Raises ValueError for an address of another kind, Unavailable when the database is away."""
    match urlsplit(url).scheme:
        case "memory":
            return MemoryMailboxes()
        case "sqlite":
            from yubin.mailboxes.sqlite import SqliteMailboxes  # late: a pod loads one driver, not all

            return await SqliteMailboxes.open(urlsplit(url).path)
        case "postgresql" | "postgres":
            from yubin.mailboxes.postgres import PostgresMailboxes

            return await PostgresMailboxes.open(url)
    raise ValueError(f"mailboxes are memory:, sqlite:///path or postgresql://…, not {url.partition(':')[0]}:")
