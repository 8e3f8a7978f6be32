"""Keeps relations and access models in Postgres, and reads in one statement all that an answer depends on."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from services.auth.domain.access.model import SubjectKind
from services.auth.domain.access.names import EVERYBODY
from services.auth.domain.access.relations import Relation, State
from services.auth.storage.access_models import decode_model, encode_model
from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from services.auth.domain.access.model import ModelText
    from services.auth.domain.access.relations import Filter, Reader, Start
    from services.auth.storage.database import Database
    from services.chassis.postgres import Executor, Row

_COLUMNS = (
    "r.resource_type, r.resource_id, r.relation, r.subject_type, r.subject_id, r.subject_relation,"
    " r.condition, r.context, r.expire_time"
)
_KEY = "resource_type, resource_id, relation, subject_type, subject_id, subject_relation"
_LIVE = "(r.expire_time IS NULL OR r.expire_time > $2)"
_TABLE = f"{SCHEMA}.relations"


def _any(parameter: int) -> str:
    """Return what is equal to any element of a parameter.

    It is taken by a SELECT, so that the planner does not look into it: it would plan for each call anew, which was
    measured to cost ten times what the statement does.
    """
    return f"ANY ((SELECT ${parameter}::text[])::text[])"


# What an object's answer goes on from: subject sets, objects that it is linked with, and the subject itself. Each is a
# range of an index of its own, so that an object with a million direct subjects costs no more than one with two.
_ABOUT = f"""
  SELECT {_COLUMNS} FROM {_TABLE} r WHERE r.organization = $1 AND {{where}} AND r.relation = {_any(3)}
     AND r.subject_relation <> '' AND {_LIVE}
  UNION ALL
  SELECT {_COLUMNS} FROM {_TABLE} r WHERE r.organization = $1 AND {{where}} AND r.relation = {_any(4)}
     AND r.subject_relation = '' AND {_LIVE}
  UNION ALL
  SELECT {_COLUMNS} FROM {_TABLE} r WHERE r.organization = $1 AND {{where}} AND r.relation = {_any(5)}
     AND r.subject_type = $6 AND r.subject_id = {_any(7)} AND r.subject_relation = '' AND {_LIVE}
"""
_ALL_ABOUT = f"""
  SELECT {_COLUMNS} FROM {_TABLE} r WHERE r.organization = $1 AND {{where}} AND r.relation = {_any(3)} AND {_LIVE}
"""
_ROOT = "r.resource_type = {type} AND r.resource_id = {ids}"
_NEXT = "r.resource_type = p.subject_type AND r.resource_id = p.subject_id"
_REACH = f"""
WITH RECURSIVE reached AS (
  SELECT * FROM ({{root}}) AS start
  UNION
  SELECT n.* FROM reached p CROSS JOIN LATERAL ({{next}}) n
   WHERE p.subject_relation <> '' OR p.relation = {{links}}
)
SELECT s.revision, s.model_revision, t.*
  FROM {SCHEMA}.access_states s LEFT JOIN (SELECT * FROM reached LIMIT {{limit}}) t ON true
 WHERE s.organization = $1
"""
_FLAT = f"""
SELECT s.revision, s.model_revision, t.*
  FROM {SCHEMA}.access_states s LEFT JOIN (SELECT * FROM ({{root}}) AS start LIMIT {{limit}}) t ON true
 WHERE s.organization = $1
"""


def _statement(about: str, *, nested: bool, first: int) -> str:
    """Return the statement for what `about` selects; its parameters from `first` on are type, ids and limit."""
    root = about.format(where=_ROOT.format(type=f"${first}", ids=_any(first + 1)))
    template = _REACH if nested else _FLAT
    return template.format(root=root, next=about.format(where=_NEXT), links=_any(4), limit=f"${first + 2}")


_OF_SUBJECT = {nested: _statement(_ABOUT, nested=nested, first=8) for nested in (True, False)}
_OF_ALL = _statement(_ALL_ABOUT.replace("$3::text[]", "$3::text[] || $4::text[]", 1), nested=True, first=5)

_CANDIDATES = f"""
WITH RECURSIVE reached (type, id) AS (
  SELECT r.resource_type, r.resource_id FROM {_TABLE} r
   WHERE r.organization = $1 AND r.subject_type = $6 AND r.subject_id = {_any(7)} AND r.subject_relation = ''
     AND r.relation = {_any(5)} AND {_LIVE}
  UNION
  SELECT r.resource_type, r.resource_id FROM reached p JOIN {_TABLE} r
      ON r.organization = $1 AND r.subject_type = p.type AND r.subject_id = p.id
   WHERE {_LIVE} AND (r.relation = {_any(3)} AND r.subject_relation <> ''
                      OR r.relation = {_any(4)} AND r.subject_relation = '')
), bounded AS MATERIALIZED (SELECT * FROM reached LIMIT $8)
SELECT s.revision, s.model_revision, (SELECT count(*) FROM bounded) AS passed, ARRAY(
    SELECT b.id FROM bounded b WHERE b.type = $9 AND b.id > $10 ORDER BY b.id LIMIT $11) AS ids
  FROM {SCHEMA}.access_states s WHERE s.organization = $1
