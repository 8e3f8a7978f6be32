"""Keeps sign-ins that are under way in Postgres."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.factors.kinds import Factor
from services.auth.domain.sign_in_attempts import SignInAttempt
from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    import asyncpg

    from services.chassis.postgres import Executor

_COLUMNS = """
id, organization, email, user_name, level, session_id, prior, shown, methods, auth_time, challenge, failures, mails,
expire_time, version
"""
_OPEN = f"""
INSERT INTO {SCHEMA}.sign_in_attempts ({_COLUMNS})
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
"""
_FIND = f"SELECT {_COLUMNS} FROM {SCHEMA}.sign_in_attempts WHERE id = $1 AND expire_time > $2"
# Of two that have read one version, the second finds the next one and changes nothing.
_SAVE = f"""
UPDATE {SCHEMA}.sign_in_attempts
SET email = $3, user_name = $4, shown = $5, methods = $6, auth_time = $7, challenge = $8, failures = $9, mails = $10,
    version = version + 1
WHERE id = $1 AND version = $2 RETURNING 1
"""
_CLOSE = f"DELETE FROM {SCHEMA}.sign_in_attempts WHERE id = $1 AND version = $2 RETURNING 1"
_PRUNE = f"DELETE FROM {SCHEMA}.sign_in_attempts WHERE expire_time < $1"


class SqlSignInAttempts:
    """Sign-ins under way (port `SignInAttempts`)."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor

    async def open(self, attempt: SignInAttempt) -> None:
        """Keep a new one."""
        one = attempt
        values: list[Any] = [
            *(one.id, plain(one.organization), plain(one.email), one.user, one.level, one.session, list(one.prior)),
            *(list(one.shown), list(one.methods), one.time, one.challenge, one.failures, one.mails, one.expires),
            one.version,
        ]
        await self._executor.fetch(_OPEN, values)

    async def find(self, attempt: bytes, *, now: datetime) -> SignInAttempt | None:
        """Return one that has not expired."""
        rows = await self._executor.fetch(_FIND, [attempt, now], repeatable=True)
        return _attempt(rows[0]) if rows else None

    async def save(self, attempt: SignInAttempt) -> bool:
        """Keep it as it is now under the next version, if nobody was faster."""
        one = attempt
        values: list[Any] = [
            *(one.id, one.version, plain(one.email), one.user, list(one.shown), list(one.methods), one.time),
            *(one.challenge, one.failures, one.mails),
        ]
        return bool(await self._executor.fetch(_SAVE, values))

    async def close(self, attempt: bytes, version: int) -> bool:
        """Forget one of that version, if nobody was faster."""
        return bool(await self._executor.fetch(_CLOSE, [attempt, version]))

    async def prune(self, *, now: datetime) -> None:
        """Forget those that have expired."""
        await self._executor.fetch(_PRUNE, [now], repeatable=True)


def plain(text: str) -> str:
    """Return a text that somebody has sent as Postgres takes it: nobody has such an address."""
    return text.replace("\0", "�").encode("utf-8", "replace").decode()


def _attempt(row: asyncpg.Record) -> SignInAttempt:
    return SignInAttempt(
        id=row["id"],
        organization=row["organization"],
        email=row["email"],
        user=row["user_name"],
        level=row["level"],
        session=row["session_id"],
        prior=tuple(row["prior"]),
        shown=tuple(Factor(factor) for factor in row["shown"]),
        methods=tuple(row["methods"]),
        time=row["auth_time"],
        challenge=row["challenge"],
        failures=row["failures"],
        mails=row["mails"],
        expires=row["expire_time"],
        version=row["version"],
    )
