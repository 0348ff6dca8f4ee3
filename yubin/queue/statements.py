"""The ledger's SQL for PostgreSQL: one statement for each operation on a batch, so that a batch is one round trip.

Batches come in as arrays (``unnest``), changes are CTEs, and a statement is its own transaction. What each does to a row is
said in ``yubin.queue.life``; the names here follow it. Four habits:

* ``clock`` is read once per statement; every time in it is the database's.
* A row is locked before it is judged. Claims skip what is locked, so that they neither wait nor deadlock.
* A row that is named by its id is found by its id: its state is asked for in words that no partial index answers to
  (``_FREE``, ``_SENDING``), since a plan made while the tables were empty would else walk through all that waits.
* Sub-selects see the table as it was before the statement: what the statement itself ends is subtracted.

(Longer than most modules: SQL takes its lines.)
"""
# ruff: noqa: S608 - put together from constants of our own; values travel as arguments

from __future__ import annotations

from yubin.queue import rules
from yubin.queue.port import Selection, State, Terms, Wish
from yubin.queue.schema import WAITING

MESSAGE = (
    "m.tenant, m.account, m.origin, m.sender, m.size, m.sha256, m.body_type, m.utf8, m.requiretls, m.envid, m.ret,"
    " m.klass, m.created, m.expires_in, m.traceparent"
)
ROW = (
    "d.id, d.message_id, d.tenant, d.domain, d.site, d.state, d.epoch, d.attempts, d.crashes, d.in_doubt, d.marked,"
    " d.wish, d.due, d.lease_until, d.owner, d.expires, d.alarm, d.parked, d.ended"
)
EVENT = (
    "SELECT e.seq, e.message_id, e.delivery_id, e.n, e.at, e.kind, e.code, e.enhanced, e.text, e.peer, m.tenant,"
    " coalesce(r.address, '') AS recipient FROM event e JOIN message m ON m.id = e.message_id"
    " LEFT JOIN recipient r ON r.delivery_id = e.delivery_id AND r.n = e.n"
)
TRACK_EVENTS = f"{EVENT} WHERE e.message_id = $1 ORDER BY e.seq"
UNRELAYED = f"{EVENT} WHERE NOT e.relayed ORDER BY e.seq LIMIT $1"
RELAYED = "UPDATE event SET relayed = true WHERE seq = ANY($1::bigint[]) AND NOT relayed"
# The lock writes, so that the answer waits for the synchronous standby: what was committed here alone is not known yet.
KNOWN = "SELECT id FROM message WHERE id = ANY($1::uuid[]) FOR KEY SHARE"
LOAD_MESSAGE = f"SELECT m.id AS message_id, {MESSAGE} FROM message m WHERE m.id = $1"
LOCK_MESSAGE = f"{LOAD_MESSAGE} FOR UPDATE"
LOAD_BODY = "SELECT data FROM body WHERE message_id = $1"
LOAD_ROWS = f"SELECT {ROW} FROM delivery d WHERE d.message_id = $1 ORDER BY d.id"
LOAD_RECIPIENTS = "SELECT * FROM recipient WHERE delivery_id = ANY($1::uuid[]) ORDER BY delivery_id, n"
TOLD = (
    "UPDATE recipient r SET owed = false FROM unnest($1::uuid[], $2::integer[]) AS t(id, n)"
    " WHERE r.delivery_id = t.id AND r.n = t.n"
)
NOTICED = "UPDATE delivery SET alarm = expires WHERE id = ANY($1::uuid[])"
COLUMNS = "(message_id, delivery_id, n, at, kind, code, enhanced, text, peer)"
REPORTED = f"INSERT INTO event {COLUMNS} VALUES ($1, $2, $3, $4, 'reported', 0, '', $5, '')"
_W = WAITING.replace("state", "d.state").replace("wish", "d.wish")
_FREE = "d.state NOT IN ('sending', 'held', 'quarantined', 'done') AND d.wish IS NULL"
_SENDING = "d.state NOT IN ('ready', 'deferred', 'held', 'quarantined', 'done')"
_RECIPIENTS = """
    CROSS JOIN LATERAL (
        SELECT array_agg(r.n) AS ns, array_agg(r.address) AS addresses, array_agg(r.orcpt) AS orcpts,
            array_agg(r.notify) AS notifies
        FROM (SELECT * FROM recipient r WHERE r.delivery_id = d.id AND r.outcome = 'pending' ORDER BY r.n) AS r
    ) AS who"""
