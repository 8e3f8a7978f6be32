"""The keys that sign."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from services.auth.storage.schema.tables import TEXT, TIME, metadata

signing_keys = sa.Table(
    "signing_keys",
    metadata,
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("public", postgresql.JSONB, nullable=False, comment="the public JWK"),
    sa.Column("private", sa.LargeBinary, nullable=False, comment="the whole JWK, sealed"),
    sa.Column("activate_time", TIME, nullable=False),
    sa.Column("create_time", TIME, nullable=False, server_default=sa.func.now()),
)
"""The key pairs that sign access tokens."""
