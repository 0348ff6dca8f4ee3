"""Leases in PostgreSQL: who holds one goes on holding it; anybody else is counted behind the account's lock.

A function, since the count has to be of what the lock protects (postgres_functions says why): one round trip for a login,
where a transaction takes five. Whoever renews waits for nobody.
"""

# ruff: noqa: S608 - put together from constants of our own; values travel as arguments

from __future__ import annotations

from yubin.mailboxes.postgres_functions import LOCK, Function, Status

TAKE = Function(
    name="mailbox_take",
    arguments="""
    account text, wanted text, holder text, seconds float8, most integer, clock float8,
    OUT status integer, OUT held boolean""",
    returns="record",
    body=f"""
DECLARE a mailbox_account;
BEGIN
    status := {Status.DONE:d};
    UPDATE mailbox_lease x SET until = clock + seconds
    WHERE x.account_id = account AND x.name = wanted AND x.owner = holder AND x.until > clock;
    held := FOUND;
    IF held THEN RETURN; END IF;{LOCK}
    INSERT INTO mailbox_lease SELECT account, wanted, holder, clock + seconds
    WHERE (
        SELECT count(*) FROM mailbox_lease x
        WHERE x.account_id = account AND x.name = wanted AND x.owner <> holder AND x.until > clock
    ) < most
    ON CONFLICT (account_id, name, owner) DO UPDATE SET until = excluded.until;
    held := FOUND;
END""",
)
CALL = "SELECT * FROM mailbox_take($1, $2, $3, $4, $5, extract(epoch FROM {now})::float8)"
RELEASE = "DELETE FROM mailbox_lease WHERE account_id = $1 AND name = $2 AND owner = $3"
