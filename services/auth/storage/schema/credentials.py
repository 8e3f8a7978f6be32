"""Passwords."""

from __future__ import annotations

import sqlalchemy as sa

from services.auth.storage.schema.tables import TEXT, TIME, metadata

credentials = sa.Table(
    "credentials",
    metadata,
    sa.Column("organization", TEXT, primary_key=True),
    sa.Column("user_name", TEXT, primary_key=True),
    sa.Column("password_hash", TEXT, nullable=False, comment="argon2id, with its parameters and salt"),
    sa.Column("short", sa.Boolean, nullable=False, server_default="false", comment="good beside a second factor alone"),
    sa.Column("update_time", TIME, nullable=False, server_default=sa.func.now()),
)
"""One password for each user who has one."""
