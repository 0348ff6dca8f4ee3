"""STORE, COPY, MOVE and EXPUNGE in PostgreSQL, and what writes the index, each a function: see ``postgres_functions`` for why.

Each locks the account, then its mailboxes, judges all the entries in one statement, and writes only when something is
different: the entries, one row for what was expunged, the counters of the mailbox and of the account. A change has one
MODSEQ, whatever it touched. A letter that may have lost its last entry is noted in mailbox_loose for the sweep.

Their results are arrays, since a client may change 100,000 entries at once; a status that is not DONE comes alone.
"""

# ruff: noqa: S608 - put together from constants of our own; values travel as arguments

from __future__ import annotations

from dataclasses import replace

from yubin.mailboxes.port import KEYWORDS
from yubin.mailboxes.postgres_functions import DELETED, LOCK, LOCK_ONE, SEEN, SYSTEM, Function, Status

_NEW = "CASE how WHEN 'add' THEN e.flags | mask WHEN 'remove' THEN e.flags & ~mask ELSE mask END"
# Of UIDs, each once, the entries that there are. The rows cannot move until we commit, so they are found again by ctid.
_THEIRS = """unnest({uids}) AS u(uid) CROSS JOIN LATERAL (
            SELECT e.*, e.ctid AS at FROM mailbox_entry e
            WHERE e.account_id = account AND e.mailbox_id = box AND e.uid = u.uid OFFSET 0
        ) AS e"""
_COUNTS = f"""count(*), coalesce(sum(e.size), 0), count(*) FILTER (WHERE e.flags & {SEEN} = 0),
        count(*) FILTER (WHERE e.flags & {DELETED} <> 0)"""
_MINUS = """messages = x.messages - n_messages, size = x.size - n_size, unseen = x.unseen - n_unseen,
            deleted = x.deleted - n_deleted"""
_MASK = "mask := bits | mailbox_bits(m.keywords, wanted);"
_DECLARE = """
    a mailbox_account; m mailbox; tick bigint; n_messages bigint; n_size bigint; n_unseen bigint; n_deleted bigint;"""

# As migration 1 made it; STORE is how it is now.
FIRST_STORE = Function(
    name="mailbox_store",
    arguments="""
    account text, box integer, asked bigint[], how text, bits bigint, wanted text[], since bigint, OUT status integer,
    OUT uids bigint[], OUT flags bigint[], OUT modseqs bigint[], OUT keywords text[], OUT modified bigint[],
    OUT modseq bigint""",
    returns="record",
    body=f"""
#variable_conflict use_column
DECLARE mask bigint; touched tid[];{_DECLARE}
BEGIN{LOCK_ONE}
    tick := a.modseq + 1;
    keywords := m.keywords;
    IF how <> 'remove' AND cardinality(wanted) > 0 AND EXISTS (
        SELECT 1 FROM {_THEIRS.format(uids="asked")} WHERE since IS NULL OR e.modseq <= since
    ) THEN
        keywords := mailbox_extended(m.keywords, wanted);
        IF cardinality(keywords) > {KEYWORDS} THEN status := {Status.KEYWORDS:d}; RETURN; END IF;
    END IF;
    m.keywords := keywords;
    {_MASK}
    SELECT array_agg(e.uid) FILTER (WHERE NOT e.meant),
        array_agg(e.uid) FILTER (WHERE e.meant), array_agg(e.new) FILTER (WHERE e.meant),
        array_agg(CASE WHEN e.new = e.flags THEN e.modseq ELSE tick END) FILTER (WHERE e.meant),
        array_agg(e.at) FILTER (WHERE e.meant AND e.new <> e.flags),
        sum((e.new & {SEEN} = 0)::integer - (e.flags & {SEEN} = 0)::integer) FILTER (WHERE e.meant),
        sum((e.new & {DELETED} <> 0)::integer - (e.flags & {DELETED} <> 0)::integer) FILTER (WHERE e.meant)
    INTO modified, uids, flags, modseqs, touched, n_unseen, n_deleted
    FROM (
        SELECT e.uid, e.flags, e.modseq, e.at, since IS NULL OR e.modseq <= since AS meant, {_NEW} AS new
        FROM {_THEIRS.format(uids="asked")} ORDER BY e.uid
    ) AS e;
    IF touched IS NOT NULL THEN
        UPDATE mailbox_account x SET modseq = tick WHERE x.account_id = account;
        UPDATE mailbox x SET modseq = tick, keywords = m.keywords, unseen = x.unseen + n_unseen,
            deleted = x.deleted + n_deleted WHERE x.account_id = account AND x.id = box;
        UPDATE mailbox_entry e SET modseq = tick, flags = {_NEW} WHERE e.ctid = ANY (touched);
        m.modseq := tick;
    END IF;
    status := {Status.DONE:d};
    modseq := m.modseq;
END""",
)

