"""What all of auth's own tables share."""

from __future__ import annotations

import sqlalchemy as sa

SCHEMA = "auth"
"""The schema of all that auth keeps, its records among them."""

TEXT = sa.Text(collation="C")
"""A text that is ordered by its bytes."""

TIME = sa.TIMESTAMP(timezone=True)
"""A moment."""

metadata = sa.MetaData(schema=SCHEMA)
"""Auth's own tables."""
