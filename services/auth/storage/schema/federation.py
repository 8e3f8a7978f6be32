"""Who signs in by which identity at a provider, what we prove ourselves to providers by, and what waits for them."""

from __future__ import annotations

import sqlalchemy as sa

from services.auth.storage.schema.tables import TEXT, TIME, metadata

linked_identities = sa.Table(
    "linked_identities",
    metadata,
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("organization", TEXT, nullable=False),
    sa.Column("user_name", TEXT, nullable=False),
    sa.Column("provider", TEXT, nullable=False),
    sa.Column("subject", TEXT, nullable=False, comment="the provider's name of the person"),
    sa.Column("email", TEXT, nullable=False, comment="as the provider has said it last"),
    sa.Column("create_time", TIME, nullable=False),
    sa.Column("use_time", TIME),
    sa.Index("linked_identities_subject_idx", "provider", "subject", unique=True),
    sa.Index("linked_identities_user_idx", "organization", "user_name"),
)
"""One row for each identity at a provider that somebody signs in by."""

provider_secrets = sa.Table(
    "provider_secrets",
    metadata,
    sa.Column("organization", TEXT, primary_key=True),
    sa.Column("provider", TEXT, primary_key=True),
    sa.Column("client_secret", sa.LargeBinary, comment="sealed"),
    sa.Column("request_key", sa.LargeBinary, comment="what SAML requests are signed with, PKCS #8, sealed"),
    sa.Column("request_certificate", TEXT, nullable=False, server_default=""),
)
"""What we prove ourselves to providers by."""

federation_waiting = sa.Table(
    "federation_waiting",
    metadata,
    sa.Column("id", sa.LargeBinary, primary_key=True, comment="SHA-256 of the token that comes back"),
    sa.Column("stage", TEXT, nullable=False),
    sa.Column("organization", TEXT, nullable=False),
    sa.Column("provider", TEXT, nullable=False),
    sa.Column("browser", sa.LargeBinary, nullable=False, comment="SHA-256 of its cookie"),
    sa.Column(
        "content", sa.LargeBinary, nullable=False, comment="purpose, and what the answer is held against; sealed"
    ),
    sa.Column("expire_time", TIME, nullable=False),
    sa.Index("federation_waiting_expire_idx", "expire_time"),
)
"""One row for each federated sign-in that waits for something."""

used_assertions = sa.Table(
    "used_assertions",
    metadata,
    sa.Column("provider", TEXT, primary_key=True),
    sa.Column("digest", sa.LargeBinary, primary_key=True, comment="SHA-256 of the assertion's id"),
    sa.Column("expire_time", TIME, nullable=False),
    sa.Index("used_assertions_expire_idx", "expire_time"),
)
"""One row for each SAML assertion that was used, for as long as it could be used again."""
