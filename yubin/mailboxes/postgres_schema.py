"""The mailboxes' tables in PostgreSQL, and how they came to be.

* Every key begins with account_id, and no row refers to another account's: tables can be distributed by it (Citus, or any
  PostgreSQL that shards). What IMAP sees (mailbox ids, UIDVALIDITY, UIDs, MODSEQ) is counted in the account's own rows;
  the one sequence says in which order letters are indexed. account_id collates as bytes.
* A letter's bytes lie in a table of their own, so that its row stays short: listing a mailbox reads no body. Nothing is
  compressed (EXTERNAL): the default costs 0.5 ms a letter, and what is in an envelope hardly shrinks.
* Keywords lie in the mailbox' row, as the place in an array: whoever reads flags reads what they mean in the same row,
  and whoever adds one has the row locked already.
* One expunge is one row with all its UIDs: emptying a mailbox of 100,000 writes one row and not 100,000.
* Three tables are lists of work and stay short: mailbox_unindexed (letters without words), mailbox_loose (letters that
  may have lost their last entry), mailbox_lease. So ``letter`` is written once and never again: an update would copy it.
* A plan is made once for each connection, perhaps while a table had one row and every index looked equally good. So where
  a table has several, each question fits one only: the index by MODSEQ has ``account_id || ''`` for the account, that by
  letter ``'' || account_id``, and only a question in the same words finds them; primary keys are made last, which wins a
  draw.
"""

from __future__ import annotations

from yubin.database.migrate import Migration
from yubin.mailboxes.postgres_changes import COPY, EXPUNGE, FIRST_STORE, INDEX, STORE
from yubin.mailboxes.postgres_deliver import DELIVER, FIRST_DELIVER
from yubin.mailboxes.postgres_functions import FLAGS
from yubin.mailboxes.postgres_leases import TAKE

FUNCTIONS = (*FLAGS, FIRST_DELIVER, FIRST_STORE, COPY, EXPUNGE, INDEX)
_ACCOUNT = 'account_id text COLLATE "C" NOT NULL'
TABLES = (
    "mailbox_account", "mailbox", "mailbox_subscription", "mailbox_letter", "mailbox_body", "mailbox_entry",
    "mailbox_expunged", "mailbox_delivered", "mailbox_lease", "mailbox_words", "mailbox_unindexed", "mailbox_loose",
)  # fmt: skip

