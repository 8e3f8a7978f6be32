"""What people prove themselves by, and sign-ins that are under way."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from services.auth.storage.schema.tables import TEXT, TIME, metadata

sign_in_attempts = sa.Table(
    "sign_in_attempts",
    metadata,
    sa.Column("id", sa.LargeBinary, primary_key=True, comment="SHA-256 of the token"),
    sa.Column("organization", TEXT, nullable=False),
    sa.Column("email", TEXT, nullable=False),
    sa.Column("user_name", TEXT, nullable=False),
    sa.Column("level", TEXT, nullable=False),
    sa.Column("session_id", TEXT, nullable=False),
    sa.Column("prior", postgresql.ARRAY(TEXT), nullable=False),
    sa.Column("shown", postgresql.ARRAY(TEXT), nullable=False),
    sa.Column("methods", postgresql.ARRAY(TEXT), nullable=False),
    sa.Column("auth_time", TIME),
    sa.Column("challenge", sa.LargeBinary, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("mails", sa.Integer, nullable=False),
    sa.Column("expire_time", TIME, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("sign_in_attempts_expire_idx", "expire_time"),
)
"""One row for each sign-in that is under way."""

mailed_proofs = sa.Table(
    "mailed_proofs",
    metadata,
    sa.Column("handle", sa.LargeBinary, primary_key=True, comment="SHA-256 of what whoever asked for it holds"),
    sa.Column("purpose", TEXT, nullable=False),
    sa.Column("organization", TEXT, nullable=False),
    sa.Column("email", TEXT, nullable=False),
    sa.Column("user_name", TEXT, nullable=False, comment="empty where nobody has the address"),
    sa.Column("code", sa.LargeBinary, nullable=False, comment="SHA-256 of the handle and the code"),
    sa.Column("link", sa.LargeBinary, comment="SHA-256 of the secret in the link"),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("expire_time", TIME, nullable=False),
    sa.Index("mailed_proofs_link_idx", "link", unique=True),
    sa.Index("mailed_proofs_expire_idx", "expire_time"),
)
"""One row for each code or link that was sent by mail, until it is used."""

authenticators = sa.Table(
    "authenticators",
    metadata,
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("organization", TEXT, nullable=False),
    sa.Column("user_name", TEXT, nullable=False),
    sa.Column("kind", TEXT, nullable=False, comment="totp or passkey"),
    sa.Column("display_name", TEXT, nullable=False),
    sa.Column("create_time", TIME, nullable=False),
    sa.Column("use_time", TIME),
    sa.Column("suspended", sa.Boolean, nullable=False, server_default="false"),
    sa.Column("seed", sa.LargeBinary, nullable=False, comment="of an app, sealed"),
    sa.Column("last_step", sa.BigInteger, nullable=False, server_default="0", comment="whose code was used last"),
    sa.Column("credential", sa.LargeBinary, comment="id of a passkey"),
    sa.Column("public_key", sa.LargeBinary, nullable=False, comment="of a passkey, COSE"),
    sa.Column("sign_count", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("backup_eligible", sa.Boolean, nullable=False, server_default="false"),
    sa.Column("transports", postgresql.ARRAY(TEXT), nullable=False, server_default="{}"),
    sa.Index("authenticators_user_idx", "organization", "user_name"),
    sa.Index("authenticators_credential_idx", "credential", unique=True),
)
"""One row for each authenticator app and passkey."""

recovery_codes = sa.Table(
    "recovery_codes",
    metadata,
    sa.Column("organization", TEXT, primary_key=True),
    sa.Column("user_name", TEXT, primary_key=True),
    sa.Column("digest", sa.LargeBinary, primary_key=True, comment="SHA-256 of 120 random bits"),
    sa.Column("use_time", TIME),
)
"""One row for each recovery code."""

enrolments = sa.Table(
    "enrolments",
    metadata,
    sa.Column("id", sa.LargeBinary, primary_key=True, comment="SHA-256 of the token"),
    sa.Column("organization", TEXT, nullable=False),
    sa.Column("user_name", TEXT, nullable=False),
    sa.Column("kind", TEXT, nullable=False),
    sa.Column("display_name", TEXT, nullable=False),
    sa.Column("seed", sa.LargeBinary, nullable=False, comment="sealed"),
    sa.Column("challenge", sa.LargeBinary, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("expire_time", TIME, nullable=False),
    sa.Index("enrolments_expire_idx", "expire_time"),
)
"""One row for each authenticator that is being set up."""

verified_addresses = sa.Table(
    "verified_addresses",
    metadata,
    sa.Column("organization", TEXT, primary_key=True),
    sa.Column("user_name", TEXT, primary_key=True),
    sa.Column("email", TEXT, nullable=False, comment="another one is not verified by itself"),
    sa.Column("verify_time", TIME, nullable=False, server_default=sa.func.now()),
)
"""The address that each user has shown to be theirs."""