# To call an SQL function is to plan it: 0.17 ms of the 0.5 ms that a STORE of one message costs the server. Most name no keyword.
STORE = replace(
    FIRST_STORE,
    body=FIRST_STORE.body.replace(_MASK, f"mask := bits; IF cardinality(wanted) > 0 THEN {_MASK} END IF;"),
)

# A move within one mailbox takes and gives there, so what it takes is counted off what it has given.
COPY = Function(
    name="mailbox_copy",
    arguments="""
    account text, box integer, asked bigint[], target integer, away boolean, quota bigint, clock float8,
    OUT status integer, OUT uidvalidity bigint, OUT sources bigint[], OUT first_uid bigint, OUT modseq bigint""",
    returns="record",
    body=f"""
#variable_conflict use_column
DECLARE t mailbox; together bigint; taken tid[];{_DECLARE}
BEGIN{LOCK}
    PERFORM 1 FROM mailbox x WHERE x.account_id = account AND x.id = least(box, target) FOR NO KEY UPDATE;
    PERFORM 1 FROM mailbox x WHERE x.account_id = account AND x.id = greatest(box, target) FOR NO KEY UPDATE;
    SELECT x.* INTO m FROM mailbox x WHERE x.account_id = account AND x.id = box;
    SELECT x.* INTO t FROM mailbox x WHERE x.account_id = account AND x.id = target;
    IF m.id IS NULL OR t.id IS NULL THEN status := {Status.NO_MAILBOX:d}; RETURN; END IF;
    status := {Status.DONE:d};
    uidvalidity := t.uidvalidity;
    first_uid := t.uidnext;
    modseq := m.modseq;
    SELECT array_agg(e.uid), array_agg(e.at), bit_or(e.flags), {_COUNTS}
    INTO sources, taken, together, n_messages, n_size, n_unseen, n_deleted
    FROM (SELECT e.* FROM {_THEIRS.format(uids="asked")} ORDER BY e.uid) AS e;
    IF n_messages = 0 THEN RETURN; END IF;
    IF quota > 0 AND NOT away AND a.used + n_size > quota THEN status := {Status.FULL:d}; RETURN; END IF;
    t.keywords := mailbox_extended(t.keywords, mailbox_names(m.keywords, together));
    IF cardinality(t.keywords) > {KEYWORDS} THEN status := {Status.KEYWORDS:d}; RETURN; END IF;
    tick := a.modseq + 1;
    UPDATE mailbox_account x SET modseq = tick, messages = x.messages + CASE WHEN away THEN 0 ELSE n_messages END,
        used = x.used + CASE WHEN away THEN 0 ELSE n_size END WHERE x.account_id = account;
    UPDATE mailbox x SET modseq = tick, uidnext = x.uidnext + n_messages, keywords = t.keywords,
        messages = x.messages + n_messages, size = x.size + n_size, unseen = x.unseen + n_unseen,
        deleted = x.deleted + n_deleted WHERE x.account_id = account AND x.id = target;
    INSERT INTO mailbox_entry
    SELECT account, target, t.uidnext - 1 + row_number() OVER (ORDER BY e.uid), e.letter_id, tick,
        CASE WHEN e.flags <= {SYSTEM} OR box = target THEN e.flags
            ELSE e.flags & {SYSTEM} | mailbox_bits(t.keywords, mailbox_names(m.keywords, e.flags)) END, e.size, clock
    FROM {_THEIRS.format(uids="sources")};
    IF away THEN
        UPDATE mailbox x SET modseq = tick, {_MINUS} WHERE x.account_id = account AND x.id = box;
        DELETE FROM mailbox_entry e WHERE e.ctid = ANY (taken);
        INSERT INTO mailbox_expunged VALUES (account, box, tick, clock, sources);
        modseq := tick;
    END IF;
END""",
)