_OVER = "NOT EXISTS (SELECT 1 FROM recipient r WHERE r.delivery_id = d.id AND r.outcome = 'pending')"
_OWED = (
    f"(w.outcome IN ('bounced', 'expired') AND r.tell & {rules.FAILURE} <> 0)"
    f" OR (r.tell & {rules.SUCCESS} <> 0 AND (w.outcome = 'relayed' OR (w.outcome = 'delivered' AND w.peer = '')))"
)


def chosen(wanted: Selection, done: bool) -> tuple[str, list[str]]:
    """Conditions on ``delivery d``, with numbers from $1, and their values, so that each selection finds its own index."""
    columns = {"tenant": "d.tenant", "message_id": "d.message_id", "domain": "d.domain", "site": "d.site",
               "state": "d.state"}  # fmt: skip
    terms, values = ["d.ended IS NOT NULL" if done else "d.ended IS NULL"], []
    for name, column in columns.items():
        if getattr(wanted, name) is not None:
            values.append(getattr(wanted, name))
            terms.append(f"{column} = ${len(values)}")
    if wanted.sender is not None:
        values.append(wanted.sender)
        terms.append(f"(SELECT m.sender FROM message m WHERE m.id = d.message_id) = ${len(values)}")
    return " AND ".join(terms), values


def page(count: int) -> tuple[str, str]:
    """The rest of a paged selection of ``count`` values: which rows are behind the last page, and how many."""
    return f"d.id > ${count + 1}", f"ORDER BY d.id LIMIT ${count + 2}"


def list_page(wanted: Selection) -> tuple[str, list[str]]:
    which, values = chosen(wanted, wanted.state is State.DONE)
    behind, limit = page(len(values))
    columns = f"SELECT {ROW}, {MESSAGE} FROM delivery d JOIN message m ON m.id = d.message_id"
    return f"{columns} WHERE {which} AND {behind} {limit}", values


def wish_page(wanted: Selection, wish: Wish) -> tuple[str, list[str]]:
    which, values = chosen(wanted, done=False)
    behind, limit = page(len(values))
    unwished = {
        Wish.CANCEL: "(d.wish IS NULL OR d.wish = 'hold')",
        Wish.HOLD: "d.wish IS NULL AND d.state NOT IN ('held', 'quarantined')",
    }[wish]
    ids = f"SELECT d.id FROM delivery d WHERE {which} AND {unwished} AND {behind} {limit} FOR UPDATE"
    return f"UPDATE delivery d SET wish = '{wish.value}' WHERE d.id IN ({ids}) RETURNING d.id", values


