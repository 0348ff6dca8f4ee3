"""The mailboxes' SQL for PostgreSQL, except the functions: what reads, and what changes seldom.

What reads is one statement, whose snapshot is one: a mailbox' state and its entries agree. Long lists come as arrays (a page
of 5,000 entries in 1.6 ms of the client's time, as rows 4.5 ms), and go as arrays. Habits that keep plans good whatever
they were made for:

* Tables are reached by their keys from what is given; see ``SESSION`` in ``postgres``.
* ``uid + 0`` keeps a search for what changed on the index by MODSEQ, where the other would walk the whole mailbox.
* ``account_id || ''`` keeps a search for words on the index of words, where the key's would read every letter's.
"""
# ruff: noqa: S608 - put together from constants of our own; values travel as arguments

from __future__ import annotations

from yubin.mailboxes.port import DELIVERED_KEPT, EXPUNGED_KEPT, Want

CLOCK = "extract(epoch FROM {now})::float8"

# ── accounts ──

BORN = f"""
    WITH clock AS (SELECT floor({CLOCK})::bigint AS now),
    first AS (SELECT * FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS t(name, special_use, n)),
    born AS (
        INSERT INTO mailbox_account
        SELECT x, 0, 0, cardinality($2::text[]) + 1, clock.now + cardinality($2::text[]), 1
        FROM (SELECT DISTINCT x FROM unnest($1::text[]) AS x ORDER BY x) AS t(x), clock
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
LOCK_ACCOUNTS = """
    SELECT 1 FROM mailbox_account WHERE account_id = ANY ($1::text[]) ORDER BY account_id FOR NO KEY UPDATE"""
USAGE = """
    SELECT a.account_id, a.used, a.messages,
        (SELECT count(*) FROM mailbox m WHERE m.account_id = a.account_id) AS mailboxes
    FROM mailbox_account a WHERE a.account_id = ANY ($1::text[])"""
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
    WITH was AS MATERIALIZED (SELECT m.* FROM mailbox m WHERE m.account_id = $1 AND m.id = $2 FOR NO KEY UPDATE),
    seen AS (
        UPDATE mailbox m SET first_recent = was.uidnext FROM was
        WHERE m.account_id = was.account_id AND m.id = was.id AND was.first_recent < was.uidnext
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
        SELECT array_agg(e.uid) AS uids, array_agg(e.flags) AS flags, array_agg(e.modseq) AS modseqs,
            array_agg(e.size) AS sizes
        FROM (SELECT e.uid, e.flags, e.modseq, e.size FROM mailbox_entry e WHERE {_THEIRS} AND {{which}} LIMIT $4) AS e
    ) AS page ON true
    WHERE m.account_id = $1 AND m.id = $2"""
VIEW = _VIEW.format(expunged="'{}'::bigint[]", which="e.uid > $3 ORDER BY e.uid")
NEWS = _VIEW.format(
    which="e.modseq > $5 AND e.uid + 0 > $3 ORDER BY e.uid + 0",
    expunged="""CASE WHEN $3 > 0 THEN '{}' WHEN $5 < m.expunged_floor THEN NULL ELSE ARRAY(
        SELECT u FROM mailbox_expunged x, unnest(x.uids) AS u
        WHERE x.account_id = $1 AND x.mailbox_id = $2 AND x.modseq > $5 ORDER BY u
    ) END""",
)
FIND = """
    SELECT mailbox_id, uid FROM mailbox_entry WHERE account_id = $1 AND letter_id = $2 ORDER BY mailbox_id, uid"""
MODSEQS = """
    SELECT m.account_id, m.id, m.modseq, m.uidnext FROM unnest($1::text[], $2::integer[]) AS t(account, id)
    JOIN mailbox m ON m.account_id = t.account AND m.id = t.id"""


def rows(want: Want) -> str:
    """Entries with what is asked for of their letters; each kind of question is a statement of its own."""
    parts = {Want.ENVELOPE: "l.envelope", Want.STRUCTURE: "l.structure", Want.SUMMARY: "l.summary"}
    columns = [column for part, column in parts.items() if part in want]
    bytes_too = Want.BODY in want
    columns += ["l.object", "b.data AS body"] if bytes_too else []
    body = (
        "LEFT JOIN mailbox_body b ON b.account_id = l.account_id AND b.letter_id = l.id" if bytes_too else ""
    )
    return f"""
    SELECT {", ".join(["e.uid, e.letter_id, l.size, l.received, e.saved, l.thread", *columns])}
    FROM mailbox_entry e JOIN mailbox_letter l ON l.account_id = e.account_id AND l.id = e.letter_id {body}
    WHERE {_THEIRS} AND e.uid = ANY ($3::bigint[]) ORDER BY e.uid"""