EXPUNGE = Function(
    name="mailbox_expunge",
    arguments="""
    account text, box integer, asked bigint[], only_deleted boolean, clock float8, OUT status integer,
    OUT uids bigint[], OUT modseq bigint""",
    returns="record",
    body=f"""
#variable_conflict use_column
DECLARE taken tid[];{_DECLARE}
BEGIN{LOCK_ONE}
    status := {Status.DONE:d};
    modseq := m.modseq;
    IF m.messages = 0 OR only_deleted AND m.deleted = 0 THEN RETURN; END IF;
    IF asked IS NULL THEN
        asked := ARRAY(
            SELECT e.uid FROM mailbox_entry e WHERE e.account_id = account AND e.mailbox_id = box
                AND (NOT only_deleted OR e.flags & {DELETED} <> 0)
        );
    END IF;
    SELECT array_agg(e.uid), array_agg(e.at), {_COUNTS} INTO uids, taken, n_messages, n_size, n_unseen, n_deleted FROM (
        SELECT e.* FROM {_THEIRS.format(uids="asked")} WHERE NOT only_deleted OR e.flags & {DELETED} <> 0 ORDER BY e.uid
    ) AS e;
    IF n_messages = 0 THEN RETURN; END IF;
    modseq := a.modseq + 1;
    UPDATE mailbox_account x SET modseq = a.modseq + 1, messages = x.messages - n_messages, used = x.used - n_size
    WHERE x.account_id = account;
    UPDATE mailbox x SET modseq = a.modseq + 1, {_MINUS} WHERE x.account_id = account AND x.id = box;
    WITH gone AS (DELETE FROM mailbox_entry e WHERE e.ctid = ANY (taken) RETURNING e.letter_id)
    INSERT INTO mailbox_loose SELECT account, g.letter_id FROM gone g ON CONFLICT DO NOTHING;
    INSERT INTO mailbox_expunged VALUES (account, box, modseq, clock, uids);
END""",
)

# Letter by letter: a join could go the wrong way round (see postgres_functions), and rows that others change meanwhile
# are not found again by ctid. The letter is locked, so that the sweep, which skips what is locked, leaves it.
INDEX = Function(
    name="mailbox_index",
    arguments="accounts text[], letter_ids uuid[], lexemes text[]",
    returns="void",
    body="""
BEGIN
    FOR n IN 1 .. cardinality(accounts) LOOP
        PERFORM 1 FROM mailbox_letter l WHERE l.account_id = accounts[n] AND l.id = letter_ids[n] FOR KEY SHARE;
        CONTINUE WHEN NOT FOUND;
        IF lexemes[n] IS NULL THEN
            DELETE FROM mailbox_words w WHERE w.account_id = accounts[n] AND w.letter_id = letter_ids[n];
            INSERT INTO mailbox_unindexed (account_id, letter_id, place, until)
            VALUES (accounts[n], letter_ids[n], 9223372036854775807, 'Infinity')
            ON CONFLICT (account_id, letter_id) DO UPDATE SET place = excluded.place, until = excluded.until;
        ELSE
            INSERT INTO mailbox_words
            VALUES (accounts[n], letter_ids[n], array_to_tsvector(string_to_array(lexemes[n], ' ')))
            ON CONFLICT (account_id, letter_id) DO UPDATE SET words = excluded.words;
            DELETE FROM mailbox_unindexed u WHERE u.account_id = accounts[n] AND u.letter_id = letter_ids[n];
        END IF;
    END LOOP;
END""",
)
