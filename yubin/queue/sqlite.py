"""The ledger in one SQLite file: rows are read, changed by the rules of ``yubin.queue.life``, and written back.

Every operation is one transaction on the file's writer thread, under BEGIN IMMEDIATE, so that nobody stands between the
read and the write, in this process or another. Wishes and flushes go page by page, so that a large selection
holds nobody up. The clock is the machine's, which all users of the file share. (Longer than most modules: it is the whole
port in one class, each method a few lines.)
"""

from __future__ import annotations

import random as chance
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from uuid import UUID

from yubin.database.sqlite import SqliteFile
from yubin.ids import number
from yubin.queue import life, rules
from yubin.queue import sqlite_rows as rows
from yubin.queue.life import News, Recipient, Row
from yubin.queue.port import (
    Claim,
    Compose,
    DeliveryView,
    Depth,
    Event,
    EventKind,
    Finished,
    Hold,
    Letter,
    Message,
    Release,
    Result,
    Selection,
    State,
    Terms,
    Ticket,
    Tracking,
    Wish,
)
from yubin.queue.schema import SQLITE
from yubin.queue.sqlite_sweep import sweep

PAGE = 500  # rows changed in one transaction by wish and flush
GLANCE = 2000  # due rows looked at before the sites are counted the long way


class SqliteLedger:
    """Made by ``open``."""

    def __init__(
        self, file: SqliteFile, terms: Terms, clock: Callable[[], float], random: Callable[[], float]
    ) -> None:
        self._file, self._terms, self._clock, self._random = file, terms, clock, random
        self._turns = rules.Turns()

    @classmethod
    async def open(
        cls,
        path: Path | str,
        terms: Terms = Terms(),  # noqa: B008 - frozen
        *,
        clock: Callable[[], float] = time.time,
        random: Callable[[], float] = chance.random,
    ) -> SqliteLedger:
        return cls(await SqliteFile.open(path, SQLITE), terms, clock, random)

    async def accept(self, letters: Sequence[Letter]) -> None:
        await self._file.write(lambda conn: rows.insert_letters(conn, letters, self._clock(), self._terms))

    async def known(self, message_ids: Sequence[UUID]) -> set[UUID]:
        return await self._file.read(lambda conn: {id_ for id_ in message_ids if rows.is_known(conn, id_)})

    async def claim(self, tickets: Sequence[Ticket], *, owner: str, lease: float) -> list[Claim | None]:
        def work(conn: sqlite3.Connection) -> list[Claim | None]:
            now = self._clock()
            return [self._claim(conn, ticket, owner, lease, now) for ticket in tickets]

        return await self._file.write(work)

    async def due_sites(self, limit: int) -> list[str]:
        return await self._file.read(lambda conn: _due_sites(conn, self._clock())[:limit])

    async def claim_due(self, rooms: Mapping[str, int], *, owner: str, lease: float) -> list[Claim]:
        def work(conn: sqlite3.Connection) -> list[Claim]:
            now = self._clock()
            self._take_back(conn, set(rooms), now)
            tickets = [ticket for site, room in rooms.items() for ticket in self._next(conn, site, room, now)]
            claims = (self._claim(conn, ticket, owner, lease, now) for ticket in tickets)
            return [claim for claim in claims if claim]

        return await self._file.write(work) if rooms else []

    async def renew(self, holds: Sequence[Hold], *, lease: float) -> list[bool]:
        return await self._file.write(
            lambda conn: self._hold(conn, holds, "lease_until = :now + :lease", lease)
        )

    async def mark_in_doubt(self, holds: Sequence[Hold]) -> list[bool]:
        return await self._file.write(lambda conn: self._hold(conn, holds, "marked = 1"))

    async def finish(self, results: Sequence[Result]) -> list[Finished]:
        def work(conn: sqlite3.Connection) -> list[Finished]:
            now = self._clock()
            return [self._finish(conn, result, now) for result in results]

        return await self._file.write(work)

    async def release(self, releases: Sequence[Release]) -> list[bool]:
        def work(conn: sqlite3.Connection) -> list[bool]:
            now = self._clock()
            return [self._release(conn, given, now) for given in releases]

        return await self._file.write(work)

    async def reroute(self, tickets: Sequence[Ticket], *, delay: float) -> list[bool]:
        def work(conn: sqlite3.Connection) -> list[bool]:
            sql = "UPDATE delivery SET site = ?, due = min(expires, ?) WHERE id = ? AND epoch = ? AND waiting"
            due = self._clock() + delay
            return [
                conn.execute(sql, (t.site, due, t.delivery_id.bytes, t.epoch)).rowcount > 0 for t in tickets
            ]

        return await self._file.write(work)

    async def expire(self, limit: int) -> list[UUID]:
        def work(conn: sqlite3.Connection) -> list[UUID]:
            now = self._clock()
            old = conn.execute(
                "SELECT id FROM delivery WHERE waiting AND alarm <= ? AND expires <= ? ORDER BY alarm LIMIT ?",
                (now, now, limit),
            ).fetchall()
            owed: dict[UUID, None] = {}
            for (key,) in old:
                row, recipients = rows.load(conn, key)
                if row:
                    self._store(conn, row, recipients, life.expire(row, recipients, now), now)
                    owed |= {row.message_id: None} if any(r.owed for r in recipients) else {}
            return list(owed)

        return await self._file.write(work)

    async def reports_due(self, limit: int) -> list[UUID]:
        def work(conn: sqlite3.Connection) -> list[UUID]:
            now = self._clock()
            found = conn.execute(
                "SELECT d.message_id FROM recipient r JOIN delivery d ON d.id = r.delivery_id WHERE r.owed"
                " UNION SELECT message_id FROM delivery WHERE waiting AND alarm <= ? AND expires > ? LIMIT ?",
                (now, now, limit),
            )
            return [UUID(bytes=key) for (key,) in found]

        return await self._file.read(work)

    async def report(self, message_id: UUID, compose: Compose) -> UUID | None:
        return await self._file.write(lambda conn: self._report(conn, message_id, compose))

    async def message(self, message_id: UUID) -> Message | None:
        return await self._file.read(lambda conn: rows.load_message(conn, message_id))

    async def body(self, message_id: UUID) -> bytes | None:
        return await self._file.read(lambda conn: rows.load_body(conn, message_id))

    async def track(self, message_id: UUID) -> Tracking | None:
        def work(conn: sqlite3.Connection) -> Tracking | None:
            message = rows.load_message(conn, message_id)
            if not message:
                return None
            views = tuple(life.view(row, rs, message) for row, rs in rows.deliveries_of(conn, message_id))
            events = tuple(rows.events(conn, "WHERE e.message_id = ? ORDER BY e.seq", message_id.bytes))
            return Tracking(message=message, deliveries=views, events=events)

        return await self._file.read(work)

    async def wish(self, selection: Selection, wish: Wish) -> int:
        def change(row: Row, recipients: Sequence[Recipient], now: float) -> list[News] | None:
            return life.honour(row, recipients, now) if life.ask(row, wish) else None

        return await self._each(selection, change)

    async def flush(self, selection: Selection) -> int:
        return await self._each(selection, lambda row, _, now: life.flush(row, now))

    async def unrelayed(self, limit: int) -> list[Event]:
        return await self._file.read(
            lambda conn: list(rows.events(conn, "WHERE NOT e.relayed ORDER BY e.seq LIMIT ?", limit))
        )

    async def relayed(self, seqs: Sequence[int]) -> None:
        await self._file.write(
            lambda conn: conn.executemany(
                "UPDATE event SET relayed = 1 WHERE seq = ?", [(seq,) for seq in seqs]
            )
        )

    async def depth(self) -> Depth:
        return await self._file.read(lambda conn: _depth(conn, self._clock()))

    async def sweep(self, limit: int) -> list[UUID]:
        return await self._file.write(lambda conn: sweep(conn, self._clock(), self._terms.keep_events, limit))

    async def ping(self) -> None:
        await self._file.ping()

    async def close(self) -> None:
        await self._file.close()

    def _claim(
        self, conn: sqlite3.Connection, ticket: Ticket, owner: str, lease: float, now: float
    ) -> Claim | None:
        row, recipients = rows.load(conn, ticket.delivery_id)
        if not row or not life.claim(row, ticket, owner=owner, lease=lease, now=now):
            return None
        life.schedule(row, now, self._terms, self._random)
        self._store(conn, row, (), [News(kind=EventKind.ATTEMPT)], now)
        message = rows.load_message(conn, row.message_id)
        if not message:
            return None
        return life.claimed(row, recipients, message, rows.load_body(conn, row.message_id), now)

    def _next(self, conn: sqlite3.Connection, site: str, room: int, now: float) -> list[Ticket]:
        """Whose turn it is: a loose scan over tenants, the oldest rows of each."""
        after = self._turns.after(site)
        waiting = {tenant: _oldest(conn, site, tenant, room, now) for tenant in _tenants(conn, site, after)}
        tickets = []
        for tenant, key, epoch in rules.take_turns(
            {t: due for t, due in waiting.items() if due}, after, room
        ):
            tickets.append(Ticket(delivery_id=UUID(bytes=key), epoch=epoch, site=site))
            self._turns.served(site, tenant)
        return tickets

    def _take_back(self, conn: sqlite3.Connection, sites: set[str], now: float) -> None:
        lost = (
            "SELECT id FROM delivery WHERE lease_until IS NOT NULL AND lease_until <= ? AND site = ?"
            " ORDER BY lease_until LIMIT ?"
        )
        asked = [conn.execute(lost, (now, site, rules.LEASES_AT_ONCE)).fetchall() for site in sites]
        for (key,) in (found for some in asked for found in some):
            row, recipients = rows.load(conn, key)
            if row:
                news = life.lost(row, recipients, now, self._terms, self._random)
                self._store(conn, row, recipients, [*news, *life.honour(row, recipients, now)], now)

    def _hold(
        self, conn: sqlite3.Connection, holds: Sequence[Hold], change: str, lease: float = 0.0
    ) -> list[bool]:
        sql = (
            f"UPDATE delivery SET {change} WHERE id = :id AND epoch = :epoch AND state = 'sending'"  # noqa: S608
            " AND lease_until > :now"
        )
        now = self._clock()
        asked = ({"id": h.delivery_id.bytes, "epoch": h.epoch, "now": now, "lease": lease} for h in holds)
        return [conn.execute(sql, values).rowcount > 0 for values in asked]

    def _finish(self, conn: sqlite3.Connection, result: Result, now: float) -> Finished:
        row, recipients = rows.load(conn, result.delivery_id)
        if not row:
            return Finished(delivery_id=result.delivery_id, held=False, report=False)
        held = life.ours(row, result.epoch)
        news = list(life.finish(row, recipients, result, now))
        self._store(conn, row, recipients, [*news, *life.honour(row, recipients, now)], now)
        return Finished(delivery_id=row.id, held=held, report=any(r.owed for r in recipients))

    def _release(self, conn: sqlite3.Connection, given: Release, now: float) -> bool:
        row, recipients = rows.load(conn, given.delivery_id)
        if not row or not life.ours(row, given.epoch):
            return False
        life.release(row, recipients, given, now)
        conn.execute(  # an attempt that was given back was none
            "DELETE FROM event WHERE seq = (SELECT max(seq) FROM event WHERE message_id = ? AND delivery_id = ?"
            " AND kind = ?)",
            (row.message_id.bytes, row.id.bytes, EventKind.ATTEMPT),
        )
        self._store(conn, row, recipients, life.honour(row, recipients, now), now)
        return True

    def _report(self, conn: sqlite3.Connection, message_id: UUID, compose: Compose) -> UUID | None:
        now = self._clock()
        message = rows.load_message(conn, message_id)
        pairs = rows.deliveries_of(conn, message_id)
        told = [(row, r, said) for row, rs in pairs for r, said in life.reportables(row, rs, now)]
        if not message or not told:
            return None
        dsn = compose(message, [said for _, _, said in told])
        if dsn:
            rows.insert_letters(conn, [dsn], now, self._terms)
        for row, recipient, _ in told:
            recipient.owed = False
            if recipient.pending:
                row.alarm = row.expires
            text = number(dsn.message.id) if dsn else ""
            news = [News(kind=EventKind.REPORTED, n=recipient.n, text=text)] if dsn else []
            self._store(conn, row, [recipient], news, now)
        return dsn.message.id if dsn else None

    async def _each(
        self, selection: Selection, change: Callable[[Row, Sequence[Recipient], float], Iterable[News] | None]
    ) -> int:
        """Change chosen rows, page by page; ``change`` answers None where it changed nothing. How many changed."""
        after: UUID | None = None
        touched = 0

        def work(conn: sqlite3.Connection) -> tuple[UUID | None, int]:
            now, count = self._clock(), 0
            page = rows.select(conn, selection, limit=PAGE, after=after)
            for row, _ in page:
                recipients = rows.recipients_of(conn, row.id.bytes)
                news = change(row, recipients, now)
                if news is not None:
                    self._store(conn, row, recipients, news, now)
                    count += 1
            return (page[-1][0].id if len(page) == PAGE else None), count

        while True:
            after, count = await self._file.write(work)
            touched += count
            if after is None:
                return touched

    @staticmethod
    def _store(
        conn: sqlite3.Connection, row: Row, recipients: Sequence[Recipient], news: Iterable[News], now: float
    ) -> None:
        rows.save(conn, row, recipients)
        rows.tell(conn, row, news, now)

    async def list(
        self, selection: Selection, *, limit: int, after: UUID | None = None
    ) -> list[DeliveryView]:
        def work(conn: sqlite3.Connection) -> list[DeliveryView]:
            page = rows.select(conn, selection, limit=limit, after=after)
            return [life.view(row, rows.recipients_of(conn, row.id.bytes), message) for row, message in page]

        return await self._file.read(work)