# ── changing ──

STORE = "SELECT * FROM mailbox_store($1, $2, $3, $4, $5, $6, $7)"
COPY = f"SELECT * FROM mailbox_copy($1, $2, $3, $4, $5, $6, {CLOCK})"
EXPUNGE = f"SELECT * FROM mailbox_expunge($1, $2, $3, $4, {CLOCK})"

# ── leases ──

RENEW = f"""
    UPDATE mailbox_lease SET until = {CLOCK} + $4
    WHERE account_id = $1 AND name = $2 AND owner = $3 AND until > {CLOCK} RETURNING 1"""
LEASE = f"""
    INSERT INTO mailbox_lease SELECT $1, $2, $3, {CLOCK} + $4
    WHERE (
        SELECT count(*) FROM mailbox_lease
        WHERE account_id = $1 AND name = $2 AND owner <> $3 AND until > {CLOCK}
    ) < $5
    ON CONFLICT (account_id, name, owner) DO UPDATE SET until = excluded.until RETURNING 1"""
RELEASE = "DELETE FROM mailbox_lease WHERE account_id = $1 AND name = $2 AND owner = $3"

# ── the index ──

TO_INDEX = f"""
    WITH free AS MATERIALIZED (
        SELECT u.account_id, u.letter_id FROM mailbox_unindexed u WHERE u.until <= {CLOCK}
        ORDER BY u.place LIMIT $1 FOR UPDATE SKIP LOCKED
    ),
    taken AS (
        UPDATE mailbox_unindexed u SET until = {CLOCK} + $2 FROM free
        WHERE u.account_id = free.account_id AND u.letter_id = free.letter_id RETURNING u.account_id, u.letter_id, u.place
    )
    SELECT l.account_id, l.id, l.object, b.data FROM taken t
    JOIN mailbox_letter l ON l.account_id = t.account_id AND l.id = t.letter_id
    LEFT JOIN mailbox_body b ON b.account_id = t.account_id AND b.letter_id = t.letter_id ORDER BY t.place"""
# The letters are locked, so that the sweep, which skips what is locked, cannot take them away from under their words.
INDEX = """
    WITH there AS MATERIALIZED (
        SELECT t.account, t.id, t.words FROM unnest($1::text[], $2::uuid[], $3::text[]) AS t(account, id, words)
        JOIN mailbox_letter l ON l.account_id = t.account AND l.id = t.id ORDER BY 1, 2 FOR KEY SHARE OF l
    ),
    done AS (
        DELETE FROM mailbox_unindexed u USING there t
        WHERE u.account_id = t.account AND u.letter_id = t.id AND t.words IS NOT NULL
    ),
    never AS (
        INSERT INTO mailbox_unindexed (account_id, letter_id, place, until)
        SELECT t.account, t.id, 9223372036854775807, 'Infinity' FROM there t WHERE t.words IS NULL
        ON CONFLICT (account_id, letter_id) DO UPDATE SET place = excluded.place, until = excluded.until
    ),
    unsaid AS (
        DELETE FROM mailbox_words w USING there t
        WHERE w.account_id = t.account AND w.letter_id = t.id AND t.words IS NULL
    )
    INSERT INTO mailbox_words
    SELECT t.account, t.id, array_to_tsvector(string_to_array(t.words, ' ')) FROM there t WHERE t.words IS NOT NULL
    ON CONFLICT (account_id, letter_id) DO UPDATE SET words = excluded.words"""
_MATCH = f"""
    SELECT ARRAY({{found}}) AS uids, ARRAY(
        SELECT e.uid FROM mailbox_unindexed u JOIN mailbox_entry e ON e.letter_id = u.letter_id
        WHERE u.account_id = $1 AND {_THEIRS} ORDER BY e.uid
    ) AS unknown
    FROM mailbox m WHERE m.account_id = $1 AND m.id = $2"""
MATCH = _MATCH.format(
    found=f"""
        SELECT e.uid FROM mailbox_words w JOIN mailbox_entry e ON e.letter_id = w.letter_id
        WHERE w.words @@ $3::tsquery AND w.account_id || '' = $1 AND {_THEIRS} ORDER BY e.uid"""
)
INDEXED = _MATCH.format(
    found=f"""
        SELECT e.uid FROM mailbox_entry e WHERE {_THEIRS} AND EXISTS (
            SELECT 1 FROM mailbox_words w WHERE w.account_id = $1 AND w.letter_id = e.letter_id
        ) ORDER BY e.uid"""
)
BACKLOG = "SELECT count(*) FROM mailbox_unindexed WHERE until < 'Infinity'"

# ── upkeep ──

