"""Forgets sign-ins, links and enrolments that have expired."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from services.chassis.errors import TenonError

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)


class Expiring(Protocol):
    """Keeps what expires."""

    async def prune(self, *, now: datetime) -> None:
        """Forget what has expired."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Forgetting:
    """Runs in every worker process; what it does is safe to do twice, or at once."""

    kept: tuple[Expiring, ...]
    """Where it is kept."""
    period: float = 60.0
    """Seconds between two rounds."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Now, with its time zone."""

    async def run(self) -> None:
        """Do a round in every period, until cancelled. A round that fails is followed by the next."""
        while True:
            try:
                await self.do_round()
            except TenonError as error:
                _log.warning("what has expired is forgotten later: %s", error.message)
            await asyncio.sleep(self.period)

    async def do_round(self) -> None:
        """Forget what has expired."""
        for one in self.kept:
            await one.prune(now=self.clock())