class Statements:
    """Those that know the clock (``now``: an SQL expression of type timestamptz) and the terms."""

    def __init__(self, terms: Terms, now: str) -> None:
        backoff = terms.backoff
        clock = f"clock AS (SELECT extract(epoch FROM {now})::float8 AS now)"
        jitter = f"(1 + {backoff.jitter!r} * (2 * random() - 1))"
        steps = f"(ARRAY[{', '.join(repr(float(step)) for step in backoff.steps)}]::float8[])"
        step = f"{steps}[least(d.attempts + 1, {len(backoff.steps)})]"
        taken = f"""
            taken AS (
                UPDATE delivery d SET state = 'sending', epoch = d.epoch + 1, site = free.site,
                    attempts = d.attempts + 1, marked = false, owner = {{owner}}, lease_until = clock.now + {{lease}},
                    due = least(d.expires, clock.now + {step} * {jitter})
                FROM free, clock WHERE d.id = free.id RETURNING {ROW}, free.place
            ),
            said AS (
                INSERT INTO event {COLUMNS} SELECT message_id, id, -1, now, 'attempt', 0, '', '', '' FROM taken, clock
            )
            SELECT d.*, {MESSAGE}, b.data, who.*, clock.now
            FROM taken d JOIN message m ON m.id = d.message_id LEFT JOIN body b ON b.message_id = m.id {_RECIPIENTS}, clock"""
        self.now = f"SELECT extract(epoch FROM {now})::float8 AS now"
        self.accept = _accept(clock, terms)
        self.claim = _claim(clock, taken.format(owner="$4", lease="$5"))
        self.claim_due = _claim_due(clock, taken.format(owner="$4", lease="$5"), terms, jitter)
        self.glance, self.loose = _due_sites(clock)
        held = f"d.id = t.id AND d.epoch = t.epoch AND {_SENDING} AND d.lease_until > clock.now RETURNING d.id, d.epoch"
        holds = "FROM clock, unnest($1::uuid[], $2::integer[]) AS t(id, epoch)"
        self.renew = f"WITH {clock} UPDATE delivery d SET lease_until = clock.now + $3 {holds} WHERE {held}"
        self.mark = f"WITH {clock} UPDATE delivery d SET marked = true {holds} WHERE {held}"
        self.finish = _finish(clock)
        self.release = _release(clock)
        self.reroute = f"""
            WITH {clock} UPDATE delivery d SET site = t.site, due = least(d.expires, clock.now + $4)
            FROM clock, unnest($1::uuid[], $2::integer[], $3::text[]) AS t(id, epoch, site)
            WHERE d.id = t.id AND d.epoch = t.epoch AND {_FREE} RETURNING d.id, d.epoch"""
        self.expire = _expire(clock)
        self.reports_due = f"""
            WITH {clock}
            SELECT (SELECT d.message_id FROM delivery d WHERE d.id = r.delivery_id) FROM recipient r WHERE r.owed
            UNION SELECT d.message_id FROM delivery d, clock
                WHERE {_W} AND d.alarm <= (SELECT now FROM clock) AND d.expires > clock.now
            LIMIT $1"""
        self.honour = _honour(clock)
        self._clock = clock
        self.depth = _depth(clock)

    def flush_page(self, wanted: Selection) -> tuple[str, list[str]]:
        which, values = chosen(wanted, done=False)
        behind, limit = page(len(values))
        return _flush(self._clock, f"{which} AND {behind}", limit), values


