"""What is kept of organizations beside their records."""

from __future__ import annotations

import sqlalchemy as sa

from services.auth.storage.schema.tables import TEXT, TIME, metadata

retired_organizations = sa.Table(
    "retired_organizations",
    metadata,
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("retire_time", TIME, nullable=False),
    sa.Column("purge_time", TIME, comment="when nothing was left of it"),
)
"""One row for each organization that was deleted: no other one ever gets its id."""

invitation_secrets = sa.Table(
    "invitation_secrets",
    metadata,
    sa.Column("organization", TEXT, primary_key=True),
    sa.Column("invitation", TEXT, primary_key=True),
    sa.Column("digest", sa.LargeBinary, nullable=False, unique=True, comment="SHA-256"),
    sa.Column("expire_time", TIME, nullable=False),
    sa.Index("invitation_secrets_expire_idx", "expire_time"),
)
"""One row for each invitation that can be answered."""
