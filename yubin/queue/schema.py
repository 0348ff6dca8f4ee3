"""The ledger's tables, for SQLite and for PostgreSQL, forward and back.

Times are Unix seconds. ``delivery`` copies tenant and expiry from its message so that a claim reads one table. A row is
``waiting`` when it may be claimed: ready or deferred, and nobody wishes otherwise. Its indexes are partial, so that what
is done, for seven days the most of the table, is in none of them but the keys.
"""

from __future__ import annotations

from yubin.database.migrate import Migration

SQLITE = (
    Migration(
        version=1,
        name="queue",
        up=(
            """CREATE TABLE message (
                id BLOB PRIMARY KEY, tenant TEXT NOT NULL, account TEXT, origin TEXT NOT NULL, sender TEXT NOT NULL,
                size INTEGER NOT NULL, sha256 BLOB NOT NULL, body_type TEXT NOT NULL, utf8 INTEGER NOT NULL,
                requiretls INTEGER NOT NULL, envid TEXT, ret TEXT, klass TEXT NOT NULL, created REAL NOT NULL,
                expires_in REAL NOT NULL, traceparent TEXT NOT NULL, elsewhere INTEGER NOT NULL
            ) WITHOUT ROWID""",
            "CREATE TABLE body (message_id BLOB PRIMARY KEY, data BLOB NOT NULL)",
            """CREATE TABLE delivery (
                id BLOB PRIMARY KEY, message_id BLOB NOT NULL, tenant TEXT NOT NULL, domain TEXT NOT NULL,
                site TEXT NOT NULL, state TEXT NOT NULL, epoch INTEGER NOT NULL, attempts INTEGER NOT NULL,
                crashes INTEGER NOT NULL, in_doubt INTEGER NOT NULL, marked INTEGER NOT NULL, wish TEXT,
                due REAL NOT NULL, lease_until REAL, owner TEXT NOT NULL, expires REAL NOT NULL, alarm REAL NOT NULL,
                parked REAL, ended REAL, waiting INTEGER NOT NULL
            ) WITHOUT ROWID""",
            "CREATE INDEX delivery_message ON delivery (message_id)",
            "CREATE INDEX delivery_turn ON delivery (site, tenant, due) WHERE waiting",
            "CREATE INDEX delivery_due ON delivery (due, site) WHERE waiting",
            "CREATE INDEX delivery_alarm ON delivery (alarm, expires) WHERE waiting",
            "CREATE INDEX delivery_lease ON delivery (lease_until, site) WHERE lease_until IS NOT NULL",
            "CREATE INDEX delivery_live ON delivery (tenant, id) WHERE ended IS NULL",
            "CREATE INDEX delivery_ended ON delivery (ended, id) WHERE ended IS NOT NULL",
            """CREATE TABLE recipient (
                delivery_id BLOB NOT NULL, n INTEGER NOT NULL, address TEXT NOT NULL, orcpt TEXT, notify INTEGER NOT NULL,
                tell INTEGER NOT NULL, outcome TEXT NOT NULL, code INTEGER NOT NULL, enhanced TEXT NOT NULL,
                text TEXT NOT NULL, peer TEXT NOT NULL, tried REAL, ended REAL, owed INTEGER NOT NULL,
                PRIMARY KEY (delivery_id, n)
            ) WITHOUT ROWID""",
            "CREATE INDEX recipient_owed ON recipient (delivery_id) WHERE owed",
            """CREATE TABLE event (
                seq INTEGER PRIMARY KEY AUTOINCREMENT, message_id BLOB NOT NULL, delivery_id BLOB, n INTEGER NOT NULL,
                at REAL NOT NULL, kind TEXT NOT NULL, code INTEGER NOT NULL, enhanced TEXT NOT NULL, text TEXT NOT NULL,
                peer TEXT NOT NULL, relayed INTEGER NOT NULL DEFAULT 0
            )""",
            "CREATE INDEX event_message ON event (message_id, seq)",
            "CREATE INDEX event_unrelayed ON event (seq) WHERE NOT relayed",
            "CREATE TABLE sweep (one INTEGER PRIMARY KEY CHECK (one = 1), at REAL NOT NULL, id BLOB NOT NULL)",
            "INSERT INTO sweep VALUES (1, 0, x'')",
        ),
        down=tuple(
            f"DROP TABLE {name}" for name in ("sweep", "event", "recipient", "delivery", "body", "message")
        ),
    ),
)

