"""The directory's tables, for both databases: prefixed, so that several ports may share one PostgreSQL database.

Keys compare by code point everywhere (``COLLATE "C"`` in PostgreSQL), which is the order of pages. What depends on a
row is deleted in ``sql.py``; the references stand guard where the database enforces them.
"""

from __future__ import annotations

from yubin.database.migrate import Migration


def _migrations(key: str, octets: str) -> tuple[Migration, ...]:
    tables = (
        f"CREATE TABLE directory_tenant (name {key} PRIMARY KEY, created DOUBLE PRECISION NOT NULL)",
        f"""CREATE TABLE directory_domain (
            name {key} PRIMARY KEY,
            tenant {key} NOT NULL REFERENCES directory_tenant (name),
            catch_all {key} NOT NULL,
            created DOUBLE PRECISION NOT NULL)""",
        "CREATE INDEX directory_domain_tenant ON directory_domain (tenant, name)",
        "CREATE INDEX directory_domain_catch_all ON directory_domain (catch_all) WHERE catch_all <> ''",
        f"""CREATE TABLE directory_dkim (
            domain {key} NOT NULL REFERENCES directory_domain (name),
            selector {key} NOT NULL,
            n INTEGER NOT NULL,
            algorithm TEXT NOT NULL,
            name TEXT NOT NULL,
            text TEXT NOT NULL,
            signing BOOLEAN NOT NULL,
            sealed {octets} NOT NULL,
            created DOUBLE PRECISION NOT NULL,
            PRIMARY KEY (domain, selector))""",
        f"""CREATE TABLE directory_account (
            id {key} PRIMARY KEY,
            address {key} NOT NULL UNIQUE,
            domain {key} NOT NULL REFERENCES directory_domain (name),
            enabled BOOLEAN NOT NULL,
            quota BIGINT NOT NULL,
            message_size BIGINT NOT NULL,
            recipients INTEGER NOT NULL,
            per_hour INTEGER NOT NULL,
            created DOUBLE PRECISION NOT NULL)""",
        "CREATE INDEX directory_account_domain ON directory_account (domain, address)",
        f"""CREATE TABLE directory_credential (
            account {key} NOT NULL REFERENCES directory_account (id) ON DELETE CASCADE,
            kind TEXT NOT NULL,
            value TEXT NOT NULL,
            PRIMARY KEY (account, kind))""",
        f"""CREATE TABLE directory_alias (
            address {key} PRIMARY KEY,
            domain {key} NOT NULL REFERENCES directory_domain (name))""",
        "CREATE INDEX directory_alias_domain ON directory_alias (domain, address)",
        f"""CREATE TABLE directory_target (
            alias {key} NOT NULL REFERENCES directory_alias (address) ON DELETE CASCADE,
            n INTEGER NOT NULL,
            target {key} NOT NULL,
            PRIMARY KEY (alias, n))""",
        "CREATE INDEX directory_target_target ON directory_target (target)",
    )
    names = ("target", "alias", "credential", "account", "dkim", "domain", "tenant")
    down = tuple(f"DROP TABLE directory_{name}" for name in names)
    moved = f"ALTER TABLE directory_account ADD COLUMN moved_to {key} NOT NULL DEFAULT ''"
    return (
        Migration(version=1, name="directory", up=tables, down=down),
        Migration(
            version=2, name="moved", up=(moved,), down=("ALTER TABLE directory_account DROP COLUMN moved_to",)
        ),
        Migration(
            version=3,
            name="sasl",
            up=(
                "ALTER TABLE directory_domain ADD COLUMN scram BOOLEAN NOT NULL DEFAULT FALSE",
                "ALTER TABLE directory_account ADD COLUMN app_only BOOLEAN NOT NULL DEFAULT FALSE",
            ),
            down=(
                "ALTER TABLE directory_account DROP COLUMN app_only",
                "ALTER TABLE directory_domain DROP COLUMN scram",
            ),
        ),
    )


SQLITE = _migrations("TEXT", "BLOB")
POSTGRES = _migrations('TEXT COLLATE "C"', "BYTEA")
