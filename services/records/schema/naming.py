"""Names of schemas, tables and columns: what the contract calls a thing, made fit for Postgres."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.chassis.contract import Record

MAX_IDENTIFIER = 63
"""The most bytes of a name in Postgres."""

OWN_COLUMNS = frozenset(
    {"organization", "owner", "parent", "parent_organization", "message", "revision", "shape", "written_at"}
    | {"deleted_at", "purge_at"}
    | {"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}
)
"""Columns of the engine, and those that Postgres has in each table; a field of such a name gets an underscore."""

OWN_TABLES = frozenset({"outbox", "request_ids", "tenon_migrations", "tenon_contracts"})
"""Tables of the engine; a record of such a name gets an underscore behind it."""


def schema_name(package: str) -> str:
    """Return the schema of a hosted package: `tenon.flightops.v1` is kept in `tenon_flightops_v1`."""
    name = package.replace(".", "_")
    # Postgres keeps names that begin so for itself.
    return identifier(f"_{name}" if name.startswith("pg_") else name)


def identifier(text: str) -> str:
    """Return `text`, cut and hashed where Postgres would cut it in silence."""
    if len(text.encode()) <= MAX_IDENTIFIER:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:10]
    return f"{text[: MAX_IDENTIFIER - 11]}_{digest}"


def column_name(name: str) -> str:
    """Return the column of a field."""
    return identifier(f"{name}_" if name in OWN_COLUMNS else name)


def table_name(record: Record) -> str:
    """Return the table of a record."""
    return identifier(f"{record.plural}_" if record.plural in OWN_TABLES else record.plural)


def parent_pattern(pattern: str) -> str:
    """Return the pattern of the parent, or an empty text at the top level."""
    segments = pattern.split("/")
    # A singleton (`users/{user}/settings`) ends in a literal, every other resource in a collection and an id.
    return "/".join(segments[:-2] if "{" in segments[-1] else segments[:-1])


def named(*parts: str) -> str:
    """Return the name of an index or a constraint that is made of these parts."""
    return identifier("_".join(parts))