def _accept(clock: str, terms: Terms) -> str:
    return f"""
    WITH {clock},
    m AS (
        INSERT INTO message
        SELECT t.id, t.tenant, t.account, t.origin, t.sender, t.size, t.sha256, t.body_type, t.utf8, t.requiretls,
            t.envid, t.ret, t.klass, clock.now, t.expires_in, t.traceparent, t.elsewhere
        FROM clock, unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bytea[],
            $8::text[], $9::boolean[], $10::boolean[], $11::text[], $12::text[], $13::text[], $14::float8[], $15::text[],
            $16::boolean[]) AS t(id, tenant, account, origin, sender, size, sha256, body_type, utf8, requiretls,
            envid, ret, klass, expires_in, traceparent, elsewhere)
        ON CONFLICT (id) DO NOTHING RETURNING id, tenant, created, created + expires_in AS expires
    ),
    b AS (
        INSERT INTO body SELECT t.id, t.data FROM unnest($17::uuid[], $18::bytea[]) AS t(id, data) JOIN m ON m.id = t.id
    ),
    d AS (
        INSERT INTO delivery
        SELECT t.id, m.id, m.tenant, t.domain, '~' || t.domain, 'ready', 0, 0, 0, false, false, NULL,
            m.created + CASE WHEN t.published THEN {terms.head_start!r} ELSE 0 END, NULL, '', m.expires,
            CASE WHEN t.delay THEN least(m.expires, m.created + {terms.delay_notice!r}) ELSE m.expires END, NULL, NULL
        FROM unnest($19::uuid[], $20::uuid[], $21::text[], $22::boolean[], $23::boolean[])
            AS t(id, message_id, domain, published, delay) JOIN m ON m.id = t.message_id
    ),
    r AS (
        INSERT INTO recipient
        SELECT t.delivery_id, t.n, t.address, t.orcpt, t.notify, t.tell, 'pending', 0, '', '', '', NULL, NULL, false
        FROM unnest($24::uuid[], $25::uuid[], $26::integer[], $27::text[], $28::text[], $29::integer[], $30::integer[])
            AS t(delivery_id, message_id, n, address, orcpt, notify, tell) JOIN m ON m.id = t.message_id
    )
    INSERT INTO event {COLUMNS} SELECT id, NULL, -1, created, 'accepted', 0, '', '', '' FROM m"""


def _claim(clock: str, taken: str) -> str:
    return f"""
    WITH {clock},
    free AS MATERIALIZED (
        SELECT d.id, t.site, 0 AS place FROM clock, unnest($1::uuid[], $2::integer[], $3::text[]) AS t(id, epoch, site)
        JOIN delivery d ON d.id = t.id
        WHERE d.epoch = t.epoch AND {_FREE} AND d.expires > clock.now
        FOR UPDATE OF d SKIP LOCKED
    ), {taken}"""


def _claim_due(clock: str, taken: str, terms: Terms, jitter: str) -> str:
    due = f"{_W} AND d.site = {{t}}.site AND d.tenant = {{t}}.tenant AND d.due <= (SELECT now FROM clock) AND d.expires > (SELECT now FROM clock) ORDER BY d.due"
    soon = f"(clock.now + {terms.backoff.crash!r} * {jitter})"
    poison = f"d.crashes + 1 >= {terms.quarantine_after}"
    next_tenant = f"""
        SELECT d.tenant FROM delivery d WHERE {_W} AND d.site = t.site AND d.tenant > t.tenant
            AND (NOT t.wrapped OR d.tenant <= t.after) ORDER BY d.tenant LIMIT 1"""
    first_tenant = f"""
        SELECT d.tenant FROM delivery d WHERE {_W} AND d.site = t.site AND d.tenant <= t.after AND NOT t.wrapped
            ORDER BY d.tenant LIMIT 1"""
    return f"""
    WITH RECURSIVE {clock},
    room AS (SELECT * FROM unnest($1::text[], $2::integer[], $3::text[]) AS t(site, room, after)),
    lost AS MATERIALIZED (
        SELECT d.id FROM delivery d
        WHERE d.state = 'sending' AND d.lease_until <= (SELECT now FROM clock) AND d.site = ANY($1::text[])
        ORDER BY d.lease_until LIMIT {rules.LEASES_AT_ONCE} FOR UPDATE OF d SKIP LOCKED
    ),
    back AS (
        UPDATE delivery d SET crashes = d.crashes + 1, in_doubt = d.in_doubt OR d.marked, marked = false, owner = '',
            lease_until = NULL,
            state = CASE WHEN {_OVER} THEN 'done' WHEN {poison} THEN 'quarantined' ELSE 'deferred' END,
            ended = CASE WHEN {_OVER} THEN clock.now END,
            wish = CASE WHEN {_OVER} THEN NULL ELSE d.wish END,
            parked = CASE WHEN {poison} AND NOT {_OVER} THEN clock.now END,
            due = CASE WHEN {poison} THEN d.due WHEN d.in_doubt OR d.marked THEN least(d.expires, greatest(d.due, {soon}))
                ELSE least(d.expires, {soon}) END
        FROM lost, clock WHERE d.id = lost.id RETURNING d.id, d.message_id, d.state, d.crashes
    ),
    alarm AS (
        INSERT INTO event {COLUMNS}
        SELECT message_id, id, -1, now, 'quarantined', 0, '', 'lost its worker ' || crashes || ' times', ''
        FROM back, clock WHERE state = 'quarantined'
    ),
    tenant(site, room, after, tenant, wrapped, place) AS (
        SELECT site, room, after, after, false, 0 FROM room
        UNION ALL
        SELECT t.site, t.room, t.after, n.tenant, n.wrapped, t.place + 1
        FROM tenant t CROSS JOIN LATERAL (
            SELECT coalesce(up.tenant, ({first_tenant})) AS tenant, t.wrapped OR up.tenant IS NULL AS wrapped
            FROM (SELECT ({next_tenant}) AS tenant) AS up
        ) AS n
        WHERE n.tenant IS NOT NULL AND t.place < {rules.TENANTS_IN_TURN}
    ),
    turn AS (
        SELECT t.site, t.tenant, t.room, t.place, row_number() OVER (PARTITION BY t.site ORDER BY c.rank, t.place) AS turn
        FROM tenant t CROSS JOIN LATERAL (
            SELECT row_number() OVER () AS rank
            FROM (SELECT 1 FROM delivery d WHERE {due.format(t="t")} LIMIT t.room) AS c
        ) AS c
        WHERE t.place > 0
    ),
    share AS (SELECT site, tenant, place, count(*) AS n FROM turn WHERE turn <= room GROUP BY site, tenant, place),
    free AS MATERIALIZED (
        SELECT f.id, share.site, share.place, f.due AS was FROM share CROSS JOIN LATERAL (
            SELECT d.id, d.due FROM delivery d WHERE {due.format(t="share")} LIMIT share.n FOR UPDATE OF d SKIP LOCKED
        ) AS f
    ), {taken.replace("free.place", "free.place, free.was")} ORDER BY d.site, d.was, d.id"""