def _due_sites(conn: sqlite3.Connection, now: float) -> list[str]:
    """Exact: a glance at the oldest due rows where they are few, else one step for each site that has rows waiting."""
    lost = "SELECT DISTINCT site FROM delivery WHERE lease_until IS NOT NULL AND lease_until <= ?"
    sites = {site: None for (site,) in conn.execute(lost, (now,))}
    glance = conn.execute(
        "SELECT site FROM delivery WHERE waiting AND due <= ? AND expires > ? ORDER BY due LIMIT ?",
        (now, now, GLANCE),
    ).fetchall()
    found = glance if len(glance) < GLANCE else conn.execute(_LOOSE, (now, now))
    return list(sites | {site: None for (site,) in found})


_LOOSE = """
    WITH RECURSIVE waiting(site) AS (
        SELECT min(site) FROM delivery WHERE waiting
        UNION ALL
        SELECT (SELECT min(d.site) FROM delivery d WHERE d.waiting AND d.site > waiting.site) FROM waiting
        WHERE waiting.site IS NOT NULL
    )
    SELECT site FROM waiting WHERE EXISTS (
        SELECT 1 FROM delivery d WHERE d.waiting AND d.site = waiting.site AND d.due <= ? AND d.expires > ?)
"""


def _tenants(conn: sqlite3.Connection, site: str, after: str) -> list[str]:
    """Tenants with rows waiting at a site, behind ``after`` first, then from the beginning; a step of the index each."""
    following = "SELECT min(tenant) FROM delivery WHERE waiting AND site = ? AND tenant > ?"
    found: list[str] = []
    start, wrapped = after, False
    while len(found) < rules.TENANTS_IN_TURN:
        tenant: str | None = conn.execute(following, (site, start)).fetchone()[0]
        if tenant is None or (wrapped and tenant > after):
            if wrapped or not after:
                break
            wrapped, start = True, ""
            continue
        found.append(tenant)
        start = tenant
    return found


