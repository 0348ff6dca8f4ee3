"""The mailboxes' SQL for PostgreSQL, except the functions: what reads, and what changes seldom.

What reads is one statement, whose snapshot is one: a mailbox' state and its entries agree. Long lists go as arrays; the
columns of a view come as octets (``packed``): a page of 5,000 entries costs 0.3 ms of the client's time, as arrays 0.8 and
as rows 2.5, and the server a fifth less than arrays. Two habits keep plans good whatever the tables held when they were
made:

* Each table is reached by its key from what is given: a LATERAL with OFFSET 0, or a sub-select as a value, cannot be turned
  into a join that begins at the other end.
* ``account_id || ''`` and ``'' || account_id`` choose an index: see ``postgres_schema``; where words are searched it keeps the key's away.
"""
# ruff: noqa: S608 - put together from constants of our own; values travel as arguments

from __future__ import annotations

from functools import cache

from yubin.mailboxes.port import COLUMNS, DELIVERED_KEPT, EXPUNGED_KEPT, ROWS_LIMIT, Want
from yubin.mailboxes.postgres_functions import LOCK_ACCOUNTS as LOCK
from yubin.mailboxes.rules import GONE

CLOCK = "extract(epoch FROM {now})::float8"

# ── accounts ──

BORN = f"""
    WITH clock AS (SELECT floor({CLOCK})::bigint AS now),
    first AS (SELECT * FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS t(name, special_use, n)),
    born AS (
        INSERT INTO mailbox_account
        SELECT x, 0, 0, cardinality($2::text[]) + 1, clock.now + cardinality($2::text[]), 1
        FROM (SELECT DISTINCT x COLLATE "C" FROM unnest($1::text[]) AS x ORDER BY 1) AS t(x), clock
        ON CONFLICT DO NOTHING RETURNING account_id
    ),
    names AS (
        INSERT INTO mailbox_subscription SELECT account_id, name FROM born, first ON CONFLICT DO NOTHING
    ),
    boxes AS (
        INSERT INTO mailbox
        SELECT account_id, n, name, clock.now + n - 1, 1, 1, 0, 1, special_use, 0, 0, 0, 0, ARRAY[]::text[] FROM born, first, clock
    )
    SELECT account_id FROM born"""
LOCK_ACCOUNT = "SELECT * FROM mailbox_account WHERE account_id = $1 FOR NO KEY UPDATE"
LOCK_ACCOUNTS = LOCK.replace("PERFORM", "SELECT").replace("accounts", "$1::text[]")
USAGE = """
    SELECT a.account_id, a.used, a.messages,
        (SELECT count(*) FROM mailbox m WHERE m.account_id = a.account_id) AS mailboxes
    FROM unnest($1::text[]) AS t(id)
    CROSS JOIN LATERAL (SELECT * FROM mailbox_account a WHERE a.account_id = t.id OFFSET 0) AS a"""
FORGET = (
    "DELETE FROM mailbox_entry WHERE account_id = $1",
    "INSERT INTO mailbox_loose SELECT account_id, id FROM mailbox_letter WHERE account_id = $1 ON CONFLICT DO NOTHING",
    *(
        f"DELETE FROM {table} WHERE account_id = $1"
        for table in (
            "mailbox_words", "mailbox_unindexed", "mailbox_expunged", "mailbox_delivered", "mailbox_subscription",
            "mailbox_lease", "mailbox", "mailbox_account",
        )
    ),
)  # fmt: skip

# ── mailboxes ──

STATE = """m.id, m.name, m.uidvalidity, m.uidnext, m.modseq, m.expunged_floor, m.first_recent, m.special_use, m.messages,
    m.unseen, m.deleted, m.size, EXISTS (
        SELECT 1 FROM mailbox_subscription s WHERE s.account_id = m.account_id AND s.name = m.name
    ) AS subscribed"""