WAITING = "state IN ('ready', 'deferred') AND wish IS NULL"  # the predicate of PostgreSQL's partial indexes

POSTGRES = (
    Migration(
        version=1,
        name="queue",
        up=(
            """CREATE TABLE message (
                id uuid PRIMARY KEY, tenant text NOT NULL, account text, origin text NOT NULL, sender text NOT NULL,
                size bigint NOT NULL, sha256 bytea NOT NULL, body_type text NOT NULL, utf8 boolean NOT NULL,
                requiretls boolean NOT NULL, envid text, ret text, klass text NOT NULL, created float8 NOT NULL,
                expires_in float8 NOT NULL, traceparent text NOT NULL, elsewhere boolean NOT NULL
            )""",
            "CREATE TABLE body (message_id uuid PRIMARY KEY, data bytea NOT NULL)",
            "ALTER TABLE body ALTER COLUMN data SET STORAGE EXTERNAL",  # the default compression costs 0.5 ms a letter
            """CREATE TABLE delivery (
                id uuid PRIMARY KEY, message_id uuid NOT NULL, tenant text NOT NULL, domain text NOT NULL,
                site text NOT NULL, state text NOT NULL, epoch integer NOT NULL, attempts integer NOT NULL,
                crashes integer NOT NULL, in_doubt boolean NOT NULL, marked boolean NOT NULL, wish text,
                due float8 NOT NULL, lease_until float8, owner text NOT NULL, expires float8 NOT NULL,
                alarm float8 NOT NULL, parked float8, ended float8
            ) WITH (fillfactor = 80)""",
            "CREATE INDEX delivery_message ON delivery (message_id)",
            f"CREATE INDEX delivery_turn ON delivery (site, tenant, due) WHERE {WAITING}",
            # "+ 0" keeps claims, which order by due within a site, from walking what is due everywhere
            f"CREATE INDEX delivery_due ON delivery ((due + 0), site) WHERE {WAITING}",
            f"CREATE INDEX delivery_alarm ON delivery (alarm, expires) WHERE {WAITING}",
            "CREATE INDEX delivery_lease ON delivery (lease_until, site) WHERE state = 'sending'",
            "CREATE INDEX delivery_live ON delivery (tenant, id) WHERE ended IS NULL",
            "CREATE INDEX delivery_parked ON delivery (state) WHERE state IN ('held', 'quarantined')",
            "CREATE INDEX delivery_wish ON delivery (id) WHERE wish IS NOT NULL",
            "CREATE INDEX delivery_in_doubt ON delivery (id) WHERE in_doubt AND state <> 'done'",
            "CREATE INDEX delivery_ended ON delivery (ended, id) WHERE ended IS NOT NULL",
            """CREATE TABLE recipient (
                delivery_id uuid NOT NULL, n integer NOT NULL, address text NOT NULL, orcpt text, notify integer NOT NULL,
                tell integer NOT NULL, outcome text NOT NULL, code integer NOT NULL, enhanced text NOT NULL,
                text text NOT NULL, peer text NOT NULL, tried float8, ended float8, owed boolean NOT NULL,
                PRIMARY KEY (delivery_id, n)
            ) WITH (fillfactor = 80)""",
            "CREATE INDEX recipient_owed ON recipient (delivery_id) WHERE owed",
            """CREATE TABLE event (
                seq bigint GENERATED ALWAYS AS IDENTITY, message_id uuid NOT NULL, delivery_id uuid, n integer NOT NULL,
                at float8 NOT NULL, kind text NOT NULL, code integer NOT NULL, enhanced text NOT NULL,
                text text NOT NULL, peer text NOT NULL, relayed boolean NOT NULL DEFAULT false,
                PRIMARY KEY (message_id, seq)
            )""",
            "CREATE INDEX event_unrelayed ON event (seq) WHERE NOT relayed",
            "CREATE TABLE sweep (one integer PRIMARY KEY CHECK (one = 1), at float8 NOT NULL, id uuid NOT NULL)",
            "INSERT INTO sweep VALUES (1, 0, '00000000-0000-0000-0000-000000000000')",
        ),
        down=tuple(
            f"DROP TABLE {name}" for name in ("sweep", "event", "recipient", "delivery", "body", "message")
        ),
    ),
)
