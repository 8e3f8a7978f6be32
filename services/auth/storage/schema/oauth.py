"""What OAuth keeps beside the records of clients: secrets, consents, flows and codes."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from services.auth.storage.schema.tables import SCHEMA, TEXT, TIME, metadata

client_secrets = sa.Table(
    "client_secrets",
    metadata,
    sa.Column("organization", TEXT, primary_key=True),
    sa.Column("client", TEXT, primary_key=True, comment="clients/…"),
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("digest", sa.LargeBinary, nullable=False, comment="SHA-256 of 256 random bits"),
    sa.Column("create_time", TIME, nullable=False),
    sa.Column("expire_time", TIME),
)
"""The secrets of clients, of which several are good while one takes the place of another."""

consents = sa.Table(
    "consents",
    metadata,
    sa.Column("organization", TEXT, primary_key=True),
    sa.Column("user_name", TEXT, primary_key=True),
    sa.Column("client", TEXT, primary_key=True),
    sa.Column("scopes", postgresql.ARRAY(TEXT), nullable=False),
    sa.Column("create_time", TIME, nullable=False),
    sa.Column("update_time", TIME, nullable=False),
)
"""What people have agreed that clients may do."""

authorization_requests = sa.Table(
    "authorization_requests",
    metadata,
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("request", sa.LargeBinary, nullable=False, comment="what is asked for, in JSON"),
    sa.Column("create_time", TIME, nullable=False),
    sa.Column("expire_time", TIME, nullable=False),
    sa.Column("approver", TEXT, nullable=False, server_default=""),
    sa.Column("denied", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index("authorization_requests_expire_idx", "expire_time"),
)
"""Authorizations that wait for a person."""

pushed_requests = sa.Table(
    "pushed_requests",
    metadata,
    sa.Column("uri", TEXT, primary_key=True),
    sa.Column("client", TEXT, nullable=False),
    sa.Column("parameters", sa.LargeBinary, nullable=False, comment="as they were pushed, in JSON"),
    sa.Column("expire_time", TIME, nullable=False),
    sa.Index("pushed_requests_expire_idx", "expire_time"),
)
"""Requests that clients have pushed (RFC 9126)."""

authorization_codes = sa.Table(
    "authorization_codes",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True, comment="SHA-256"),
    sa.Column("client", TEXT, nullable=False),
    sa.Column("redirect_uri", TEXT, nullable=False),
    sa.Column("challenge", TEXT, nullable=False),
    sa.Column("confirmation", TEXT, nullable=False),
    sa.Column("request", sa.LargeBinary, nullable=False, comment="what was asked for, in JSON"),
    sa.Column("organization", TEXT, nullable=False),
    sa.Column("user_name", TEXT, nullable=False),
    sa.Column("session_id", TEXT, nullable=False),
    sa.Column("family", TEXT, nullable=False, comment="what it opens, or has opened"),
    sa.Column("expire_time", TIME, nullable=False),
    sa.Column("use_time", TIME),
    sa.Index("authorization_codes_expire_idx", "expire_time"),
)
"""Codes, which stay for a while when they are used, so that their second use is noticed."""

asked_claims = sa.Table(
    "asked_claims",
    metadata,
    sa.Column("family", TEXT, sa.ForeignKey(f"{SCHEMA}.refresh_sessions.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("asked", sa.LargeBinary, nullable=False, comment="the parameter `claims`, its member userinfo, in JSON"),
)
"""The claims that clients have asked for by name."""

device_authorizations = sa.Table(
    "device_authorizations",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True, comment="SHA-256 of the device code"),
    sa.Column("user_code", TEXT, nullable=False, unique=True),
    sa.Column("client", TEXT, nullable=False),
    sa.Column("scope", TEXT, nullable=False),
    sa.Column("audience", postgresql.ARRAY(TEXT), nullable=False),
    sa.Column("state", TEXT, nullable=False, comment="waiting, approved, denied or used"),
    sa.Column("create_time", TIME, nullable=False),
    sa.Column("expire_time", TIME, nullable=False),
    sa.Column("poll_time", TIME),
    sa.Column("poll_interval", sa.Interval, nullable=False),
    sa.Column("organization", TEXT, nullable=False, server_default="", comment="where the person acts"),
    sa.Column("user_name", TEXT, nullable=False, server_default=""),
    sa.Column("session_id", TEXT, nullable=False, server_default=""),
    sa.Index("device_authorizations_expire_idx", "expire_time"),
)
"""Devices that wait for a person, which stay until they expire, so that none is connected twice."""

logout_notices = sa.Table(
    "logout_notices",
    metadata,
    sa.Column("session_id", TEXT, primary_key=True),
    sa.Column("client", TEXT, primary_key=True),
    sa.Column("organization", TEXT, nullable=False),
    sa.Column("user_name", TEXT, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("due_time", TIME, nullable=False),
    sa.Column("expire_time", TIME, nullable=False),
    sa.Index("logout_notices_due_idx", "due_time"),
)
"""Clients that are still to be told that a session has ended."""

registration_tokens = sa.Table(
    "registration_tokens",
    metadata,
    sa.Column("organization", TEXT, primary_key=True),
    sa.Column("client", TEXT, primary_key=True, comment="clients/…"),
    sa.Column("digest", sa.LargeBinary, nullable=False, comment="SHA-256"),
)
"""By what clients that have registered themselves change what they have said (RFC 7592)."""