MAILBOXES = f"SELECT {STATE} FROM mailbox m WHERE m.account_id = $1 ORDER BY m.name"
MAILBOX = f"SELECT {STATE} FROM mailbox m WHERE m.account_id = $1 AND m.id = $2"
SELECT = f"""
    WITH mine AS MATERIALIZED (SELECT account_id FROM mailbox_account WHERE account_id = $1 FOR NO KEY UPDATE),
    was AS MATERIALIZED (
        SELECT m.* FROM mine CROSS JOIN LATERAL (
            SELECT m.* FROM mailbox m WHERE m.account_id = mine.account_id AND m.id = $2 FOR NO KEY UPDATE
        ) AS m
    ),
    seen AS (
        UPDATE mailbox m SET first_recent = was.uidnext FROM was
        WHERE m.account_id = $1 AND m.id = $2 AND was.first_recent < was.uidnext
    )
    SELECT {STATE} FROM was m"""
COUNT = """
    UPDATE mailbox_account SET modseq = modseq + 1, mailbox_next = mailbox_next + 1, uidvalidity_next = $2 + 1
    WHERE account_id = $1"""
CREATE = "INSERT INTO mailbox VALUES ($1, $2, $3, $4, 1, $5, 0, 1, $6, 0, 0, 0, 0, '{}')"
RENAME = """
    UPDATE mailbox m SET name = t.new FROM unnest($2::integer[], $3::text[]) AS t(id, new)
    WHERE m.account_id = $1 AND m.id = t.id"""
UIDS = "SELECT uid FROM mailbox_entry WHERE account_id = $1 AND mailbox_id = $2"
DELETE = (
    """WITH gone AS (DELETE FROM mailbox_entry WHERE account_id = $1 AND mailbox_id = $2 RETURNING letter_id)
    INSERT INTO mailbox_loose SELECT $1, letter_id FROM gone ON CONFLICT DO NOTHING""",
    "DELETE FROM mailbox_expunged WHERE account_id = $1 AND mailbox_id = $2",
    """WITH gone AS (DELETE FROM mailbox WHERE account_id = $1 AND id = $2 RETURNING messages, size)
    UPDATE mailbox_account a SET used = a.used - gone.size, messages = a.messages - gone.messages FROM gone
    WHERE a.account_id = $1""",
)
SUBSCRIBE = "INSERT INTO mailbox_subscription VALUES ($1, $2) ON CONFLICT DO NOTHING"
UNSUBSCRIBE = "DELETE FROM mailbox_subscription WHERE account_id = $1 AND name = $2"
SUBSCRIPTIONS = "SELECT name FROM mailbox_subscription WHERE account_id = $1 ORDER BY name"

# ── reading ──

_THEIRS = "e.account_id = $1 AND e.mailbox_id = $2"
_VIEW = f"""
    SELECT {STATE}, m.keywords, page.*, {{expunged}} AS gone FROM mailbox m LEFT JOIN LATERAL (
        SELECT string_agg(int8send(e.uid), NULL) AS uids, string_agg(int8send(e.flags), NULL) AS flags,
            string_agg(int8send(e.modseq), NULL) AS modseqs, string_agg(int8send(e.size), NULL) AS sizes
        FROM (SELECT e.uid, e.flags, e.modseq, e.size FROM mailbox_entry e WHERE {{which}} LIMIT $4) AS e
    ) AS page ON true
    WHERE m.account_id = $1 AND m.id = $2"""
VIEW = _VIEW.format(expunged="'{}'::bigint[]", which=f"{_THEIRS} AND e.uid > $3 ORDER BY e.uid")
NEWS = _VIEW.format(
    which="e.account_id || '' = $1 AND e.mailbox_id = $2 AND e.modseq > $5 AND e.uid > $3 ORDER BY e.uid",
    expunged="""CASE WHEN $3 > 0 THEN '{}' WHEN $5 < m.expunged_floor THEN NULL ELSE ARRAY(
        SELECT u FROM mailbox_expunged x, unnest(x.uids) AS u
        WHERE x.account_id = $1 AND x.mailbox_id = $2 AND x.modseq > $5 ORDER BY u
    ) END""",
)
FIND = """
    SELECT mailbox_id, uid FROM mailbox_entry WHERE letter_id = $2 AND '' || account_id = $1 ORDER BY mailbox_id, uid"""
