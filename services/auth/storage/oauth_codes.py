"""Keeps authorization codes in Postgres, by their SHA-256."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.oauth.codes import MEMORY, Code
from services.auth.domain.oauth.requests import AuthorizationRequest
from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

    from services.auth.domain.oauth.codes import Redemption
    from services.chassis.postgres import Executor

_KEEP = f"""
INSERT INTO {SCHEMA}.authorization_codes (digest, client, redirect_uri, challenge, confirmation, request, organization,
                                          user_name, session_id, family, expire_time)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
_COLUMNS = "request, organization, user_name, session_id, family, expire_time, use_time"

# Of two that redeem one code, the second waits for the first to commit, and finds it used.
_USE = f"""
UPDATE {SCHEMA}.authorization_codes SET use_time = $6
WHERE digest = $1 AND client = $2 AND challenge = $3 AND ($4 = '' OR redirect_uri = $4)
  AND confirmation IN ('', $5) AND use_time IS NULL AND expire_time > $6
RETURNING {_COLUMNS}
"""
_FIND = f"SELECT {_COLUMNS} FROM {SCHEMA}.authorization_codes WHERE digest = $1"
_KEEP_ASKED = f"INSERT INTO {SCHEMA}.asked_claims (family, asked) VALUES ($1, $2)"
_FIND_ASKED = f"SELECT asked FROM {SCHEMA}.asked_claims WHERE family = $1"
_PRUNE = f"DELETE FROM {SCHEMA}.authorization_codes WHERE expire_time < $1"


class SqlCodes:
    """Codes (port `Codes`)."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor

    async def keep(self, digest: bytes, code: Code) -> None:
        """Keep a new code."""
        request = code.request
        bound = (request.client, request.redirect_uri, request.challenge, request.confirmation)
        person = (code.organization, code.user, code.session)
        await self._executor.fetch(_KEEP, [digest, *bound, request.dump(), *person, code.family, code.expires])

    async def use(self, redemption: Redemption, *, now: datetime) -> Code | None:
        """Use a code up, in one statement."""
        shown = (redemption.client, redemption.challenge, redemption.redirect_uri.replace("\0", "�"))
        rows = await self._executor.fetch(_USE, [redemption.digest, *shown, redemption.confirmation, now])
        return _code(rows[0]) if rows else None

    async def find(self, digest: bytes) -> Code | None:
        """Return a code, used or not."""
        rows = await self._executor.fetch(_FIND, [digest], repeatable=True)
        return _code(rows[0]) if rows else None

    async def keep_asked(self, family: str, asked: bytes) -> None:
        """Keep which claims a client has asked for by name."""
        await self._executor.fetch(_KEEP_ASKED, [family, asked])

    async def find_asked(self, family: str) -> bytes:
        """Return which claims were asked for, in JSON."""
        rows = await self._executor.fetch(_FIND_ASKED, [family], repeatable=True)
        return bytes(rows[0]["asked"]) if rows else b""

    async def prune(self, *, now: datetime) -> None:
        """Forget codes that are past their memory."""
        await self._executor.fetch(_PRUNE, [now - MEMORY], repeatable=True)


def _code(row: asyncpg.Record) -> Code:
    return Code(
        request=AuthorizationRequest.load(row["request"]),
        organization=row["organization"],
        user=row["user_name"],
        session=row["session_id"],
        family=row["family"],
        expires=row["expire_time"],
        used=row["use_time"],
    )
