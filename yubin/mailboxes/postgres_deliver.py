"""Delivery in PostgreSQL: a group of letters for several accounts is one statement and one round trip.

The accounts are locked in sorted order; a second statement, whose snapshot is taken after that, judges each letter, gives
it a UID and a MODSEQ, and writes what belongs to it in data-modifying CTEs. A letter that is refused leaves the
others alone. Big values are taken from their arrays by place, so that no sort or join carries them along. Rows that are
locked are found again by where they lie (ctid).

One letter of an account with a quota or keywords in one call at most, and no id twice: whoever calls sees to it (``rounds``).
So those before a letter are certain to be in when it is judged, and nothing has to be done letter by letter.

A letter that is there already, although it never comes twice, keeps its date while an entry refers to it. One that was
left behind (its account was forgotten, and comes again before the sweep) arrives now.
"""

# ruff: noqa: S608 - put together from constants of our own; values travel as arguments

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from yubin.errors import Failure, Invalid
from yubin.mailboxes import flags
from yubin.mailboxes.port import KEYWORDS, Delivered, NewLetter
from yubin.mailboxes.postgres_functions import DELETED, LOCK_ACCOUNTS, SEEN, Function, Status, refusal

_EVERY = "mailbox_extended(m.keywords, w.wanted)"
# As migration 1 made it; DELIVER is how it is now.
FIRST_DELIVER = Function(
    name="mailbox_deliver",
    arguments="""
    accounts text[], delivery_ids uuid[], letter_ids uuid[], bodies bytea[], objects text[], sizes bigint[],
    sha256s bytea[], received float8[], flag_bits bigint[], mailbox_ids integer[], uses text[], quotas bigint[],
    envelopes bytea[], structures bytea[], summaries bytea[], threads text[], traceparents text[], keyword_places integer[],
    keyword_names text[], clock float8""",
    returns="""TABLE (
    place integer, status integer, mailbox_id integer, uidvalidity bigint, uid bigint, modseq bigint)""",
    body=f"""
#variable_conflict use_column
DECLARE there bigint;
BEGIN
    {LOCK_ACCOUNTS};
    GET DIAGNOSTICS there = ROW_COUNT;
    IF there < (SELECT count(DISTINCT x) FROM unnest(accounts) AS x) THEN RETURN; END IF;
    RETURN QUERY
    WITH judged AS MATERIALIZED (
        SELECT t.n::integer AS n, t.account, t.delivery_id, t.size, m.id AS box, m.uidvalidity, m.uidnext, a.modseq,
            a.at AS account_at, m.at AS box_at, names.every, t.flags | CASE WHEN names.wanted IS NULL THEN 0 ELSE mailbox_bits(names.every, names.wanted) END
                AS flags,
            d.mailbox_id AS was_in, d.uidvalidity AS was_valid, d.uid AS was_uid, d.modseq AS was_modseq,
            CASE WHEN d.uid IS NOT NULL THEN {Status.KNOWN:d} WHEN m.id IS NULL THEN {Status.NO_MAILBOX:d}
                WHEN t.flags IS NULL THEN {Status.BAD_FLAGS:d}
                WHEN t.quota > 0 AND t.quota < a.used + sum(t.size)
                    FILTER (WHERE d.uid IS NULL AND m.id IS NOT NULL AND t.flags IS NOT NULL)
                    OVER (PARTITION BY t.account ORDER BY t.n) THEN {Status.FULL:d}
                WHEN names.wanted IS NOT NULL AND cardinality(names.every) > {KEYWORDS} THEN {Status.KEYWORDS:d}
                ELSE {Status.DONE:d} END AS status
        FROM unnest(accounts, delivery_ids, sizes, flag_bits, mailbox_ids, uses, quotas)
            WITH ORDINALITY AS t(account, delivery_id, size, flags, box, special_use, quota, n)
        CROSS JOIN LATERAL (
            SELECT a.*, a.ctid AS at FROM mailbox_account a WHERE a.account_id = t.account OFFSET 0
        ) AS a
        LEFT JOIN LATERAL (
            SELECT d.* FROM mailbox_delivered d WHERE d.account_id = t.account AND d.delivery_id = t.delivery_id OFFSET 0
        ) AS d ON true
        LEFT JOIN LATERAL (
            SELECT m.*, m.ctid AS at FROM mailbox m
            WHERE m.account_id = t.account AND m.id = coalesce(t.box, CASE WHEN t.special_use <> '' THEN (
                SELECT u.id FROM mailbox u
                WHERE u.account_id = t.account AND u.special_use = t.special_use AND u.special_use <> ''
            ) END, 1) OFFSET 0
        ) AS m ON true
        LEFT JOIN LATERAL (
            SELECT w.wanted, {_EVERY} AS every FROM (
                SELECT array_agg(k.name ORDER BY k.o) AS wanted
                FROM unnest(keyword_places, keyword_names) WITH ORDINALITY AS k(place, name, o) WHERE k.place = t.n
            ) AS w WHERE t.n = ANY (keyword_places)
        ) AS names ON true
    ),
    placed AS MATERIALIZED (
        SELECT j.n, j.account, j.delivery_id, letter_ids[j.n] AS letter_id, j.size, j.box, j.uidvalidity, j.flags, j.every,
            j.account_at, j.box_at,
            j.uidnext - 1 + row_number() OVER (PARTITION BY j.account, j.box ORDER BY j.n) AS uid,
            j.modseq + row_number() OVER (PARTITION BY j.account ORDER BY j.n) AS modseq
        FROM judged j WHERE j.status = {Status.DONE:d}
    ),
    boxes AS (
        UPDATE mailbox m SET uidnext = m.uidnext + p.messages, modseq = p.modseq, messages = m.messages + p.messages,
            unseen = m.unseen + p.unseen, deleted = m.deleted + p.deleted, size = m.size + p.size,
            keywords = coalesce(p.every, m.keywords)
        FROM (
            SELECT box_at, count(*) AS messages, sum(size)::bigint AS size, max(modseq) AS modseq,
                count(*) FILTER (WHERE flags & {SEEN} = 0) AS unseen,
                count(*) FILTER (WHERE flags & {DELETED} <> 0) AS deleted, max(every) AS every
            FROM placed GROUP BY box_at
        ) AS p
        WHERE m.ctid = p.box_at
    ),
    totals AS (
        UPDATE mailbox_account a SET used = a.used + p.size, messages = a.messages + p.messages, modseq = p.modseq
        FROM (
            SELECT account_at, count(*) AS messages, sum(size)::bigint AS size, max(modseq) AS modseq
            FROM placed GROUP BY account_at
        ) AS p
        WHERE a.ctid = p.account_at
    ),
    letters AS (
        INSERT INTO mailbox_letter AS l SELECT account, letter_id, size, sha256s[n], coalesce(received[n], clock), threads[n],
            objects[n], envelopes[n], structures[n], summaries[n], traceparents[n] FROM placed
        ON CONFLICT (account_id, id) DO UPDATE SET received = excluded.received WHERE (
            SELECT true FROM mailbox_entry e WHERE e.letter_id = l.id AND '' || e.account_id = l.account_id LIMIT 1
        ) IS NULL
    ),
    bytes AS (
        INSERT INTO mailbox_body SELECT account, letter_id, bodies[n] FROM placed WHERE bodies[n] IS NOT NULL
        ON CONFLICT DO NOTHING
    ),
    entries AS (
        INSERT INTO mailbox_entry SELECT account, box, uid, letter_id, modseq, flags, size, clock FROM placed
    ),
    known AS (
        INSERT INTO mailbox_delivered SELECT account, delivery_id, box, uidvalidity, uid, modseq, clock FROM placed
    ),
    unindexed AS (
        INSERT INTO mailbox_unindexed (account_id, letter_id, until)
        SELECT p.account, p.letter_id, 0 FROM placed p WHERE (
            SELECT true FROM mailbox_words w WHERE w.account_id = p.account AND w.letter_id = p.letter_id
        ) IS NULL ORDER BY p.n ON CONFLICT DO NOTHING
    )
    SELECT j.n, j.status, coalesce(j.was_in, j.box), coalesce(j.was_valid, j.uidvalidity), coalesce(j.was_uid, p.uid),
        coalesce(j.was_modseq, p.modseq)
    FROM judged j LEFT JOIN placed p ON p.n = j.n;
END""",
)