def _due_sites(clock: str) -> tuple[str, str]:
    due = f"{_W} AND {{due}} <= (SELECT now FROM clock) AND d.expires > (SELECT now FROM clock)"
    first, there = due.format(due="d.due + 0"), due.format(due="d.due")
    glance = f"""
    WITH {clock}
    SELECT site, count(*) AS n FROM (SELECT d.site FROM delivery d WHERE {first} ORDER BY d.due + 0 LIMIT $1) AS d
    GROUP BY site
    UNION ALL
    SELECT DISTINCT d.site, 0 FROM delivery d WHERE d.state = 'sending' AND d.lease_until <= (SELECT now FROM clock)"""
    loose = f"""
    WITH RECURSIVE {clock},
    waiting(site) AS (
        SELECT min(d.site) FROM delivery d WHERE {_W}
        UNION ALL
        SELECT (SELECT min(d.site) FROM delivery d WHERE {_W} AND d.site > waiting.site) FROM waiting WHERE site IS NOT NULL
    )
    SELECT site FROM waiting WHERE EXISTS (SELECT 1 FROM delivery d WHERE {there} AND d.site = waiting.site) LIMIT $1"""
    return glance, loose


def _finish(clock: str) -> str:
    return f"""
    WITH {clock},
    said AS MATERIALIZED (
        SELECT t.*, d.message_id, d.state, d.state = 'sending' AND d.epoch = t.epoch AS held
        FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::boolean[], $6::float8[], $7::boolean[],
            $8::boolean[]) AS t(id, epoch, site, peer, counted, later, in_doubt, quarantine)
        JOIN delivery d ON d.id = t.id FOR UPDATE OF d
    ),
    word AS (
        SELECT t.*, said.message_id, said.held, said.peer
        FROM unnest($9::uuid[], $10::integer[], $11::text[], $12::integer[], $13::text[], $14::text[])
            AS t(id, n, outcome, code, enhanced, text)
        JOIN said ON said.id = t.id
    ),
    written AS (
        UPDATE recipient r SET outcome = w.outcome, code = w.code, enhanced = w.enhanced, text = w.text, peer = w.peer,
            tried = clock.now, ended = CASE WHEN w.outcome <> 'pending' THEN clock.now END, owed = {_OWED}
        FROM word w, clock
        WHERE r.delivery_id = w.id AND r.n = w.n AND r.outcome = 'pending'
            AND (w.held OR w.outcome IN ('delivered', 'relayed'))
        RETURNING w.message_id, r.delivery_id, r.n, r.outcome, r.code, r.enhanced, r.text, r.peer, r.owed
    ),
    rest AS (
        SELECT said.id, before.pending - coalesce(ended.n, 0) AS pending, before.owed OR coalesce(ended.owed, false) AS owed
        FROM said
        CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE r.outcome = 'pending') AS pending, coalesce(bool_or(r.owed), false) AS owed
            FROM recipient r WHERE r.delivery_id = said.id
        ) AS before
        LEFT JOIN (
            SELECT delivery_id, count(*) FILTER (WHERE outcome <> 'pending') AS n, bool_or(owed) AS owed
            FROM written GROUP BY delivery_id
        ) AS ended ON ended.delivery_id = said.id
    ),
    changed AS (
        UPDATE delivery d SET
            state = CASE WHEN rest.pending = 0 THEN 'done' WHEN said.quarantine THEN 'quarantined' ELSE 'deferred' END,
            site = CASE WHEN said.held AND said.site <> '' THEN said.site ELSE d.site END,
            crashes = CASE WHEN rest.pending = 0 THEN d.crashes ELSE 0 END,
            in_doubt = d.in_doubt OR (said.in_doubt AND rest.pending > 0),
            marked = false, owner = '', lease_until = NULL,
            parked = CASE WHEN said.quarantine AND rest.pending > 0 THEN clock.now END,
            wish = CASE WHEN rest.pending = 0 THEN NULL ELSE d.wish END,
            ended = CASE WHEN rest.pending = 0 THEN clock.now END,
            attempts = d.attempts - (rest.pending > 0 AND NOT said.counted)::integer,
            due = CASE WHEN rest.pending = 0 THEN d.due
                WHEN said.counted THEN least(d.expires, greatest(d.due, clock.now + said.later))
                ELSE least(d.expires, coalesce(clock.now + said.later, d.due)) END
        FROM said JOIN rest ON rest.id = said.id, clock
        WHERE d.id = said.id AND (said.held OR (rest.pending = 0 AND said.state NOT IN ('sending', 'done')))
        RETURNING d.id, d.wish
    ),
    news AS (
        INSERT INTO event {COLUMNS}
        SELECT * FROM (
            SELECT message_id, delivery_id, n, now, CASE outcome WHEN 'pending' THEN 'deferred' ELSE outcome END, code,
                enhanced, text, peer
            FROM written, clock
            UNION ALL
            SELECT said.message_id, said.id, -1, now, 'quarantined', 0, '', '{rules.QUARANTINED_TEXT}', ''
            FROM said JOIN rest ON rest.id = said.id, clock WHERE said.held AND said.quarantine AND rest.pending > 0
        ) AS told{COLUMNS} ORDER BY delivery_id, n < 0, n
    )
    SELECT said.id, said.held, rest.owed, changed.wish
    FROM said JOIN rest ON rest.id = said.id LEFT JOIN changed ON changed.id = said.id"""


