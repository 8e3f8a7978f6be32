"""What is told to the audit trail of the calls of a process: never in their way, and counted where it is lost."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from services.chassis.errors import Aborted, DeadlineExceeded, Internal, ResourceExhausted, TenonError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from services.chassis.telemetry import Telemetry

CAPACITY = 10_000
"""Events that wait at most; further ones are dropped."""

BATCH = 500
"""Events that are sent at once."""

_PASSING = {error.code for error in (Aborted, DeadlineExceeded, Internal, ResourceExhausted, Unavailable)}
_LONGEST_PAUSE = 5.0
_QUIET_SECONDS = 10.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEvent:
    """One call that is written down. It never holds a token, nor anything of a request or an answer."""

    kind: str
    """`call.made`, `access.denied` or `token.refused`."""
    outcome: str
    """`success`, `failure` or `denied`."""
    method: str
    """The RPC's path."""
    reason: str = ""
    """The reason of the error that it ended with, or empty."""
    organization: str = ""
    """The organization that the caller acts in, or empty where none is known."""
    actor: str = ""
    """Who called: a user, a service account or `workloads/<name>`; empty for nobody."""
    subject: str = ""
    """Whom or what it was done to, where the call alone does not say."""
    session: str = ""
    """The session of the caller's token."""
    client: str = ""
    """The client of the caller's token."""
    factor: str = ""
    """By which factor, where one was shown."""
    level: str = ""
    """How surely the caller has signed in (`acr`)."""
    address: str = ""
    """Where from, as the edge says."""
    agent: str = ""
    """The `User-Agent`."""
    request_id: str = ""
    """The call's id, as logs have it."""
    detail: Mapping[str, str] = field(default_factory=dict)
    """The variables of the error's message."""
    event_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    """Names the event: one that is sent twice is written down once."""
    time: float = field(default_factory=time.time)
    """When the call ended, in seconds of the Unix epoch."""


class Recorder(Protocol):
    """Writes events down for good. Auth's own does so itself, everybody else's asks auth."""

    async def record(self, events: Sequence[AuditEvent]) -> None:
        """Write events down, those that were written before no second time. Raises `TenonError` where none was."""


class AuditTrail:
    """Events that wait to be sent, in batches, by a loop beside the calls."""

    def __init__(
        self, recorder: Recorder | None, *, capacity: int = CAPACITY, batch: int = BATCH, pause: float = 0.2
    ) -> None:
        """Take who writes them down, None where nobody does. `pause` is in seconds: for so long a batch gathers."""
        self._recorder = recorder
        self._capacity = capacity
        self._batch = batch
        self._pause = pause
        self._waiting: deque[AuditEvent] = deque()
        self._wake = asyncio.Event()
        self._sending = asyncio.Lock()
        self._dropped = 0
        self._told, self._told_at = 0, float("-inf")

    def send_to(self, recorder: Recorder) -> None:
        """Take somebody else to write events down from now on."""
        self._recorder = recorder

    @property
    def waiting(self) -> int:
        """Events that are not written down yet."""
        return len(self._waiting)

    @property
    def dropped(self) -> int:
        """Events that nobody will ever read."""
        return self._dropped

    def write(self, event: AuditEvent) -> None:
        """Have an event written down soon. It never waits: where too many do, the event is dropped and counted."""
        if self._recorder is None or len(self._waiting) >= self._capacity:
            self._drop(1)
            return
        self._waiting.append(event)
        self._wake.set()

    async def run(self) -> None:
        """Send what waits, until cancelled; through an outage of the recorder keep it, as much as there is room."""
        pause = self._pause
        while True:
            await self._wake.wait()
            await asyncio.sleep(pause)
            pause = self._pause if await self.flush() else min(pause * 2, _LONGEST_PAUSE)

    async def flush(self) -> bool:
        """Send all that waits. Returns False where some of it has to wait on."""
        async with self._sending:
            while self._waiting and self._recorder is not None:
                batch = list(itertools.islice(self._waiting, self._batch))
                try:
                    await self._recorder.record(batch)
                except TenonError as error:
                    if error.code in _PASSING:
                        _log.debug("audit events have to wait: %s", error.message)
                        return False
                    _log.warning("audit events were refused: %s", error.message)
                    self._drop(len(batch))
                for _ in batch:
                    self._waiting.popleft()
            self._wake.clear()
            return True

    def measure(self, telemetry: Telemetry) -> None:
        """Show what waits and what was lost among the metrics."""
        telemetry.observe("tenon.audit.waiting", lambda: self.waiting, "Audit events that are not written down yet.")
        telemetry.observe("tenon.audit.dropped", lambda: self.dropped, "Audit events that are lost.")

    def _drop(self, count: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._dropped += count
        now = clock()
        if now - self._told_at >= _QUIET_SECONDS:
            _log.warning("audit events are lost", extra={"events": self._dropped - self._told})
            self._told, self._told_at = self._dropped, now
