"""Keeps authenticators that are being set up in Postgres."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.factors.authenticators import Enrolment
from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from datetime import datetime

    from services.chassis.postgres import Executor

_COLUMNS = "id, organization, user_name, kind, display_name, seed, challenge, failures, expire_time"
_OPEN = f"INSERT INTO {SCHEMA}.enrolments ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
_FIND = f"SELECT {_COLUMNS} FROM {SCHEMA}.enrolments WHERE id = $1 AND expire_time > $2"
_COUNT = f"UPDATE {SCHEMA}.enrolments SET failures = failures + 1 WHERE id = $1"
_CLOSE = f"DELETE FROM {SCHEMA}.enrolments WHERE id = $1 RETURNING 1"
_PRUNE = f"DELETE FROM {SCHEMA}.enrolments WHERE expire_time < $1"


class SqlEnrolments:
    """Enrolments (port `Enrolments`)."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor

    async def open(self, enrolment: Enrolment) -> None:
        """Keep a new one."""
        one = enrolment
        values = [
            *(one.id, one.organization, one.user, one.kind, one.display_name.replace("\0", ""), one.seed),
            *(one.challenge, one.failures, one.expires),
        ]
        await self._executor.fetch(_OPEN, values)

    async def find(self, enrolment: bytes, *, now: datetime) -> Enrolment | None:
        """Return one that has not expired."""
        rows = await self._executor.fetch(_FIND, [enrolment, now], repeatable=True)
        if not rows:
            return None
        row = rows[0]
        return Enrolment(
            id=row["id"],
            organization=row["organization"],
            user=row["user_name"],
            kind=row["kind"],
            display_name=row["display_name"],
            seed=row["seed"],
            challenge=row["challenge"],
            failures=row["failures"],
            expires=row["expire_time"],
        )

    async def count_failure(self, enrolment: bytes) -> None:
        """Note a wrong answer."""
        await self._executor.fetch(_COUNT, [enrolment])

    async def close(self, enrolment: bytes) -> bool:
        """Forget one."""
        return bool(await self._executor.fetch(_CLOSE, [enrolment]))

    async def prune(self, *, now: datetime) -> None:
        """Forget those that have expired."""
        await self._executor.fetch(_PRUNE, [now], repeatable=True)
