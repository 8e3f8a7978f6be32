"""Keeps mail in Postgres, sealed, until it is carried."""

from __future__ import annotations

import json
import logging
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from services.auth.domain.mail import LIFETIME, KeptMail, Message
from services.auth.storage.schema import SCHEMA
from services.chassis.keyring import SealBroken

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    import asyncpg

    from services.auth.domain.families import Seal
    from services.chassis.postgres import Executor

_POST = f"""
INSERT INTO {SCHEMA}.mails (id, organization, kind, content, due_time, expire_time) VALUES ($1, $2, $3, $4, $5, $6)
"""
# Those that another worker is lending just now are skipped, so that nobody waits.
_LEND = f"""
UPDATE {SCHEMA}.mails SET attempts = attempts + 1, due_time = $2
WHERE id IN (SELECT id FROM {SCHEMA}.mails WHERE due_time <= $1 ORDER BY due_time LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING id, organization, kind, content, attempts, expire_time
"""
_REMOVE = f"DELETE FROM {SCHEMA}.mails WHERE id = $1"
_POSTPONE = f"UPDATE {SCHEMA}.mails SET due_time = $2 WHERE id = $1"
_log = logging.getLogger(__name__)


class SqlMail:
    """Mail in Postgres (ports `Mail` and `MailQueue`)."""

    def __init__(
        self, executor: Executor, seal: Seal, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Take what runs statements, what seals, and a clock."""
        self._executor = executor
        self._seal = seal
        self._clock = clock

    async def post(self, message: Message) -> None:
        """Keep a mail within the transaction that is open."""
        mail, now = secrets.token_hex(12), self._clock()
        content = json.dumps([message.to, message.subject, message.text]).encode()
        sealed = self._seal.seal(content, mail.encode())
        values = [mail, message.organization, message.kind, sealed, now, now + LIFETIME]
        await self._executor.fetch(_POST, values)

    async def lend(self, *, now: datetime, lease: timedelta, limit: int) -> Sequence[KeptMail]:
        """Return mails that are due, and count the try."""
        rows = await self._executor.fetch(_LEND, [now, now + lease, limit])
        opened = [(row["id"], self._open(row)) for row in rows]
        for mail in (mail for mail, kept in opened if kept is None):
            _log.error("gave up the mail %s, which cannot be unsealed: is the root key another one?", mail)
            await self.remove(mail)
        return [kept for _, kept in opened if kept is not None]

    async def remove(self, mail: str) -> None:
        """Forget a mail that was carried or given up."""
        await self._executor.fetch(_REMOVE, [mail], repeatable=True)

    async def postpone(self, mail: str, due: datetime) -> None:
        """Keep a mail for another try."""
        await self._executor.fetch(_POSTPONE, [mail, due], repeatable=True)

    def _open(self, row: asyncpg.Record) -> KeptMail | None:
        try:
            to, subject, text = json.loads(self._seal.open(row["content"], row["id"].encode()))
        except SealBroken:
            return None
        message = Message(to=to, subject=subject, text=text, kind=row["kind"], organization=row["organization"])
        return KeptMail(id=row["id"], message=message, attempts=row["attempts"], expires=row["expire_time"])
