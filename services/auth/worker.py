"""What auth does in the background: it exchanges signing keys and forgets what has expired."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from services.chassis.errors import TenonError

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.auth.domain.sessions import RefreshSessions
    from services.auth.domain.signing_keys import Rotation, SigningKeys

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Housekeeping:
    """Runs in every worker process; what it does is safe to do twice, or at once."""

    keys: SigningKeys
    """Where signing keys are kept."""
    rotation: Rotation
    """When they are exchanged."""
    sessions: RefreshSessions
    """Where sessions are kept."""
    grace: timedelta
    """How long a successor is kept."""
    period: float = 60.0
    """Seconds between two rounds."""
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    """Now, with its time zone."""

    async def run(self) -> None:
        """Do a round in every period, until cancelled. A round that fails is followed by the next."""
        while True:
            try:
                await self.do_round()
            except TenonError as error:
                _log.warning("housekeeping has to wait: %s", error.message)
            await asyncio.sleep(self.period)

    async def do_round(self) -> None:
        """Exchange keys that are due, and forget what has expired."""
        now = self.clock()
        await self.keys.rotate(self.rotation, now=now)
        await self.sessions.prune(now=now, grace=self.grace)
