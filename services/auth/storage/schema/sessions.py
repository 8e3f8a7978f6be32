"""Sessions, the refresh tokens that clients hold in them, and what was revoked."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from services.auth.storage.schema.tables import SCHEMA, TEXT, TIME, metadata

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("organization", TEXT, nullable=False),
    sa.Column("user_name", TEXT, nullable=False),
    sa.Column("auth_time", TIME, nullable=False),
    sa.Column("methods", postgresql.ARRAY(TEXT), nullable=False),
    sa.Column("address", TEXT, nullable=False),
    sa.Column("agent", TEXT, nullable=False),
    sa.Column("cookie", sa.LargeBinary, unique=True, comment="SHA-256 of what the browser keeps"),
    sa.Column("create_time", TIME, nullable=False),
    sa.Column("use_time", TIME, nullable=False),
    sa.Column("expire_time", TIME, nullable=False),
    sa.Column("end_time", TIME),
    sa.Column("idle", sa.Interval, comment="of the organization; null for the server's own"),
    sa.Index("sessions_user_idx", "organization", "user_name"),
    sa.Index("sessions_expire_idx", "expire_time"),
)
"""One row for each sign-in of a person at one device."""

refresh_sessions = sa.Table(
    "refresh_sessions",
    metadata,
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("organization", TEXT, nullable=False),
    sa.Column("user_name", TEXT, nullable=False),
    sa.Column("client", TEXT, nullable=False),
    sa.Column("expire_time", TIME, nullable=False),
    sa.Column("end_time", TIME),
    sa.Column("session_id", TEXT, comment="null where the family is a session of its own, or of nobody"),
    sa.Column("scope", TEXT, nullable=False, server_default="tenon"),
    sa.Column("audience", postgresql.ARRAY(TEXT), nullable=False, server_default="{}"),
    sa.Column("confirmation", TEXT, nullable=False, server_default="", comment="the thumbprint of a DPoP key"),
    sa.Column("auth_time", TIME),
    sa.Column("methods", postgresql.ARRAY(TEXT), nullable=False, server_default="{}"),
    sa.Column("idle", sa.Interval, comment="of the organization; null for the server's own"),
    sa.Index("refresh_sessions_session_idx", "session_id"),
    sa.Index("refresh_sessions_user_idx", "organization", "user_name"),
    sa.Index("refresh_sessions_expire_idx", "expire_time"),
)
"""One row for each family of refresh tokens."""

refresh_tokens = sa.Table(
    "refresh_tokens",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True, comment="SHA-256"),
    sa.Column("session_id", TEXT, sa.ForeignKey(f"{SCHEMA}.refresh_sessions.id", ondelete="CASCADE"), nullable=False),
    sa.Column("expire_time", TIME, nullable=False),
    sa.Column("use_time", TIME),
    sa.Column("successor", sa.LargeBinary, comment="sealed; gone when the grace is over"),
    sa.Column("successor_expire_time", TIME),
    sa.Index("refresh_tokens_session_idx", "session_id"),
    sa.Index("refresh_tokens_successor_idx", "use_time", postgresql_where=sa.text("successor IS NOT NULL")),
)
"""One row for each refresh token; used ones stay, so that their reuse is noticed."""

revocations = sa.Table(
    "revocations",
    metadata,
    sa.Column("key", TEXT, primary_key=True),
    sa.Column("before", sa.BigInteger, nullable=False, comment="the first second of iat that is good again"),
    sa.Column("expire_time", TIME, nullable=False, comment="when no token lives that it concerns"),
    sa.Index("revocations_expire_idx", "expire_time"),
)
"""What takes back access tokens that are out."""