"""
_MODEL = f"SELECT revision, model_revision, model FROM {SCHEMA}.access_states WHERE organization = $1"
_WRITE = f"""
INSERT INTO {_TABLE} (organization, {_KEY}, condition, context, expire_time)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
                         $10::timestamptz[])
ON CONFLICT (organization, {_KEY}) DO UPDATE
SET condition = excluded.condition, context = excluded.context, expire_time = excluded.expire_time
"""
_DELETE = f"""
DELETE FROM {_TABLE} r
USING unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
      AS gone ({_KEY})
WHERE r.organization = $1 AND r.resource_type = gone.resource_type AND r.resource_id = gone.resource_id
  AND r.relation = gone.relation AND r.subject_type = gone.subject_type AND r.subject_id = gone.subject_id
  AND r.subject_relation = gone.subject_relation
"""
_FILTER_FIELDS = ("resource_type", "resource_id", "relation", "subject_type", "subject_id", "subject_relation")
_KINDS = f"""
SELECT DISTINCT resource_type, relation, subject_type, subject_relation, subject_id = '*' AS everybody, condition
  FROM {_TABLE} WHERE organization = $1
"""
_ADVANCE = f"""
INSERT INTO {SCHEMA}.access_states AS s (organization, revision, model_revision) VALUES ($1, 1, 0)
ON CONFLICT (organization) DO UPDATE SET revision = s.revision + 1
RETURNING revision, model_revision
"""
_REPLACE = f"""
INSERT INTO {SCHEMA}.access_states AS s (organization, revision, model_revision, model)
VALUES ($1, 1, 1, $2)
ON CONFLICT (organization) DO UPDATE
SET revision = s.revision + 1, model_revision = s.revision + 1, model = excluded.model
RETURNING revision, model_revision
"""
_PRUNE = f"DELETE FROM {_TABLE} WHERE expire_time <= $1"
_NOWHERE = State(0, 0)
_LONGEST_KEY = 6


class SqlReader:
    """One organization's relations (port `Reader`)."""

    def __init__(self, executor: Executor, organization: str) -> None:
        """Take what runs statements, and the organization."""
        self._executor = executor
        self._organization = organization

    async def reach(self, start: Start, *, now: datetime, limit: int) -> tuple[State, list[Relation] | None]:
        """Return all relations that an answer may depend on, or None where there are too many."""
        reads, shared = start.reads, [self._organization, now]
        tail = [start.resource_type, list(start.resource_ids), limit + 1]
        sets, links, direct = list(reads.sets), list(reads.links), list(reads.direct)
        if start.subject is None:
            rows = await self._fetch(_OF_ALL, [*shared, [*sets, *direct], links, *tail])
        else:
            nested = bool(sets or links)
            subject = [start.subject.type, [start.subject.id, EVERYBODY]]
            rows = await self._fetch(_OF_SUBJECT[nested], [*shared, sets, links, direct, *subject, *tail])
        if not rows:
            return _NOWHERE, []
        state = State(rows[0]["revision"], rows[0]["model_revision"])
        if len(rows) > limit:
            return state, None
        return state, [Relation._make(tuple(row)[2:]) for row in rows if row["resource_type"] is not None]

    async def find_candidates(
        self, start: Start, *, after: str, count: int, now: datetime, limit: int
    ) -> tuple[State, list[str] | None]:
        """Return the ids of objects that the subject may have something of."""
        reads, subject = start.reads, start.subject
        assert subject is not None  # noqa: S101 - candidates are always somebody's
        arguments: list[Any] = [self._organization, now, list(reads.sets), list(reads.links), list(reads.direct)]
        arguments += [subject.type, [subject.id, EVERYBODY], limit + 1, start.resource_type, after, count]
        rows = await self._fetch(_CANDIDATES, arguments)
        if not rows:
            return _NOWHERE, []
        state = State(rows[0]["revision"], rows[0]["model_revision"])
        return state, None if rows[0]["passed"] > limit else list(rows[0]["ids"])

    async def load_model(self) -> tuple[State, ModelText | None]:
        """Return the model, or None where there is none."""
        rows = await self._fetch(_MODEL, [self._organization])
        if not rows:
            return _NOWHERE, None
        text = rows[0]["model"]
        state = State(rows[0]["revision"], rows[0]["model_revision"])
        return state, decode_model(text) if text is not None else None

    async def _fetch(self, sql: str, arguments: Sequence[Any]) -> list[Row]:
        return await self._executor.fetch(sql, arguments, repeatable=True)


