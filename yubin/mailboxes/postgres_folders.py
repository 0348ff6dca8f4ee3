"""What changes seldom, in PostgreSQL: mailboxes are made, renamed and deleted, accounts are forgotten.

Each is one transaction of several statements under the account's lock, and decides by the rules that all stores share.
"""

from __future__ import annotations

from typing import Any

from yubin.errors import Invalid
from yubin.mailboxes import postgres_statements as sql
from yubin.mailboxes import rules
from yubin.mailboxes.port import FIRST, INBOX, Mailbox
from yubin.mailboxes.postgres_functions import Status, refusal
from yubin.mailboxes.postgres_rows import Record, to_mailbox

Connection = Any  # asyncpg.Connection, which carries no types
NAMES, USES = [name for name, _ in FIRST], [use for _, use in FIRST]


class Folders:
    """``now`` is an SQL expression of type timestamptz."""

    def __init__(self, now: str) -> None:
        self.born = sql.BORN.format(now=now)
        self._copy = sql.COPY.format(now=now)
        self._clock = f"SELECT floor({sql.CLOCK})::bigint".format(now=now)

    async def lock(self, conn: Connection, account: str) -> Record:
        """The account's row, which comes into being where it is missing: nothing else is held yet."""
        found = await conn.fetchrow(sql.LOCK_ACCOUNT, account)
        if found is None:
            await conn.fetch(self.born, [account], NAMES, USES)
            found = await conn.fetchrow(sql.LOCK_ACCOUNT, account)
        return found

    async def create(self, conn: Connection, account: str, name: str, special_use: str) -> Mailbox:
        """Under the account's lock."""
        mine = await conn.fetchrow(sql.LOCK_ACCOUNT, account)
        others = await conn.fetch(sql.MAILBOXES, account)
        rules.check_new([m["name"] for m in others], [m["special_use"] for m in others], name, special_use)
        valid = max(mine["uidvalidity_next"], await conn.fetchval(self._clock))
        id_ = mine["mailbox_next"]
        await conn.execute(sql.COUNT, account, valid)
        await conn.execute(sql.CREATE, account, id_, name, valid, mine["modseq"] + 1, special_use)
        return await mailbox(conn, account, id_)

    async def rename(self, conn: Connection, account: str, mailbox_id: int, name: str) -> Mailbox:
        await self.lock(conn, account)
        if (await mailbox(conn, account, mailbox_id)).name == INBOX:
            return await self._rename_inbox(conn, account, mailbox_id, name)
        ids = {m["name"]: m["id"] for m in await conn.fetch(sql.MAILBOXES, account)}
        old = next(was for was, id_ in ids.items() if id_ == mailbox_id)
        pairs = rules.renamed(ids, old, name)
        await conn.execute(sql.RENAME, account, [ids[was] for was, _ in pairs], [new for _, new in pairs])
        return await mailbox(conn, account, mailbox_id)

    async def delete(self, conn: Connection, account: str, mailbox_id: int) -> None:
        await self.lock(conn, account)
        if (await mailbox(conn, account, mailbox_id)).name == INBOX:
            raise Invalid("INBOX cannot be deleted")  # RFC 9051 6.3.5
        for statement in sql.DELETE:
            await conn.execute(statement, account, mailbox_id)

    async def forget(self, conn: Connection, account: str) -> None:
        """Its letters are loose then, and swept piece by piece: there may be a million."""
        if await conn.fetchrow(sql.LOCK_ACCOUNT, account):
            for statement in sql.FORGET:
                await conn.execute(statement, account)

    async def _rename_inbox(self, conn: Connection, account: str, inbox: int, name: str) -> Mailbox:
        """INBOX stays, and is empty; what lies below it stays where it is (RFC 9051 6.3.6)."""
        made = await self.create(conn, account, name, "")
        uids = [row["uid"] for row in await conn.fetch(sql.UIDS, account, inbox)]
        moved = await conn.fetchrow(self._copy, account, inbox, uids, made.id, True, 0)
        if moved["status"] != Status.DONE:
            raise refusal(moved["status"])
        return await mailbox(conn, account, made.id)


async def mailbox(conn: Connection, account: str, mailbox_id: int) -> Mailbox:
    found = await conn.fetchrow(sql.MAILBOX, account, mailbox_id)
    if found is None:
        raise rules.no_mailbox()
    return to_mailbox(found)
