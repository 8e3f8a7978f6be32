"""The audit trail: events, their chain, and those that have no place in it yet."""

from __future__ import annotations

import sqlalchemy as sa

from services.auth.storage.schema.tables import SCHEMA, TEXT, TIME, metadata

TEXTS = (
    "kind",
    "outcome",
    "actor",
    "subject",
    "method",
    "reason",
    "session",
    "client",
    "factor",
    "level",
    "address",
    "agent",
    "request_id",
)
"""The columns of an event that are plain text."""

audit_events = sa.Table(
    "audit_events",
    metadata,
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("time", TIME, nullable=False),
    sa.Column("organization", TEXT, nullable=False),
    *(sa.Column(name, TEXT, nullable=False) for name in TEXTS),
    sa.Column("detail", TEXT, nullable=False, comment="JSON"),
    sa.Index("audit_events_time_idx", "organization", "time", "id"),
    sa.Index("audit_events_actor_idx", "organization", "actor", "time", "id"),
    sa.Index("audit_events_subject_idx", "organization", "subject", "time", "id"),
)
"""One row for each event."""

audit_links = sa.Table(
    "audit_links",
    metadata,
    sa.Column("organization", TEXT, primary_key=True),
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("event_id", TEXT, nullable=False, unique=True),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("sealed", sa.LargeBinary, comment="the digest, sealed; at the end of what was chained together"),
)
"""Each event's place in its organization's chain."""

audit_pending = sa.Table(
    "audit_pending",
    metadata,
    sa.Column("event_id", TEXT, primary_key=True),
)
"""Events that have no place yet."""

_TRIGGER = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'append_only' AND tgrelid = '{table}'::regclass) THEN
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION {schema}.refuse_change();
    END IF;
END $$
"""

APPEND_ONLY = (
    f"""
CREATE OR REPLACE FUNCTION {SCHEMA}.refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'The audit trail is append-only.'; END $$
""",
    _TRIGGER.format(table=f"{SCHEMA}.audit_events", schema=SCHEMA),
    _TRIGGER.format(table=f"{SCHEMA}.audit_links", schema=SCHEMA),
)
"""What keeps everybody from changing it by accident; the chain shows who has done so on purpose."""
