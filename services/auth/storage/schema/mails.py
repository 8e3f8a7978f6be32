"""Mail that waits to be carried."""

from __future__ import annotations

import sqlalchemy as sa

from services.auth.storage.schema.tables import TEXT, TIME, metadata

mails = sa.Table(
    "mails",
    metadata,
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("organization", TEXT, nullable=False),
    sa.Column("kind", TEXT, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False, comment="receiver, subject and text, sealed"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("due_time", TIME, nullable=False),
    sa.Column("expire_time", TIME, nullable=False),
    sa.Index("mails_due_idx", "due_time"),
)
"""One row for each mail that was not carried yet."""
