"""Which ledger an address names: ``memory:``, ``sqlite:///absolute/path`` or ``postgresql://…``."""

from __future__ import annotations

from urllib.parse import urlsplit

from yubin.queue.memory import MemoryLedger
from yubin.queue.port import Ledger, Terms


async def open_ledger(url: str, terms: Terms = Terms()) -> Ledger:  # noqa: B008 - frozen
    """Connect and migrate. Raises ValueError for an address of another kind, Unavailable when the database is away."""
    match urlsplit(url).scheme:
        case "memory":
            return MemoryLedger(terms)
        case "sqlite":
            from yubin.queue.sqlite import SqliteLedger  # late: a pod loads one driver, not all

            return await SqliteLedger.open(urlsplit(url).path, terms)
        case "postgresql" | "postgres":
            from yubin.queue.postgres import PostgresLedger

            return await PostgresLedger.open(url, terms)
    raise ValueError(f"a ledger is memory:, sqlite:///path or postgresql://…, not {url.partition(':')[0]}:")