MODSEQS = """
    SELECT m.account_id, m.id, m.modseq, m.uidnext FROM unnest($1::text[], $2::integer[]) AS t(account, id)
    CROSS JOIN LATERAL (SELECT * FROM mailbox m WHERE m.account_id = t.account AND m.id = t.id OFFSET 0) AS m"""


_OWN = {Want.LETTER_ID: "e.letter_id", Want.SIZE: "e.size", Want.SAVED: "e.saved"}  # an entry's own
BODY = "SELECT data FROM mailbox_body b WHERE b.account_id = l.account_id AND b.letter_id = l.id OFFSET 0"
_THEIR_BODY = "SELECT data FROM mailbox_body b WHERE b.account_id = $1 AND b.letter_id = e.letter_id OFFSET 0"


# Runs of UIDs (first ones, last ones): each is one way through the index of entries.
_RUNS = f"""unnest($3::bigint[], $4::bigint[]) AS u(first, last) CROSS JOIN LATERAL (
        SELECT e.uid, e.letter_id{{own}}
        FROM mailbox_entry e WHERE {_THEIRS} AND e.uid BETWEEN u.first AND u.last ORDER BY e.uid OFFSET 0
    ) AS e"""


@cache
def rows(want: Want) -> str:
    """Entries with what is asked for of their letters; each kind of question is a statement of its own."""
    parts = {Want.ENVELOPE: "l.envelope", Want.STRUCTURE: "l.structure", Want.SUMMARY: "l.summary"}
    columns = [column for part, column in parts.items() if part in want]
    body = ""
    if Want.BODY in want:
        columns += ["l.object", "b.data AS body"]
        body = f"LEFT JOIN LATERAL ({BODY}) AS b ON true"
    return f"""
    SELECT {", ".join(["e.uid, e.letter_id, l.size, l.received, e.saved, l.thread, l.traceparent", *columns])}
    FROM {_RUNS.format(own=", e.saved")}
    CROSS JOIN LATERAL (SELECT * FROM mailbox_letter l WHERE l.account_id = $1 AND l.id = e.letter_id OFFSET 0) AS l {body}
    ORDER BY e.uid"""


@cache
def columns(want: Want) -> str:
    """The same for runs of UIDs (first ones, last ones), with nothing that is not wanted, in the order of ``COLUMNS``.

    A run is one way through the index of entries, and where all that is wanted lies there, letters are not looked for.
    Of 5,000 ENVELOPEs that is half of what one look for each UID costs. The running sum bounds the answer.
    """
    parts = [part for part in COLUMNS if part in want]
    own = [part for part in parts if part in _OWN]
    theirs = [f"l.{COLUMNS[part][1]}" for part in parts if part not in _OWN and part is not Want.BODY]
    heavy = [f"octet_length(l.{COLUMNS[part][1]})" for part in parts if part in Want.PARSED]
    letters = f"""
    CROSS JOIN LATERAL (
        SELECT {", ".join(theirs)} FROM mailbox_letter l WHERE l.account_id = $1 AND l.id = e.letter_id OFFSET 0
    ) AS l"""
    body = f"LEFT JOIN LATERAL ({_THEIR_BODY}) AS b ON true" if Want.BODY in want else ""
    at = _OWN | {Want.BODY: "b.data AS body"}
    given = ["e.uid", *[at.get(part, f"l.{COLUMNS[part][1]}") for part in parts]]
    runs = _RUNS.format(own="".join(f", {_OWN[part]}" for part in own if part is not Want.LETTER_ID))
    found = f"FROM {runs}{letters if theirs else ''} {body}"
    if not heavy:
        return f"SELECT {', '.join(given)} {found} ORDER BY e.uid"
    names = ", ".join(["uid", *[COLUMNS[part][1] for part in parts]])
    held = f"sum({' + '.join(heavy)}) OVER (ORDER BY e.uid ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS held"
    return f"""
    SELECT {names} FROM (SELECT {", ".join(given)}, {held} {found}) AS r
    WHERE held IS NULL OR held < {ROWS_LIMIT} ORDER BY uid"""