def _release(clock: str) -> str:
    """Beside the row, its last ``attempt`` event goes: an attempt that was given back was none."""
    return f"""
    WITH {clock},
    back AS (
        UPDATE delivery d SET attempts = d.attempts - 1,
            state = CASE WHEN {_OVER} THEN 'done' WHEN d.attempts > 1 THEN 'deferred' ELSE 'ready' END,
            ended = CASE WHEN {_OVER} THEN clock.now END, wish = CASE WHEN {_OVER} THEN NULL ELSE d.wish END,
            site = CASE WHEN t.site <> '' THEN t.site ELSE d.site END, due = least(d.expires, clock.now + t.delay),
            marked = false, owner = '', lease_until = NULL
        FROM clock, unnest($1::uuid[], $2::integer[], $3::text[], $4::float8[]) AS t(id, epoch, site, delay)
        WHERE d.id = t.id AND d.epoch = t.epoch AND {_SENDING}
        RETURNING d.id, d.epoch, d.message_id, d.wish
    ),
    unsaid AS (
        DELETE FROM event e USING back WHERE e.message_id = back.message_id AND e.seq = (
            SELECT max(x.seq) FROM event x
            WHERE x.message_id = back.message_id AND x.delivery_id = back.id AND x.kind = 'attempt'
        )
    )
    SELECT id, epoch, wish FROM back"""


