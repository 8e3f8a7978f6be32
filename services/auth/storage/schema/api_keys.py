"""API keys."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from services.auth.storage.schema.tables import TEXT, TIME, metadata

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", TEXT, primary_key=True, comment="the first part of the key's text"),
    sa.Column("organization", TEXT, nullable=False),
    sa.Column("owner", TEXT, nullable=False, comment="the user or service account as whom it acts"),
    sa.Column("display_name", TEXT, nullable=False),
    sa.Column("scopes", postgresql.ARRAY(TEXT), nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False, comment="SHA-256 of the secret"),
    sa.Column("creator", TEXT, nullable=False),
    sa.Column("create_time", TIME, nullable=False),
    sa.Column("expire_time", TIME),
    sa.Column("revoke_time", TIME),
    sa.Column("last_use_time", TIME, comment="to the minute"),
    sa.Index("api_keys_owner_idx", "organization", "owner"),
)
"""One row for each API key, the revoked ones too."""
