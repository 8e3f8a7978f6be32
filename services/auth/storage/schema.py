"""Auth's own tables beside its records, and the step that makes them at the start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.chassis.postgres import Pool

SCHEMA = "auth"
"""The schema of all that auth keeps, its records among them."""

_LOCK = 0x61757468_73636865  # "auth" "sche": any number that nobody else locks
_DIALECT = postgresql.dialect()
_TEXT = sa.Text(collation="C")
_TIME = sa.TIMESTAMP(timezone=True)

metadata = sa.MetaData(schema=SCHEMA)
"""Auth's own tables."""

credentials = sa.Table(
    "credentials",
    metadata,
    sa.Column("organization", _TEXT, primary_key=True),
    sa.Column("user_name", _TEXT, primary_key=True),
    sa.Column("password_hash", _TEXT, nullable=False, comment="argon2id, with its parameters and salt"),
    sa.Column("update_time", _TIME, nullable=False, server_default=sa.func.now()),
)
"""One password for each user who has one."""

refresh_sessions = sa.Table(
    "refresh_sessions",
    metadata,
    sa.Column("id", _TEXT, primary_key=True),
    sa.Column("organization", _TEXT, nullable=False),
    sa.Column("user_name", _TEXT, nullable=False),
    sa.Column("client", _TEXT, nullable=False),
    sa.Column("expire_time", _TIME, nullable=False),
    sa.Column("end_time", _TIME),
    sa.Index("refresh_sessions_user_idx", "organization", "user_name"),
    sa.Index("refresh_sessions_expire_idx", "expire_time"),
)
"""One row for each family of refresh tokens."""

refresh_tokens = sa.Table(
    "refresh_tokens",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True, comment="SHA-256"),
    sa.Column("session_id", _TEXT, sa.ForeignKey(f"{SCHEMA}.refresh_sessions.id", ondelete="CASCADE"), nullable=False),
    sa.Column("expire_time", _TIME, nullable=False),
    sa.Column("use_time", _TIME),
    sa.Column("successor", sa.LargeBinary, comment="sealed; gone when the grace is over"),
    sa.Column("successor_expire_time", _TIME),
    sa.Index("refresh_tokens_session_idx", "session_id"),
    sa.Index("refresh_tokens_successor_idx", "use_time", postgresql_where=sa.text("successor IS NOT NULL")),
)
"""One row for each refresh token; used ones stay, so that their reuse is noticed."""

signing_keys = sa.Table(
    "signing_keys",
    metadata,
    sa.Column("id", _TEXT, primary_key=True),
    sa.Column("public", postgresql.JSONB, nullable=False, comment="the public JWK"),
    sa.Column("private", sa.LargeBinary, nullable=False, comment="the whole JWK, sealed"),
    sa.Column("activate_time", _TIME, nullable=False),
    sa.Column("create_time", _TIME, nullable=False, server_default=sa.func.now()),
)
"""The key pairs that sign access tokens."""


async def migrate(pool: Pool) -> None:
    """Make what is missing of auth's own tables; nothing is ever taken away. Several workers may do it at once."""
    async with pool.transaction() as transaction:
        await transaction.connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        for statement in _statements():
            await transaction.connection.execute(statement)


def _statements() -> Iterator[str]:
    # CREATE SCHEMA asks for the right to create one even where it exists, which a service's role may not have.
    yield (f"DO $$ BEGIN IF to_regnamespace('{SCHEMA}') IS NULL THEN CREATE SCHEMA {SCHEMA}; END IF; END $$")
    for table in metadata.sorted_tables:
        yield str(CreateTable(table, if_not_exists=True).compile(dialect=_DIALECT))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            yield str(CreateIndex(index, if_not_exists=True).compile(dialect=_DIALECT))