def _expire(clock: str) -> str:
    return f"""
    WITH {clock},
    old AS MATERIALIZED (
        SELECT d.id, d.message_id FROM delivery d
        WHERE {_W} AND d.alarm <= (SELECT now FROM clock) AND d.expires <= (SELECT now FROM clock)
        ORDER BY d.alarm LIMIT $1 FOR UPDATE OF d SKIP LOCKED
    ),
    gone AS (
        UPDATE recipient r SET outcome = 'expired', code = {rules.EXPIRED_CODE}, enhanced = '{rules.EXPIRED_ENHANCED}',
            text = CASE WHEN r.code > 0 THEN 'not delivered in time; the last reply was ' || r.code || ' ' || r.enhanced
                || ' ' || r.text ELSE 'not delivered in time' END,
            ended = clock.now, owed = r.tell & {rules.FAILURE} <> 0
        FROM old, clock WHERE r.delivery_id = old.id AND r.outcome = 'pending'
        RETURNING old.message_id, r.delivery_id, r.n, r.code, r.enhanced, r.text, r.owed
    ),
    done AS (
        UPDATE delivery d SET state = 'done', ended = clock.now FROM old, clock WHERE d.id = old.id
    ),
    news AS (
        INSERT INTO event {COLUMNS}
        SELECT message_id, delivery_id, n, now, 'expired', code, enhanced, text, '' FROM gone, clock
        ORDER BY delivery_id, n
    )
    SELECT DISTINCT old.message_id FROM old
    WHERE EXISTS (SELECT 1 FROM gone WHERE gone.delivery_id = old.id AND gone.owed)
        OR EXISTS (SELECT 1 FROM recipient r WHERE r.delivery_id = old.id AND r.owed)"""


def _honour(clock: str) -> str:
    """A row with a wish cannot be claimed, so that this may come a moment after the wish, or after a crash."""
    said = f"{rules.CANCELLED_CODE}, '{rules.CANCELLED_ENHANCED}', '{rules.CANCELLED_TEXT}'"
    return f"""
    WITH {clock},
    asked AS MATERIALIZED (
        SELECT d.id, d.message_id, d.wish = 'cancel' AS cancel, d.state IN ('ready', 'deferred') AS waiting
        FROM delivery d WHERE d.wish IS NOT NULL AND d.state IN ('ready', 'deferred', 'held', 'quarantined')
        ORDER BY d.id LIMIT $1 FOR UPDATE OF d SKIP LOCKED
    ),
    gone AS (
        UPDATE recipient r SET outcome = 'cancelled', (code, enhanced, text) = ROW ({said}), ended = clock.now
        FROM asked, clock WHERE asked.cancel AND r.delivery_id = asked.id AND r.outcome = 'pending'
        RETURNING asked.message_id, r.delivery_id, r.n
    ),
    changed AS (
        UPDATE delivery d SET wish = NULL,
            state = CASE WHEN asked.cancel THEN 'done' WHEN asked.waiting THEN 'held' ELSE d.state END,
            ended = CASE WHEN asked.cancel THEN clock.now END,
            parked = CASE WHEN asked.cancel THEN NULL WHEN asked.waiting THEN clock.now ELSE d.parked END
        FROM asked, clock WHERE d.id = asked.id
    ),
    news AS (
        INSERT INTO event {COLUMNS}
        SELECT message_id, delivery_id, n, now, 'cancelled', {said}, '' FROM gone, clock
        UNION ALL
        SELECT message_id, id, -1, now, 'held', 0, '', '', '' FROM asked, clock WHERE waiting AND NOT cancel
    )
    SELECT count(*) AS n FROM asked"""


