"""Keeps families and the digests of their refresh tokens in Postgres."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.authentication import Authentication
from services.auth.domain.families import Family, KeptToken
from services.auth.domain.revocations import of_family
from services.auth.storage.revocations import REVOKE
from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    import asyncpg

    from services.auth.domain.families import Proof, Successor
    from services.chassis.postgres import Executor

# The session's row is locked, so that where whoever ends it is before us, we keep nothing. Whoever ends it behind us
# does not see the family that we have opened meanwhile: it ends all the same, since its session has (`_SIGNED_OUT`).
_OPEN = f"""
WITH living AS (
    SELECT id FROM {SCHEMA}.sessions WHERE id = $2 AND end_time IS NULL FOR SHARE
), opened AS (
    INSERT INTO {SCHEMA}.refresh_sessions (id, session_id, organization, user_name, client, scope, audience,
                                           confirmation, auth_time, methods, expire_time, idle)
    SELECT $1, nullif($2, ''), $3, $4, $5, $6, $7, $8, $9, $10, $11, $14
    WHERE $2 = '' OR EXISTS (SELECT 1 FROM living)
    RETURNING id
), made AS (
    INSERT INTO {SCHEMA}.refresh_tokens (digest, session_id, expire_time)
    SELECT $12::bytea, id, $13 FROM opened WHERE $12::bytea IS NOT NULL
)
SELECT 1 FROM opened
"""
_FAMILY = """
s.id, s.session_id, s.organization, s.user_name, s.client, s.scope, s.audience, s.confirmation, s.auth_time, s.methods,
s.expire_time AS family_expire_time, s.idle
"""

_SIGNED_OUT = f"EXISTS (SELECT 1 FROM {SCHEMA}.sessions o WHERE o.id = s.session_id AND o.end_time IS NOT NULL)"

# The family's row is locked first, so that whoever ends it is either before us, and we find nothing, or behind us.
# Of two that rotate one token, the second waits, sees the row that the first has left and finds it used.
_ROTATE = f"""
WITH living AS (
    SELECT {_FAMILY}
    FROM {SCHEMA}.refresh_sessions s
    WHERE s.id = (SELECT session_id FROM {SCHEMA}.refresh_tokens WHERE digest = $1)
      AND s.end_time IS NULL AND s.expire_time > $2 AND NOT {_SIGNED_OUT}
      AND s.client = coalesce($6, s.client) AND s.confirmation IN ('', $7)
    FOR UPDATE
), used AS (
    UPDATE {SCHEMA}.refresh_tokens t
    SET use_time = $2, successor = $4, successor_expire_time = least($5, living.family_expire_time, $2 + living.idle)
    FROM living
    WHERE t.digest = $1 AND t.session_id = living.id AND t.use_time IS NULL AND t.expire_time > $2
    RETURNING t.session_id, t.expire_time, t.successor_expire_time
), made AS (
    INSERT INTO {SCHEMA}.refresh_tokens (digest, session_id, expire_time)
    SELECT $3, session_id, successor_expire_time FROM used
), settled AS (
    UPDATE {SCHEMA}.refresh_tokens p SET successor = NULL
    FROM used WHERE p.session_id = used.session_id AND p.successor IS NOT NULL AND p.digest <> $1
), touched AS (
    UPDATE {SCHEMA}.sessions SET use_time = $2
    FROM living WHERE sessions.id = living.session_id AND sessions.use_time < $2::timestamptz - interval '1 minute'
)
SELECT living.*, used.expire_time, $2::timestamptz AS use_time, false AS ended, $4::bytea AS successor,
       used.successor_expire_time
FROM living, used
"""

_FIND = f"""
SELECT {_FAMILY}, s.end_time IS NOT NULL OR {_SIGNED_OUT} AS ended, t.expire_time, t.use_time, t.successor,
       t.successor_expire_time
FROM {SCHEMA}.refresh_tokens t JOIN {SCHEMA}.refresh_sessions s ON s.id = t.session_id
WHERE t.digest = $1
"""
_FIND_LIVING = f"""
SELECT {_FAMILY} FROM {SCHEMA}.refresh_sessions s
WHERE s.id = $1 AND s.end_time IS NULL AND s.expire_time > $2 AND NOT {_SIGNED_OUT}
"""
_END = f"""
WITH ended AS (
    UPDATE {SCHEMA}.refresh_sessions SET end_time = $2 WHERE id = $1 AND end_time IS NULL RETURNING id
)
{REVOKE.format(rows="SELECT $3 AS key, $4::bigint AS before FROM ended", now="$2")}
"""
_FORGET_SUCCESSORS = f"""
UPDATE {SCHEMA}.refresh_tokens SET successor = NULL WHERE successor IS NOT NULL AND use_time < $1
"""
_FORGET_FAMILIES = f"DELETE FROM {SCHEMA}.refresh_sessions WHERE expire_time < $1"


class SqlFamilies:
    """Families and their tokens (port `RefreshFamilies`)."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor

    async def open(self, family: Family, digest: bytes | None, expires: datetime) -> bool:
        """Keep a new family with its first token."""
        proof = family.authentication
        values = [
            *(family.id, family.session, family.organization, family.user, family.client, family.scope),
            *(list(family.audience), family.confirmation, proof.time if proof else None),
            *(list(proof.methods) if proof else [], family.expires, digest, expires),
            family.idle,
        ]
        return bool(await self._executor.fetch(_OPEN, values))

    async def rotate(self, digest: bytes, proof: Proof, successor: Successor, *, now: datetime) -> KeptToken | None:
        """Use up a token and keep its successor, in one statement."""
        made = (successor.digest, successor.sealed, successor.expires)
        values = [digest, now, *made, proof.client, proof.confirmation]
        rows = await self._executor.fetch(_ROTATE, values)
        return _token(rows[0]) if rows else None

    async def find(self, digest: bytes) -> KeptToken | None:
        """Return the token, used or not."""
        rows = await self._executor.fetch(_FIND, [digest], repeatable=True)
        return _token(rows[0]) if rows else None

    async def find_living(self, family: str, *, now: datetime) -> Family | None:
        """Return a family that lives."""
        rows = await self._executor.fetch(_FIND_LIVING, [family, now], repeatable=True)
        return _family(rows[0]) if rows else None

    async def end(self, family: str, *, now: datetime) -> None:
        """End a family with all its access tokens, if it lives."""
        revoked = of_family(family)
        await self._executor.fetch(_END, [family, now, revoked.key, revoked.before], repeatable=True)

    async def prune(self, *, now: datetime, grace: timedelta) -> None:
        """Forget successors that are past their grace, and families that have expired."""
        await self._executor.fetch(_FORGET_SUCCESSORS, [now - grace], repeatable=True)
        await self._executor.fetch(_FORGET_FAMILIES, [now], repeatable=True)


def _token(row: asyncpg.Record) -> KeptToken:
    return KeptToken(
        family=_family(row),
        expires=row["expire_time"],
        revoked=row["ended"],
        used=row["use_time"],
        sealed_successor=row["successor"] or b"",
        successor_expires=row["successor_expire_time"],
    )


def _family(row: asyncpg.Record) -> Family:
    proof = Authentication(time=row["auth_time"], methods=tuple(row["methods"])) if row["auth_time"] else None
    return Family(
        id=row["id"],
        session=row["session_id"] or "",
        organization=row["organization"],
        user=row["user_name"],
        client=row["client"],
        scope=row["scope"],
        audience=tuple(row["audience"]),
        confirmation=row["confirmation"],
        authentication=proof,
        expires=row["family_expire_time"],
        idle=row["idle"],
    )
