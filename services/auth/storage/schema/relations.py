"""Relations between objects and subjects, and the models that they follow."""

from __future__ import annotations

import sqlalchemy as sa

from services.auth.storage.schema.tables import TEXT, TIME, metadata

access_states = sa.Table(
    "access_states",
    metadata,
    sa.Column("organization", TEXT, primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False, comment="grows with each change"),
    sa.Column("model_revision", sa.BigInteger, nullable=False, comment="the revision at which the model was written"),
    sa.Column("model", TEXT, comment="the model, as JSON"),
)
"""One row for each organization that has a model."""

relations = sa.Table(
    "relations",
    metadata,
    sa.Column("organization", TEXT, primary_key=True),
    sa.Column("resource_type", TEXT, primary_key=True),
    sa.Column("resource_id", TEXT, primary_key=True),
    sa.Column("relation", TEXT, primary_key=True),
    sa.Column("subject_type", TEXT, primary_key=True),
    sa.Column("subject_id", TEXT, primary_key=True),
    sa.Column("subject_relation", TEXT, primary_key=True),
    sa.Column("condition", TEXT, nullable=False, server_default=""),
    sa.Column("context", TEXT, nullable=False, server_default="", comment="what of it is fixed, as JSON"),
    sa.Column("expire_time", TIME),
)
"""That subjects are related to objects."""

sa.Index(
    "relations_sets",
    relations.c.organization,
    relations.c.resource_type,
    relations.c.resource_id,
    relations.c.relation,
    postgresql_where=relations.c.subject_relation != "",
)
sa.Index(
    "relations_subject",
    relations.c.organization,
    relations.c.subject_type,
    relations.c.subject_id,
    relations.c.relation,
    relations.c.resource_type,
    relations.c.resource_id,
)
sa.Index("relations_expiry", relations.c.expire_time, postgresql_where=relations.c.expire_time.is_not(None))
