"""The tables of files and operations, which a service has once, beside those of its records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.records.migrating.catalogue import quoted
from services.records.migrating.migrations import LOCK

if TYPE_CHECKING:
    from services.chassis.postgres import Pool

_TABLES = """
CREATE TABLE IF NOT EXISTS {schema}.files (
    id text COLLATE "C" PRIMARY KEY,
    organization text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    content_type text NOT NULL,
    size_bytes bigint NOT NULL DEFAULT 0,
    sha256 text NOT NULL DEFAULT '',
    complete boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS files_subject_idx ON {schema}.files (organization, subject, id);
CREATE INDEX IF NOT EXISTS files_expires_at_idx ON {schema}.files (expires_at);
CREATE TABLE IF NOT EXISTS {schema}.file_chunks (
    file text COLLATE "C" NOT NULL REFERENCES {schema}.files (id) ON DELETE CASCADE,
    place bigint NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (file, place)
);
ALTER TABLE {schema}.file_chunks ALTER COLUMN content SET STORAGE EXTERNAL;
CREATE TABLE IF NOT EXISTS {schema}.operations (
    id text COLLATE "C" PRIMARY KEY,
    organization text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    method text NOT NULL,
    request bytea NOT NULL,
    caller jsonb NOT NULL,
    checkpoint jsonb NOT NULL DEFAULT '{{}}',
    progress bytea NOT NULL DEFAULT '',
    response bytea,
    error bytea,
    done boolean NOT NULL DEFAULT false,
    cancelled boolean NOT NULL DEFAULT false,
    worker text NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    leased_until timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS operations_subject_idx ON {schema}.operations (organization, subject, id);
CREATE INDEX IF NOT EXISTS operations_running_idx ON {schema}.operations (leased_until) WHERE NOT done;
CREATE INDEX IF NOT EXISTS operations_expires_at_idx ON {schema}.operations (expires_at) WHERE done;
"""


async def make_tables(pool: Pool, schema: str) -> None:
    """Make the tables where they are not there; safe where several workers start at once."""
    there = await pool.fetch("SELECT to_regclass($1)::text AS found", (f"{quoted(schema)}.operations",))
    if there[0]["found"] is not None:
        return
    async with pool.transaction() as transaction:
        await transaction.connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", LOCK)
        await transaction.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
        await transaction.connection.execute(_TABLES.format(schema=quoted(schema)))