OBJECTS = "SELECT DISTINCT object FROM mailbox_letter WHERE object = ANY ($1::text[]) AND object <> ''"
_LOOSE = "(SELECT account_id FROM mailbox_loose LIMIT $1) AS t"
# Who was forgotten has no row to lock; one that is put there and taken away again keeps others from being born meanwhile.
PLACEHOLDERS = f"""
    INSERT INTO mailbox_account
    SELECT t.account_id, 0, 0, 1, 1, 1 FROM (SELECT DISTINCT account_id FROM {_LOOSE} ORDER BY account_id) AS t
    WHERE NOT EXISTS (SELECT 1 FROM mailbox_account a WHERE a.account_id = t.account_id)
    ON CONFLICT DO NOTHING RETURNING account_id"""
UNPLACE = "DELETE FROM mailbox_account WHERE account_id = ANY ($1::text[])"
LOCK_LOOSE = f"""
    SELECT a.account_id FROM mailbox_account a WHERE a.account_id = ANY (ARRAY(SELECT account_id FROM {_LOOSE}))
    ORDER BY a.account_id FOR NO KEY UPDATE SKIP LOCKED"""
LOCK_LETTERS = """
    SELECT l.account_id, l.id FROM mailbox_loose t
    JOIN mailbox_letter l ON l.account_id = t.account_id AND l.id = t.letter_id
    WHERE t.account_id = ANY ($1::text[]) LIMIT $2 FOR UPDATE OF l SKIP LOCKED"""
DROP_LETTERS = """
    WITH loose AS MATERIALIZED (
        SELECT t.account, t.id, NOT EXISTS (
            SELECT 1 FROM mailbox_entry e WHERE e.account_id = t.account AND e.letter_id = t.id
        ) AS over
        FROM unnest($1::text[], $2::uuid[]) AS t(account, id)
    ),
    looked AS (DELETE FROM mailbox_loose x USING loose t WHERE x.account_id = t.account AND x.letter_id = t.id),
    bytes AS (DELETE FROM mailbox_body x USING loose t WHERE x.account_id = t.account AND x.letter_id = t.id AND t.over),
    words AS (DELETE FROM mailbox_words x USING loose t WHERE x.account_id = t.account AND x.letter_id = t.id AND t.over),
    queue AS (
        DELETE FROM mailbox_unindexed x USING loose t WHERE x.account_id = t.account AND x.letter_id = t.id AND t.over
    )
    DELETE FROM mailbox_letter x USING loose t WHERE x.account_id = t.account AND x.id = t.id AND t.over
    RETURNING x.object"""
OLD_DELIVERED = f"""
    WITH old AS MATERIALIZED (
        SELECT account_id, delivery_id FROM mailbox_delivered WHERE at <= {CLOCK} - {DELIVERED_KEPT!r}
        ORDER BY at LIMIT $1 FOR UPDATE SKIP LOCKED
    )
    DELETE FROM mailbox_delivered d USING old WHERE d.account_id = old.account_id AND d.delivery_id = old.delivery_id"""
OLD_LEASES = f"""
    WITH old AS MATERIALIZED (
        SELECT account_id, name, owner FROM mailbox_lease WHERE until <= {CLOCK} LIMIT $1 FOR UPDATE SKIP LOCKED
    )
    DELETE FROM mailbox_lease x USING old
    WHERE x.account_id = old.account_id AND x.name = old.name AND x.owner = old.owner"""
_OLD_EXPUNGED = f"""
    SELECT account_id, mailbox_id, modseq FROM mailbox_expunged WHERE at <= {CLOCK} - {EXPUNGED_KEPT!r}
    ORDER BY at LIMIT $1"""
LOCK_EXPUNGED = f"""
    SELECT a.account_id FROM mailbox_account a
    WHERE a.account_id = ANY (ARRAY(SELECT account_id FROM ({_OLD_EXPUNGED}) AS t))
    ORDER BY a.account_id FOR NO KEY UPDATE SKIP LOCKED"""
DROP_EXPUNGED = f"""
    WITH old AS MATERIALIZED ({_OLD_EXPUNGED}),
    gone AS (
        DELETE FROM mailbox_expunged x USING old WHERE x.account_id = old.account_id AND x.mailbox_id = old.mailbox_id
            AND x.modseq = old.modseq AND x.account_id = ANY ($2::text[]) RETURNING x.account_id, x.mailbox_id, x.modseq
    ),
    floor AS (SELECT account_id, mailbox_id, max(modseq) AS modseq FROM gone GROUP BY account_id, mailbox_id)
    UPDATE mailbox m SET expunged_floor = greatest(m.expunged_floor, floor.modseq) FROM floor
    WHERE m.account_id = floor.account_id AND m.id = floor.mailbox_id"""
