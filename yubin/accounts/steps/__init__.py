"""The store in SQL, once for both databases: what is asked and in which order; never how it is waited for.

Each operation is a generator: it yields a statement with its arguments and is sent the rows. The statements are of the
common tongue of SQLite 3.35 and PostgreSQL (``ON CONFLICT``, ``RETURNING``); arguments are ``$1``, ``$2``, …

What makes an address taken lies in two tables, so whoever adds to a domain or deletes it first takes the lock of its
row (``domains.locked``): by an UPDATE that changes nothing, which is how both databases understand it.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

V = TypeVar("V")
Row: TypeAlias = Mapping[str, Any]
Statement: TypeAlias = tuple[str, tuple[Any, ...]]
Steps: TypeAlias = Generator[Statement, Sequence[Any], V]  # rows are read by name
