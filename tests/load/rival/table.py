"""The rivals' table: the same rows on the same server, in plain columns, with the indexes that ours has."""

from __future__ import annotations

from tests.load.rival.model import COLUMNS, Outcome

TABLE = "bench.flights"

CREATE = f"""
CREATE TABLE {TABLE} (
    organization text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    date text COLLATE "C" NOT NULL,
    airline text COLLATE "C" NOT NULL,
    number integer NOT NULL,
    tail_number text COLLATE "C",
    aircraft text COLLATE "C",
    origin text COLLATE "C" NOT NULL,
    destination_code text COLLATE "C" NOT NULL,
    destination text COLLATE "C",
    outcome text NOT NULL,
    departure_delay integer,
    arrival_delay integer,
    scheduled_departure_time timestamptz NOT NULL,
    departure_time timestamptz,
    scheduled_departure_minute integer NOT NULL,
    departure_minute integer,
    scheduled_arrival_minute integer NOT NULL,
    arrival_minute integer,
    air_time integer,
    distance integer NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now(),
    update_time timestamptz NOT NULL DEFAULT now(),
    etag text NOT NULL
)
"""

KEYS = (
    ("airline",),
    ("aircraft",),
    ("origin",),
    ("destination",),
    ("origin", "scheduled_departure_time"),
    ("scheduled_departure_time",),
)
"""What ours indexes, each within the organization and ended by the name."""


def copy_statements(source: str) -> tuple[str, ...]:
    """Return the statements that make the plain table from ours (`schema.table`)."""
    columns = ", ".join(("organization", *COLUMNS))
    # Ours keeps the etag in its bytes and enums by number: here an etag of the same length, and the enum's name.
    names = ", ".join(f"'{outcome}'" for outcome in Outcome)
    other = {"etag": """format('"%s"', left(md5(name), 16))""", "outcome": f"(ARRAY[{names}])[outcome + 1]"}
    chosen = ", ".join(other.get(column, column) for column in ("organization", *COLUMNS))
    return (
        "DROP SCHEMA IF EXISTS bench CASCADE",
        "CREATE SCHEMA bench",
        CREATE,
        f"INSERT INTO {TABLE} ({columns}) SELECT {chosen} FROM {source}",
        f"ALTER TABLE {TABLE} ADD PRIMARY KEY (organization, name)",
        *(f"CREATE INDEX ON {TABLE} (organization, {', '.join(key)}, name)" for key in KEYS),
        f"ANALYZE {TABLE}",
    )


SELECT = f"SELECT {', '.join(COLUMNS)} FROM {TABLE} WHERE organization = $1"

GET = f"{SELECT} AND name = $2"

LIST = f"{SELECT} AND name > $2 ORDER BY name LIMIT $3"

_WRITTEN = [column for column in COLUMNS if column not in {"create_time", "update_time"}]

INSERT = f"""
INSERT INTO {TABLE} (organization, {", ".join(_WRITTEN)})
VALUES ({", ".join(f"${i + 1}" for i in range(len(_WRITTEN) + 1))})
RETURNING {", ".join(COLUMNS)}
"""
