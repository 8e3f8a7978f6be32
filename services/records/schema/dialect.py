"""The SQL that changes tables, as text."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql.base import PGDialect

DIALECT = PGDialect()
"""Writes the text of what is made, changed and noted."""
