"""The ledger in PostgreSQL: a batch becomes arrays, one statement and one round trip; the SQL is in ``statements``.

Times are the database's, whatever the clocks of the pods say. A connection that goes while a statement that writes is
under way raises OutcomeUnknown. A wish that meets a waiting row is honoured in a second statement; until then the
row cannot be claimed, so that a crash between the two delays it and no more. (Longer than most modules: it is the whole
port in one class, each method a few lines.)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from yubin.database import postgres
from yubin.database.failures import CommitUnknown
from yubin.errors import Unavailable
from yubin.ids import number
from yubin.queue import life, rules
from yubin.queue import postgres_rows as rows
from yubin.queue import statements as sql
from yubin.queue.port import (
    Claim,
    Compose,
    DeliveryView,
    Depth,
    Event,
    Finished,
    Hold,
    Letter,
    Message,
    OutcomeUnknown,
    Release,
    Result,
    Selection,
    State,
    Terms,
    Ticket,
    Tracking,
    Wish,
)
from yubin.queue.postgres_sweep import sweep
from yubin.queue.schema import POSTGRES
from yubin.queue.statements import Statements

T = TypeVar("T")
PAGE = 500  # rows changed in one transaction by wish and flush
GLANCE = 2000  # due rows looked at before the sites are counted the long way
NOBODY = UUID(int=0)
SESSION = {
    "plan_cache_mode": "force_generic_plan",  # planning a statement of ten CTEs costs more than running it
    "enable_seqscan": "off",  # a plan made while the tables were empty must still be good when they are full
}


class PostgresLedger:
    """Made by ``open``. ``now`` is an SQL expression of type timestamptz; tests give their own."""

    def __init__(self, pool: postgres.Pool, terms: Terms, now: str) -> None:
        self.pool = pool
        self._terms = terms
        self._sql = Statements(terms, now)
        self._turns = rules.Turns()

    @classmethod
    async def open(
        cls,
        dsn: str,
        terms: Terms = Terms(),  # noqa: B008 - frozen
        *,
        now: str = "now()",
        size: int = 8,
    ) -> PostgresLedger:
        return cls(await postgres.open_pool(dsn, POSTGRES, size=size, session=SESSION), terms, now)

    async def accept(self, letters: Sequence[Letter]) -> None:
        if letters:
            await self._write(self._sql.accept, *rows.accept_arrays(rules.distinct(letters)))

    async def known(self, message_ids: Sequence[UUID]) -> set[UUID]:
        return {row[0] for row in await self._write(sql.KNOWN, list(message_ids))}

    async def claim(self, tickets: Sequence[Ticket], *, owner: str, lease: float) -> list[Claim | None]:
        if not tickets:
            return []
        arrays = [t.delivery_id for t in tickets], [t.epoch for t in tickets], [t.site for t in tickets]
        found = await self._write(self._sql.claim, *arrays, owner, lease)
        claims = {row["id"]: rows.to_claim(row) for row in found}
        return [claims.pop(ticket.delivery_id, None) for ticket in tickets]

    async def due_sites(self, limit: int) -> list[str]:
        found = await self._read(self._sql.glance, GLANCE)
        if sum(row["n"] for row in found) >= GLANCE:
            lost = [row for row in found if row["n"] == 0]
            found = [*lost, *await self._read(self._sql.loose, limit)]
        return list(dict.fromkeys(row["site"] for row in found))[:limit]

    async def claim_due(self, rooms: Mapping[str, int], *, owner: str, lease: float) -> list[Claim]:
        if not rooms:
            return []
        after = [self._turns.after(site) for site in rooms]
        found = await self._write(self._sql.claim_due, list(rooms), list(rooms.values()), after, owner, lease)
        for row in sorted(found, key=lambda row: row["place"]):
            self._turns.served(row["site"], row["tenant"])
        return [rows.to_claim(row) for row in found]

    async def renew(self, holds: Sequence[Hold], *, lease: float) -> list[bool]:
        return await self._holds(self._sql.renew, holds, lease)

    async def mark_in_doubt(self, holds: Sequence[Hold]) -> list[bool]:
        return await self._holds(self._sql.mark, holds)

    async def finish(self, results: Sequence[Result]) -> list[Finished]:
        """A delivery that is named twice in a batch is finished twice, one after the other."""
        answers: list[Finished] = []
        while results:
            batch = _prefix_of_distinct(results)
            answers += await self._finish(batch)
            results = results[len(batch) :]
        return answers

    async def release(self, releases: Sequence[Release]) -> list[bool]:
        if not releases:
            return []
        given = sorted(releases, key=_by_id)
        arrays = ([r.delivery_id for r in given], [r.epoch for r in given], [r.site for r in given])
        found = await self._write(self._sql.release, *arrays, [float(r.delay) for r in given])
        await self._honour_if(row["wish"] for row in found)
        done = {(row["id"], row["epoch"]) for row in found}
        return [(r.delivery_id, r.epoch) in done for r in releases]

    async def reroute(self, tickets: Sequence[Ticket], *, delay: float) -> list[bool]:
        asked = sorted(tickets, key=_by_id)
        arrays = [t.delivery_id for t in asked], [t.epoch for t in asked], [t.site for t in asked]
        found = await self._write(self._sql.reroute, *arrays, delay)
        done = {(row["id"], row["epoch"]) for row in found}
        return [(t.delivery_id, t.epoch) in done for t in tickets]

    async def expire(self, limit: int) -> list[UUID]:
        await self._honour()
        return [row[0] for row in await self._write(self._sql.expire, limit)]

    async def reports_due(self, limit: int) -> list[UUID]:
        return [row[0] for row in await self._read(self._sql.reports_due, limit)]

    async def report(self, message_id: UUID, compose: Compose) -> UUID | None:
        return await self._transaction(lambda conn: self._report(conn, message_id, compose))

    async def message(self, message_id: UUID) -> Message | None:
        found = await self._read(sql.LOAD_MESSAGE, message_id)
        return rows.to_message(found[0]) if found else None

    async def body(self, message_id: UUID) -> bytes | None:
        found = await self._read(sql.LOAD_BODY, message_id)
        return found[0][0] if found else None

    async def track(self, message_id: UUID) -> Tracking | None:
        message = await self.message(message_id)
        if not message:
            return None
        pairs = await self._pairs(self.pool, message_id)
        events = tuple(rows.to_event(row) for row in await self._read(sql.TRACK_EVENTS, message_id))
        views = tuple(life.view(row, recipients, message) for row, recipients in pairs)
        return Tracking(message=message, deliveries=views, events=events)

    async def wish(self, selection: Selection, wish: Wish) -> int:
        touched = await self._each(*sql.wish_page(selection, wish))
        await self._honour()
        return touched

    async def flush(self, selection: Selection) -> int:
        return await self._each(*self._sql.flush_page(selection))

    async def unrelayed(self, limit: int) -> list[Event]:
        return [rows.to_event(row) for row in await self._read(sql.UNRELAYED, limit)]

    async def relayed(self, seqs: Sequence[int]) -> None:
        await self._write(sql.RELAYED, list(seqs))

    async def depth(self) -> Depth:
        found = {row["what"]: row["n"] or 0.0 for row in await self._read(self._sql.depth)}
        counts: dict[State, int] = {
            state: int(found.get(state.value, 0) + found.get(f"wish {state.value}", 0))
            for state in State
            if state is not State.DONE
        }
        return Depth(
            rows=counts,
            oldest_due=found["oldest"],
            unrelayed_events=int(found["outbox"]),
            in_doubt=int(found["in doubt"] + found["marked"]),
        )

    async def sweep(self, limit: int) -> list[UUID]:
        return await self._transaction(
            lambda conn: sweep(conn, self._sql.now, self._terms.keep_events, limit)
        )

    async def ping(self) -> None:
        if (await self._read("SELECT pg_is_in_recovery()"))[0][0]:
            raise Unavailable("the database takes no writes now")

    async def close(self) -> None:
        await self.pool.close()

    async def _read(self, statement: str, *args: object) -> list[Any]:
        return await postgres.query(self.pool, statement, *args)

    async def _write(self, statement: str, *args: object) -> list[Any]:
        try:
            return await postgres.statement(self.pool, statement, *args)
        except CommitUnknown as cause:
            raise OutcomeUnknown(cause.text) from cause

    async def _transaction(self, work: Callable[[Any], Awaitable[T]]) -> T:
        try:
            return await postgres.transaction(self.pool, work)
        except CommitUnknown as cause:
            raise OutcomeUnknown(cause.text) from cause

    async def _holds(self, statement: str, holds: Sequence[Hold], *more: float) -> list[bool]:
        if not holds:
            return []
        given = sorted(holds, key=_by_id)
        found = await self._write(statement, [h.delivery_id for h in given], [h.epoch for h in given], *more)
        ours = {(row[0], row[1]) for row in found}
        return [(h.delivery_id, h.epoch) in ours for h in holds]

    async def _finish(self, results: Sequence[Result]) -> list[Finished]:
        found = await self._write(self._sql.finish, *rows.finish_arrays(sorted(results, key=_by_id)))
        await self._honour_if(row["wish"] for row in found)
        by_id = {row["id"]: (row["held"], row["owed"]) for row in found}
        answers = ((r.delivery_id, *by_id.get(r.delivery_id, (False, False))) for r in results)
        return [Finished(delivery_id=id_, held=held, report=owed) for id_, held, owed in answers]

    async def _honour_if(self, wishes: Iterable[str | None]) -> None:
        if any(wishes):
            await self._honour()

    async def _honour(self) -> None:
        while (await self._write(self._sql.honour, PAGE))[0]["n"] == PAGE:
            pass

    async def _each(self, statement: str, values: Sequence[str]) -> int:
        """Change chosen rows page by page; how many changed."""
        after, touched = NOBODY, 0
        while True:
            found = [row["id"] for row in await self._write(statement, *values, after, PAGE)]
            touched += len(found)
            if len(found) < PAGE:
                return touched
            after = max(found)

    async def _report(self, conn: Any, message_id: UUID, compose: Compose) -> UUID | None:
        found = await conn.fetchrow(sql.LOCK_MESSAGE, message_id)
        if not found:
            return None
        now = await conn.fetchval(self._sql.now)
        pairs = await self._pairs(conn, message_id)
        told = [(row, r, said) for row, rs in pairs for r, said in life.reportables(row, rs, now)]
        dsn = compose(rows.to_message(found), [said for _, _, said in told]) if told else None
        if dsn:
            await conn.fetch(self._sql.accept, *rows.accept_arrays([dsn]))
            await conn.executemany(
                sql.REPORTED,
                [(message_id, row.id, r.n, now, number(dsn.message.id)) for row, r, _ in told],
            )
        if told:
            await conn.fetch(sql.TOLD, [row.id for row, _, _ in told], [r.n for _, r, _ in told])
            await conn.fetch(sql.NOTICED, [row.id for row, r, _ in told if r.pending])
        return dsn.message.id if dsn else None

    async def _pairs(self, source: Any, message_id: UUID) -> list[rows.Pair]:
        """``source``: the pool, or a connection inside a transaction."""
        if source is self.pool:
            found = await self._read(sql.LOAD_ROWS, message_id)
            recipients = await self._read(sql.LOAD_RECIPIENTS, [row["id"] for row in found])
        else:
            found = await source.fetch(sql.LOAD_ROWS, message_id)
            recipients = await source.fetch(sql.LOAD_RECIPIENTS, [row["id"] for row in found])
        return rows.to_pairs(found, recipients)

    async def list(
        self, selection: Selection, *, limit: int, after: UUID | None = None
    ) -> list[DeliveryView]:
        statement, values = sql.list_page(selection)
        found = await self._read(statement, *values, after or NOBODY, limit)
        recipients = await self._read(sql.LOAD_RECIPIENTS, [row["id"] for row in found])
        pairs = rows.to_pairs(found, recipients)
        return [life.view(*pair, rows.to_message(row)) for pair, row in zip(pairs, found, strict=True)]


def _by_id(named: Ticket | Hold | Release | Result) -> UUID:
    """Rows are locked in this order, so that two batches seldom wait for each other in a circle."""
    return named.delivery_id


def _prefix_of_distinct(results: Sequence[Result]) -> Sequence[Result]:
    seen: set[UUID] = set()
    for n, result in enumerate(results):
        if result.delivery_id in seen:
            return results[:n]
        seen.add(result.delivery_id)
    return results