POSTGRES = (
    Migration(
        version=1,
        name="mailboxes",
        up=(
            f"""CREATE TABLE mailbox_account (
                {_ACCOUNT} PRIMARY KEY, used bigint NOT NULL, messages bigint NOT NULL, mailbox_next integer NOT NULL,
                uidvalidity_next bigint NOT NULL, modseq bigint NOT NULL
            ) WITH (fillfactor = 50)""",
            f"""CREATE TABLE mailbox (
                {_ACCOUNT}, id integer NOT NULL, name text COLLATE "C" NOT NULL, uidvalidity bigint NOT NULL,
                uidnext bigint NOT NULL, modseq bigint NOT NULL, expunged_floor bigint NOT NULL,
                first_recent bigint NOT NULL, special_use text NOT NULL, messages bigint NOT NULL,
                unseen bigint NOT NULL, deleted bigint NOT NULL, size bigint NOT NULL, keywords text[] NOT NULL,
                UNIQUE (account_id, name) DEFERRABLE
            ) WITH (fillfactor = 60)""",
            "CREATE UNIQUE INDEX mailbox_use ON mailbox (account_id, special_use) WHERE special_use <> ''",
            "ALTER TABLE mailbox ADD PRIMARY KEY (account_id, id)",
            f"""CREATE TABLE mailbox_subscription (
                {_ACCOUNT}, name text COLLATE "C" NOT NULL, PRIMARY KEY (account_id, name)
            )""",
            f"""CREATE TABLE mailbox_letter (
                {_ACCOUNT}, id uuid NOT NULL, size bigint NOT NULL, sha256 bytea NOT NULL, received float8 NOT NULL,
                thread text NOT NULL, object text NOT NULL, envelope bytea NOT NULL, structure bytea NOT NULL,
                summary bytea NOT NULL, traceparent text NOT NULL, PRIMARY KEY (account_id, id)
            )""",
            *(
                f"ALTER TABLE mailbox_letter ALTER COLUMN {name} SET STORAGE EXTERNAL"
                for name in ("envelope", "structure", "summary")
            ),
            "CREATE INDEX mailbox_letter_object ON mailbox_letter (object) WHERE object <> ''",
            f"""CREATE TABLE mailbox_body (
                {_ACCOUNT}, letter_id uuid NOT NULL, data bytea NOT NULL, PRIMARY KEY (account_id, letter_id)
            )""",
            "ALTER TABLE mailbox_body ALTER COLUMN data SET STORAGE EXTERNAL",
            f"""CREATE TABLE mailbox_entry (
                {_ACCOUNT}, mailbox_id integer NOT NULL, uid bigint NOT NULL, letter_id uuid NOT NULL,
                modseq bigint NOT NULL, flags bigint NOT NULL, size bigint NOT NULL, saved float8 NOT NULL
            )""",
            "CREATE INDEX mailbox_entry_modseq ON mailbox_entry ((account_id || ''), mailbox_id, modseq) INCLUDE (uid)",
            "CREATE INDEX mailbox_entry_letter ON mailbox_entry (letter_id, ('' || account_id))",
            "ALTER TABLE mailbox_entry ADD PRIMARY KEY (account_id, mailbox_id, uid)",
            f"""CREATE TABLE mailbox_expunged (
                {_ACCOUNT}, mailbox_id integer NOT NULL, modseq bigint NOT NULL, at float8 NOT NULL,
                uids bigint[] NOT NULL, PRIMARY KEY (account_id, mailbox_id, modseq)
            )""",
            "CREATE INDEX mailbox_expunged_at ON mailbox_expunged (at)",
            f"""CREATE TABLE mailbox_delivered (
                {_ACCOUNT}, delivery_id uuid NOT NULL, mailbox_id integer NOT NULL, uidvalidity bigint NOT NULL,
                uid bigint NOT NULL, modseq bigint NOT NULL, at float8 NOT NULL, PRIMARY KEY (account_id, delivery_id)
            )""",
            "CREATE INDEX mailbox_delivered_at ON mailbox_delivered (at)",
            f"""CREATE TABLE mailbox_lease (
                {_ACCOUNT}, name text NOT NULL, owner text NOT NULL, until float8 NOT NULL,
                PRIMARY KEY (account_id, name, owner)
            ) WITH (fillfactor = 50)""",
            f"""CREATE TABLE mailbox_words (
                {_ACCOUNT}, letter_id uuid NOT NULL, words tsvector NOT NULL, PRIMARY KEY (account_id, letter_id)
            )""",
            "ALTER TABLE mailbox_words ALTER COLUMN words SET STORAGE EXTERNAL",
            "CREATE INDEX mailbox_words_words ON mailbox_words USING gin (words) WITH (gin_pending_list_limit = 1024)",
            f"""CREATE TABLE mailbox_unindexed (
                {_ACCOUNT}, letter_id uuid NOT NULL, place bigint GENERATED BY DEFAULT AS IDENTITY,
                until float8 NOT NULL
            ) WITH (fillfactor = 50)""",
            "CREATE INDEX mailbox_unindexed_place ON mailbox_unindexed (place)",
            "ALTER TABLE mailbox_unindexed ADD PRIMARY KEY (account_id, letter_id)",
            f"""CREATE TABLE mailbox_loose (
                {_ACCOUNT}, letter_id uuid NOT NULL, PRIMARY KEY (account_id, letter_id)
            )""",
            *(function.create for function in FUNCTIONS),
        ),
        down=(
            *(f"DROP FUNCTION {function.name}" for function in reversed(FUNCTIONS)),
            *(f"DROP TABLE {name}" for name in reversed(TABLES)),
        ),
    ),
    Migration(version=2, name="leases", up=(TAKE.create,), down=(f"DROP FUNCTION {TAKE.name}",)),
    Migration(
        version=3,
        name="fewer plans",
        up=(STORE.replace, DELIVER.replace),
        down=(FIRST_STORE.replace, FIRST_DELIVER.replace),
    ),
)