# ── changing ──

STORE = "SELECT * FROM mailbox_store($1, $2, $3, $4, $5, $6, $7)"
COPY = f"SELECT * FROM mailbox_copy($1, $2, $3, $4, $5, $6, {CLOCK})"
EXPUNGE = f"SELECT * FROM mailbox_expunge($1, $2, $3, $4, {CLOCK})"

# ── the index ──

TO_INDEX = f"""
    WITH free AS MATERIALIZED (
        SELECT u.ctid AS at FROM mailbox_unindexed u WHERE u.until <= {CLOCK}
        ORDER BY u.place LIMIT $1 FOR UPDATE SKIP LOCKED
    ),
    taken AS (
        UPDATE mailbox_unindexed u SET until = {CLOCK} + $2 WHERE u.ctid = ANY (ARRAY(SELECT at FROM free))
        RETURNING u.account_id, u.letter_id, u.place
    )
    SELECT l.account_id, l.id, l.object, b.data FROM taken t CROSS JOIN LATERAL (
        SELECT * FROM mailbox_letter l WHERE l.account_id = t.account_id AND l.id = t.letter_id OFFSET 0
    ) AS l LEFT JOIN LATERAL ({BODY}) AS b ON true ORDER BY t.place"""
INDEX = "SELECT mailbox_index($1, $2, $3)"
_PLACES = """
            SELECT e.mailbox_id, e.uid FROM mailbox_entry e
            WHERE e.letter_id = w.letter_id AND '' || e.account_id = $1 OFFSET 0
        """
_MATCH = f"""
    SELECT ARRAY({{found}}) AS uids, ARRAY(
        SELECT e.uid FROM mailbox_unindexed w CROSS JOIN LATERAL ({_PLACES}) AS e
        WHERE w.account_id = $1 AND e.mailbox_id = $2 ORDER BY e.uid
    ) AS unknown
    FROM mailbox m WHERE m.account_id = $1 AND m.id = $2"""
MATCH = _MATCH.format(
    found=f"""
        SELECT e.uid FROM mailbox_words w CROSS JOIN LATERAL ({_PLACES}) AS e
        WHERE w.words @@ $3::tsquery AND w.account_id || '' = $1 AND e.mailbox_id = $2 ORDER BY e.uid"""
)
INDEXED = _MATCH.format(
    found=f"""
        SELECT e.uid FROM mailbox_entry e WHERE {_THEIRS} AND (
            SELECT true FROM mailbox_words w WHERE w.account_id = $1 AND w.letter_id = e.letter_id
        ) ORDER BY e.uid"""
)
BACKLOG = "SELECT count(*) FROM mailbox_unindexed WHERE until < 'Infinity'"

# ── upkeep ──

OBJECTS = """
    SELECT t.object FROM unnest($1::text[]) AS t(object)
    WHERE (SELECT true FROM mailbox_letter l WHERE l.object = t.object AND l.object <> '' LIMIT 1)"""
_LOOSE = "(SELECT account_id FROM mailbox_loose LIMIT $1) AS t"
# Who was forgotten has no row to lock; one that is put there and taken away again keeps others from being born meanwhile.
PLACEHOLDERS = f"""
    INSERT INTO mailbox_account
    SELECT t.account_id, 0, 0, 1, 1, 1 FROM (SELECT DISTINCT account_id FROM {_LOOSE} ORDER BY account_id) AS t
    WHERE NOT EXISTS (SELECT 1 FROM mailbox_account a WHERE a.account_id = t.account_id)
    ON CONFLICT DO NOTHING RETURNING account_id"""