def _flush(clock: str, which: str, limit: str) -> str:
    return f"""
    WITH {clock},
    asked AS MATERIALIZED (
        SELECT d.id, d.state IN ('held', 'quarantined') AS parked, d.state = 'sending' AS sending,
            clock.now - coalesce(d.parked, clock.now) AS away
        FROM delivery d, clock WHERE {which} AND (
            d.state IN ('held', 'quarantined') OR (d.state IN ('ready', 'deferred') AND d.due > clock.now)
            OR (d.state = 'sending' AND d.wish = 'hold'))
        {limit} FOR UPDATE OF d
    ),
    changed AS (
        UPDATE delivery d SET
            wish = CASE WHEN asked.sending THEN NULL ELSE d.wish END,
            due = CASE WHEN asked.sending THEN d.due ELSE clock.now END,
            crashes = CASE WHEN asked.parked THEN 0 ELSE d.crashes END,
            expires = CASE WHEN asked.parked THEN d.expires + asked.away ELSE d.expires END,
            alarm = CASE WHEN asked.parked THEN d.alarm + asked.away ELSE d.alarm END,
            state = CASE WHEN NOT asked.parked THEN d.state WHEN d.attempts > 0 THEN 'deferred' ELSE 'ready' END,
            parked = NULL
        FROM asked, clock WHERE d.id = asked.id RETURNING d.id, d.message_id, asked.parked AS released
    ),
    news AS (
        INSERT INTO event {COLUMNS}
        SELECT message_id, id, -1, now, 'released', 0, '', '', '' FROM changed, clock WHERE released
    )
    SELECT id FROM changed"""


def _depth(clock: str) -> str:
    """Each count over a partial index, so that the many rows that are done cost nothing."""
    return f"""
    WITH {clock}
    SELECT d.state AS what, count(*)::float8 AS n FROM delivery d WHERE d.state IN ('ready', 'deferred') AND d.wish IS NULL
        GROUP BY d.state
    UNION ALL SELECT 'sending', count(*) FROM delivery d WHERE d.state = 'sending'
    UNION ALL SELECT d.state, count(*) FROM delivery d WHERE d.state IN ('held', 'quarantined') GROUP BY d.state
    UNION ALL SELECT 'wish ' || d.state, count(*) FROM delivery d
        WHERE d.wish IS NOT NULL AND d.state IN ('ready', 'deferred') GROUP BY d.state
    UNION ALL SELECT 'in doubt', count(*) FROM delivery d WHERE d.in_doubt AND d.state <> 'done'
    UNION ALL SELECT 'marked', count(*) FROM delivery d WHERE d.state = 'sending' AND d.marked AND NOT d.in_doubt
    UNION ALL SELECT 'outbox', count(*) FROM event e WHERE NOT e.relayed
    UNION ALL SELECT 'oldest', greatest(0, (SELECT now FROM clock) - (
        SELECT d.due FROM delivery d WHERE {_W} AND d.expires > (SELECT now FROM clock) ORDER BY d.due + 0 LIMIT 1))"""