class SqlRelations:
    """Relations and models (port `RelationStore`)."""

    def __init__(self, database: Database) -> None:
        """Take what runs statements."""
        self._database = database

    def now(self, organization: str) -> Reader:
        """Return what reads the latest state."""
        return SqlReader(self._database, organization)

    @asynccontextmanager
    async def snapshot(self, organization: str) -> AsyncIterator[Reader]:
        """Lend what reads one moment."""
        async with self._database.begin() as transaction:
            await transaction.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield SqlReader(transaction, organization)

    async def write(self, organization: str, relations: Sequence[Relation]) -> None:
        """Keep relations."""
        if relations:
            columns = zip(*relations, strict=True)
            await self._database.fetch(_WRITE, [organization, *(list(column) for column in columns)])

    async def delete(self, organization: str, relations: Sequence[Relation]) -> None:
        """Forget relations."""
        if relations:
            columns = zip(*(one.key for one in relations), strict=True)
            await self._database.fetch(_DELETE, [organization, *(list(column) for column in columns)])

    async def delete_some(self, organization: str, chosen: Filter, limit: int) -> int:
        """Forget up to `limit` relations."""
        where, values = _where(chosen)
        sql = f"""
        WITH gone AS (DELETE FROM {_TABLE} WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM {_TABLE} r WHERE r.organization = $1 AND $2::timestamptz IS NOT NULL{where} LIMIT $3
        )) RETURNING 1) SELECT count(*) AS deleted FROM gone
        """
        rows = await self._database.fetch(sql, [organization, datetime.now(UTC), limit, *values])
        return int(rows[0]["deleted"])

    async def is_any(self, organization: str, chosen: Filter, now: datetime) -> bool:
        """Whether there is such a relation."""
        where, values = _where(chosen)
        sql = f"SELECT 1 FROM {_TABLE} r WHERE r.organization = $1 AND {_LIVE} AND $3 > 0{where} LIMIT 1"
        return bool(await self._database.fetch(sql, [organization, now, 1, *values], repeatable=True))

    async def list(
        self, organization: str, chosen: Filter, *, after: tuple[str, ...], count: int, now: datetime
    ) -> tuple[State, Sequence[Relation]]:
        """Return relations in the order of their keys."""
        where, values = _where(chosen)
        if after:
            places = ", ".join(f"${number}" for number in range(len(values) + 4, len(values) + 4 + _LONGEST_KEY))
            where += f" AND ({_KEY}) > ({places})"
            values += list(after)
        sql = f"""
        SELECT s.revision, s.model_revision, t.* FROM {SCHEMA}.access_states s LEFT JOIN (
            SELECT {_COLUMNS} FROM {_TABLE} r WHERE r.organization = $1 AND {_LIVE}{where} ORDER BY {_KEY} LIMIT $3
        ) t ON true WHERE s.organization = $1 ORDER BY {_KEY}
        """
        rows = await self._database.fetch(sql, [organization, now, count, *values], repeatable=True)
        if not rows:
            return _NOWHERE, []
        found = [Relation._make(tuple(row)[2:]) for row in rows if row["resource_type"] is not None]
        return State(rows[0]["revision"], rows[0]["model_revision"]), found

    async def find_kinds(self, organization: str) -> Sequence[tuple[str, str, SubjectKind]]:
        """Return which kinds of relations there are."""
        rows = await self._database.fetch(_KINDS, [organization], repeatable=True)
        return [
            (
                row["resource_type"],
                row["relation"],
                SubjectKind(row["subject_type"], row["subject_relation"], row["everybody"], row["condition"]),
            )
            for row in rows
        ]

    async def advance(self, organization: str, model: ModelText | None = None) -> State:
        """Go on to the next revision."""
        arguments = [organization] if model is None else [organization, encode_model(model)]
        rows = await self._database.fetch(_ADVANCE if model is None else _REPLACE, arguments)
        return State(rows[0]["revision"], rows[0]["model_revision"])

    async def prune(self, now: datetime) -> None:
        """Forget relations that have expired."""
        await self._database.fetch(_PRUNE, [now], repeatable=True)


def _where(chosen: Filter) -> tuple[str, list[Any]]:
    """Return the conditions of a filter, whose values are the parameters from $4 on."""
    named = [(name, value) for name in _FILTER_FIELDS if (value := getattr(chosen, name)) is not None]
    where = "".join(f" AND r.{name} = ${number}" for number, (name, _) in enumerate(named, 4))
    return where, [value for _, value in named]
