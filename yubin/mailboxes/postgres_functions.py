"""What changes mailboxes most often, as PL/pgSQL functions: one round trip, and the account is locked for no longer.

Why functions: a change first locks the account and then reads what that lock protects. A single statement would read
through a snapshot from before it waited for the lock; a transaction of several statements holds the lock for as many
round trips. In a function each statement has a snapshot of its own (READ COMMITTED, VOLATILE). Measured with groups of 20
letters of 10 KB over one connection: 0.15 ms of the server's CPU a letter, 0.20 ms as a transaction of three statements.

All of them lock in the port's order: account rows (several: sorted), mailbox rows by id, entries. Whoever has the account's
row is its only writer, so the rest cannot deadlock. A function that does not find an account says so, and writes
nothing: it is not born here, since to insert one while holding others is how two deliveries would wait in a circle.

A function is part of the schema: the program before this one calls it too (DESIGN I8). It is changed by a migration that
replaces it with the same arguments and results, or by one that adds another name.
"""

# ruff: noqa: S608 - put together from constants of our own; values travel as arguments

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from yubin.errors import Exhausted, Failure, Invalid
from yubin.mailboxes.port import FIRST_KEYWORD, KEYWORDS, SystemFlag
from yubin.mailboxes.rules import no_mailbox

SEEN, DELETED = SystemFlag.SEEN.value, SystemFlag.DELETED.value
SYSTEM = (1 << FIRST_KEYWORD) - 1


class Status(IntEnum):
    """What became of it; of several reasons to refuse a letter the lowest counts."""

    DONE = 0
    NO_MAILBOX = 1
    BAD_FLAGS = 2
    FULL = 3
    KEYWORDS = 4
    KNOWN = 5
    NO_ACCOUNT = 6


_REFUSALS: Mapping[Status, Callable[[], Failure]] = {
    Status.NO_MAILBOX: no_mailbox,
    Status.BAD_FLAGS: lambda: Invalid("Such a flag cannot be set"),
    Status.FULL: lambda: Exhausted("The mailbox is full", code=452, enhanced="4.2.2"),
    Status.KEYWORDS: lambda: Exhausted(f"A mailbox has at most {KEYWORDS} keywords"),
}


def refusal(status: int) -> Failure:
    """What a status stands for that is neither DONE nor KNOWN."""
    return _REFUSALS[Status(status)]()


@dataclass(frozen=True, kw_only=True)
class Function:
    name: str
    arguments: str
    returns: str
    body: str
    language: str = "plpgsql"

    @property
    def create(self) -> str:
        return f"CREATE {self._definition}"

    @property
    def replace(self) -> str:
        """In place of one with the same arguments and results."""
        return f"CREATE OR REPLACE {self._definition}"

    @property
    def _definition(self) -> str:
        head = f"FUNCTION {self.name}({self.arguments}) RETURNS {self.returns} LANGUAGE {self.language}"
        return f"{head} AS $function${self.body}$function$"


# Sorted, one after the other. OFFSET 0, FOR UPDATE and sub-selects as values are fences: they keep to "for each that is
# given look there", where a plan made for a table of one row would walk the whole of it.
LOCK_ACCOUNTS = """
    PERFORM 1 FROM (SELECT DISTINCT x COLLATE "C" AS id FROM unnest(accounts) AS x ORDER BY 1) AS t
    CROSS JOIN LATERAL (SELECT 1 FROM mailbox_account a WHERE a.account_id = t.id FOR NO KEY UPDATE) AS a"""
LOCK = f"""
    SELECT x.* INTO a FROM mailbox_account x WHERE x.account_id = account FOR NO KEY UPDATE;
    IF NOT FOUND THEN status := {Status.NO_ACCOUNT:d}; RETURN; END IF;"""
LOCK_ONE = f"""{LOCK}
    SELECT x.* INTO m FROM mailbox x WHERE x.account_id = account AND x.id = box FOR NO KEY UPDATE;
    IF NOT FOUND THEN status := {Status.NO_MAILBOX:d}; RETURN; END IF;"""

FLAGS = (
    Function(
        name="mailbox_extended",  # a mailbox' keywords and behind them those of ``wanted`` that it has not yet
        arguments="known text[], wanted text[]",
        returns="text[]",
        language="sql IMMUTABLE",
        body="""
    SELECT known || ARRAY(
        SELECT w.name FROM unnest(wanted) WITH ORDINALITY AS w(name, n)
        WHERE lower(w.name) NOT IN (SELECT lower(k) FROM unnest(known) AS k) ORDER BY w.n
    )""",
    ),
    Function(
        name="mailbox_bits",  # the bits of those that the mailbox has
        arguments="known text[], wanted text[]",
        returns="bigint",
        language="sql IMMUTABLE",
        body=f"""
    SELECT coalesce(bit_or(1::bigint << (k.n + {FIRST_KEYWORD - 1})::integer), 0)
    FROM unnest(known) WITH ORDINALITY AS k(name, n)
    WHERE lower(k.name) IN (SELECT lower(w) FROM unnest(wanted) AS w)""",
    ),
    Function(
        name="mailbox_names",  # the keywords that a bit set has
        arguments="known text[], flags bigint",
        returns="text[]",
        language="sql IMMUTABLE",
        body=f"""
    SELECT ARRAY(
        SELECT k.name FROM unnest(known) WITH ORDINALITY AS k(name, n)
        WHERE flags >> (k.n + {FIRST_KEYWORD - 1})::integer & 1 = 1 ORDER BY k.n
    )""",
    ),
)