def _oldest(
    conn: sqlite3.Connection, site: str, tenant: str, room: int, now: float
) -> list[tuple[str, bytes, int]]:
    return conn.execute(
        "SELECT tenant, id, epoch FROM delivery WHERE waiting AND site = ? AND tenant = ? AND due <= ? AND expires > ?"
        " ORDER BY due LIMIT ?",
        (site, tenant, now, now, room),
    ).fetchall()


def _depth(conn: sqlite3.Connection, now: float) -> Depth:
    counted = conn.execute("SELECT state, count(*) FROM delivery WHERE ended IS NULL GROUP BY state")
    first = "SELECT due FROM delivery WHERE waiting AND expires > ? ORDER BY due LIMIT 1"
    oldest = (conn.execute(first, (now,)).fetchone() or [None])[0]
    doubt = conn.execute(
        "SELECT count(*) FROM delivery WHERE ended IS NULL AND (in_doubt OR marked)"
    ).fetchone()[0]
    outbox = conn.execute("SELECT count(*) FROM event WHERE NOT relayed").fetchone()[0]
    return Depth(
        rows={state: 0 for state in State if state is not State.DONE}
        | {State(state): n for state, n in counted},
        oldest_due=max(0.0, now - oldest) if oldest is not None else 0.0,
        unrelayed_events=outbox,
        in_doubt=doubt,
    )
