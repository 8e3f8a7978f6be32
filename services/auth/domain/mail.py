"""How mail leaves: it is kept within the change that it tells of, and carried away afterwards."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from services.chassis.errors import TenonError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_log = logging.getLogger(__name__)

LIFETIME = timedelta(days=1)
"""For so long delivery is tried."""

_FIRST_WAIT = timedelta(seconds=5)
_LONGEST_WAIT = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A mail to one person. What it says may be a secret, so that nothing of it is shown."""

    to: str = field(repr=False)
    """The address."""
    subject: str = field(repr=False)
    """The subject: one line."""
    text: str = field(repr=False)
    """The whole text, plain."""
    kind: str
    """What it is, such as `invitation`, for logs."""
    organization: str
    """The organization in whose name it is sent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptMail:
    """A mail that waits to be carried."""

    id: str
    """Its id, the same at every try."""
    message: Message
    """The mail itself."""
    attempts: int
    """Tries so far, this one among them."""
    expires: datetime
    """When it is given up."""


class Mail(Protocol):
    """Takes mail."""

    async def post(self, message: Message) -> None:
        """Keep a mail within the transaction that is open: it is sent if and only if that is committed."""


class MailQueue(Protocol):
    """Keeps mail until it is carried. Each is lent to one worker at a time."""

    async def lend(self, *, now: datetime, lease: timedelta, limit: int) -> Sequence[KeptMail]:
        """Return mails that are due. Where nobody says what became of one, it is due again after the lease."""

    async def remove(self, mail: str) -> None:
        """Forget a mail that was carried or given up."""

    async def postpone(self, mail: str, due: datetime) -> None:
        """Keep a mail for another try."""


class MailNotCarried(Exception):
    """A mail could not be carried. The message names neither its receiver nor what it says."""

    def __init__(self, cause: str, *, for_good: bool = False) -> None:
        """Take the cause, and whether trying again is of no use."""
        super().__init__(cause)
        self.for_good = for_good


class Carrier(Protocol):
    """Carries mail away."""

    async def carry(self, mail: KeptMail) -> None:
        """Hand a mail on to whoever delivers it.

        Raises:
            MailNotCarried: it was not taken.
        """


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """Carries mail that is kept. Every worker runs it; a mail goes out twice only where a worker dies in between."""

    queue: MailQueue
    """Where mail waits."""
    carrier: Carrier
    """Who takes it."""
    lease: timedelta = timedelta(minutes=2)
    """For so long a mail is one worker's."""
    batch: int = 10
    """Mails that are carried at once."""
    period: float = 1.0
    """Seconds between two looks at a queue that was empty."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Now, with its time zone."""

    async def run(self) -> None:
        """Carry mail until cancelled."""
        while True:
            carried = 0
            try:
                carried = await self.do_round()
            except TenonError as error:
                _log.warning("mail has to wait: %s", error.message)
            if not carried:
                await asyncio.sleep(self.period)

    async def do_round(self) -> int:
        """Carry what is due, and return how many mails that were."""
        due = await self.queue.lend(now=self.clock(), lease=self.lease, limit=self.batch)
        await asyncio.gather(*(self._carry(mail) for mail in due))
        return len(due)

    async def _carry(self, mail: KeptMail) -> None:
        try:
            await self.carrier.carry(mail)
        except MailNotCarried as error:
            await self._keep(mail, error)
        else:
            await self.queue.remove(mail.id)

    async def _keep(self, mail: KeptMail, error: MailNotCarried) -> None:
        now = self.clock()
        due = now + wait_after(mail.attempts)
        named = (mail.message.kind, mail.id, mail.message.organization)
        if error.for_good or due >= mail.expires:
            _log.error("gave up the %s mail %s of the organization %s: %s", *named, error)
            await self.queue.remove(mail.id)
            return
        _log.warning("the %s mail %s of the organization %s is tried again: %s", *named, error)
        await self.queue.postpone(mail.id, due)


def wait_after(attempts: int) -> timedelta:
    """Return how long to wait after so many tries: each time twice as long, up to an hour."""
    return min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(attempts - 1, 20))
