"""Keeps the codes and links that are sent by mail in Postgres, by digests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.factors.mailed import MailedProof
from services.auth.storage.schema import SCHEMA
from services.auth.storage.sign_in_attempts import plain

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

    from services.chassis.postgres import Executor

_COLUMNS = "handle, purpose, organization, email, user_name, code, link, expire_time"
_KEEP = f"""
INSERT INTO {SCHEMA}.mailed_proofs ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (handle) DO UPDATE
SET purpose = excluded.purpose, organization = excluded.organization, email = excluded.email,
    user_name = excluded.user_name, code = excluded.code, link = excluded.link, tries = 0,
    expire_time = excluded.expire_time
"""
_TRY = f"""
UPDATE {SCHEMA}.mailed_proofs SET tries = tries + 1
WHERE handle = $1 AND tries < $2 AND expire_time > $3 AND link IS NULL
RETURNING {_COLUMNS}
"""
_FIND_LINK = f"SELECT {_COLUMNS} FROM {SCHEMA}.mailed_proofs WHERE link = $1 AND expire_time > $2"
_USE = f"DELETE FROM {SCHEMA}.mailed_proofs WHERE handle = $1 RETURNING 1"
_PRUNE = f"DELETE FROM {SCHEMA}.mailed_proofs WHERE expire_time < $1"


class SqlMailedProofs:
    """Codes and links (port `MailedProofs`)."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor

    async def keep(self, proof: MailedProof) -> None:
        """Keep one, in place of what the same handle had before."""
        values = [
            *(proof.handle, proof.purpose, plain(proof.organization), plain(proof.email), proof.user),
            *(proof.code, proof.link or None, proof.expires),
        ]
        await self._executor.fetch(_KEEP, values)

    async def try_code(self, handle: bytes, *, tries: int, now: datetime) -> MailedProof | None:
        """Count a try and return the code."""
        rows = await self._executor.fetch(_TRY, [handle, tries, now])
        return _proof(rows[0]) if rows else None

    async def find_link(self, link: bytes, *, now: datetime) -> MailedProof | None:
        """Return the link of that digest."""
        rows = await self._executor.fetch(_FIND_LINK, [link, now], repeatable=True)
        return _proof(rows[0]) if rows else None

    async def use(self, handle: bytes) -> bool:
        """Use it up."""
        return bool(await self._executor.fetch(_USE, [handle]))

    async def prune(self, *, now: datetime) -> None:
        """Forget what has expired."""
        await self._executor.fetch(_PRUNE, [now], repeatable=True)


def _proof(row: asyncpg.Record) -> MailedProof:
    return MailedProof(
        handle=row["handle"],
        purpose=row["purpose"],
        organization=row["organization"],
        email=row["email"],
        user=row["user_name"],
        code=row["code"],
        link=row["link"] or b"",
        expires=row["expire_time"],
    )