UNPLACE = "DELETE FROM mailbox_account WHERE account_id = ANY ($1::text[])"
LOCK_LOOSE = f"""
    SELECT a.account_id FROM (SELECT DISTINCT account_id FROM {_LOOSE} ORDER BY account_id) AS t CROSS JOIN LATERAL (
        SELECT account_id FROM mailbox_account a WHERE a.account_id = t.account_id FOR NO KEY UPDATE SKIP LOCKED
    ) AS a"""
LOCK_LETTERS = """
    SELECT l.account_id, l.id, l.object FROM unnest($1::text[]) AS a(id)
    CROSS JOIN LATERAL (SELECT * FROM mailbox_loose t WHERE t.account_id = a.id LIMIT $2) AS t
    CROSS JOIN LATERAL (
        SELECT * FROM mailbox_letter l WHERE l.account_id = t.account_id AND l.id = t.letter_id FOR UPDATE SKIP LOCKED
    ) AS l LIMIT $2"""
OVER = """
    SELECT t.n FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY AS t(account, id, n) WHERE (
        SELECT true FROM mailbox_entry e WHERE e.letter_id = t.id AND '' || e.account_id = t.account LIMIT 1
    ) IS NULL"""
LOOKED_AT = "DELETE FROM mailbox_loose WHERE account_id = $1 AND letter_id = $2"
DROP_LETTER = (
    "DELETE FROM mailbox_body WHERE account_id = $1 AND letter_id = $2",
    "DELETE FROM mailbox_words WHERE account_id = $1 AND letter_id = $2",
    "DELETE FROM mailbox_unindexed WHERE account_id = $1 AND letter_id = $2",
    "DELETE FROM mailbox_letter WHERE account_id = $1 AND id = $2",
)
OLD_DELIVERED = f"""
    DELETE FROM mailbox_delivered WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM mailbox_delivered WHERE at <= {CLOCK} - {DELIVERED_KEPT!r}
        ORDER BY at LIMIT $1 FOR UPDATE SKIP LOCKED
    ))"""
OLD_LEASES = f"""
    DELETE FROM mailbox_lease WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM mailbox_lease WHERE until <= {CLOCK} AND name <> '{GONE}' LIMIT $1 FOR UPDATE SKIP LOCKED
    ))"""
OLD_GONE = f"""
    SELECT a.account_id FROM (
        SELECT account_id FROM mailbox_lease WHERE name = '{GONE}' AND until <= {CLOCK} ORDER BY account_id LIMIT $1
    ) AS t CROSS JOIN LATERAL (
        SELECT account_id FROM mailbox_account a WHERE a.account_id = t.account_id FOR NO KEY UPDATE SKIP LOCKED
    ) AS a"""
_OLD = f"SELECT * FROM mailbox_expunged WHERE at <= {CLOCK} - {EXPUNGED_KEPT!r} ORDER BY at LIMIT $1"
LOCK_EXPUNGED = f"""
    SELECT a.account_id FROM (SELECT DISTINCT account_id FROM ({_OLD}) AS x ORDER BY account_id) AS t CROSS JOIN LATERAL (
        SELECT account_id FROM mailbox_account a WHERE a.account_id = t.account_id FOR NO KEY UPDATE SKIP LOCKED
    ) AS a"""
DROP_EXPUNGED = f"""
    DELETE FROM mailbox_expunged WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM mailbox_expunged WHERE at <= {CLOCK} - {EXPUNGED_KEPT!r}
            AND account_id || '' = ANY ($2::text[]) ORDER BY at LIMIT $1
    )) RETURNING account_id, mailbox_id, modseq"""
RAISE_FLOOR = """
    UPDATE mailbox SET expunged_floor = greatest(expunged_floor, $3) WHERE account_id = $1 AND id = $2"""