# To call an SQL function is to plan it, and the planner asks for this one whether the letter has keywords or not: 0.15 ms and
# more of the 0.6 ms that a lone letter costs the server.
DELIVER = replace(
    FIRST_DELIVER,
    body=FIRST_DELIVER.body.replace(_EVERY, f"CASE WHEN w.wanted IS NOT NULL THEN {_EVERY} END"),
)

CALL = (
    "SELECT * FROM mailbox_deliver($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,"
    " extract(epoch FROM {now})::float8)"
)
Column = list[object]


def rounds(letters: Iterable[NewLetter]) -> list[list[NewLetter]]:
    """Cut into pieces as DELIVER wants them; nearly always one."""
    made: list[list[NewLetter]] = []
    taken: set[tuple[str, UUID | None]] = (
        set()
    )  # in the last piece; None: the one that has to be judged with care
    for letter in letters:
        ids = letter.delivery_id, letter.letter_id
        keys: set[tuple[str, UUID | None]] = {(letter.account, id_) for id_ in ids}
        if letter.quota or any(not flag.startswith("\\") for flag in letter.flags):
            keys.add((letter.account, None))
        if not made or taken & keys:
            made.append([])
            taken.clear()
        made[-1].append(letter)
        taken |= keys
    return made


def arguments(letters: Sequence[NewLetter]) -> list[Column]:
    bits, keywords = _flags(letters)
    parsed = [letter.parsed for letter in letters]
    return [
        [x.account for x in letters],
        [x.delivery_id for x in letters],
        [x.letter_id for x in letters],
        [x.body for x in letters],
        [x.object for x in letters],
        [x.size for x in letters],
        [x.sha256 for x in letters],
        [x.received for x in letters],
        bits,
        [x.mailbox_id for x in letters],
        [x.special_use for x in letters],
        [x.quota for x in letters],
        [x.envelope for x in parsed],
        [x.structure for x in parsed],
        [x.summary for x in parsed],
        [x.thread for x in parsed],
        [x.traceparent for x in letters],
        [n for n, _ in keywords],
        [name for _, name in keywords],
    ]


def _flags(letters: Iterable[NewLetter]) -> tuple[Column, list[tuple[int, str]]]:
    """System flags as bits (None: not to be set) and keywords, each with the place of its letter, from 1."""
    bits: Column = []
    keywords: list[tuple[int, str]] = []
    for n, letter in enumerate(letters, 1):
        try:
            system, names = flags.split(letter.flags)
        except Invalid:
            bits.append(None)
        else:
            bits.append(system)
            keywords += [(n, name) for name in names]
    return bits, keywords


def answer(row: Mapping[str, int]) -> Delivered | Failure:
    status = Status(row["status"])
    if status not in {Status.DONE, Status.KNOWN}:
        return refusal(status)
    return Delivered(
        mailbox_id=row["mailbox_id"],
        uidvalidity=row["uidvalidity"],
        uid=row["uid"],
        modseq=row["modseq"],
        fresh=status is Status.DONE,
    )
