"""How clients hear that somebody has signed out (OpenID Connect Back-Channel Logout 1.0)."""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.audit import AuditEntry
from services.auth.domain.mail import wait_after
from services.chassis.errors import TenonError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from services.auth.domain.audit import Audit
    from services.auth.domain.oauth.clients import Client, Clients
    from services.auth.domain.oauth.id_tokens import Signer

EVENT = "http://schemas.openid.net/event/backchannel-logout"
"""What has happened (§2.4)."""

TOKEN_TYPE = "logout+jwt"  # noqa: S105 - a media type
"""The `typ` of a logout token, so that nobody takes it for an id token."""

LIFETIME = timedelta(minutes=2)
"""How long a logout token is good; each try has its own."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class LogoutNotice:
    """A client that is still to be told that a session has ended."""

    session: str
    """The session: `sid`."""
    client: str
    """The client."""
    organization: str
    """The organization that was signed in to."""
    user: str
    """Whose session it was: `sub`."""
    attempts: int
    """Tries so far, this one among them."""
    expires: datetime
    """When it is given up."""


class NoticeQueue(Protocol):
    """Keeps notices until they are given. Each is lent to one worker at a time."""

    async def lend(self, *, now: datetime, lease: timedelta, limit: int) -> Sequence[LogoutNotice]:
        """Return notices that are due. Where nobody says what became of one, it is due again after the lease."""

    async def remove(self, notice: LogoutNotice) -> None:
        """Forget a notice that was given, or is given up."""

    async def postpone(self, notice: LogoutNotice, due: datetime) -> None:
        """Keep a notice for another try."""


class NotTold(Exception):
    """A client could not be told."""

    def __init__(self, cause: str, *, for_good: bool = False) -> None:
        """Take the cause, and whether trying again is of no use."""
        super().__init__(cause)
        self.for_good = for_good


class Teller(Protocol):
    """Tells clients."""

    async def tell(self, uri: str, logout_token: str) -> None:
        """Post a logout token to a client.

        Raises:
            NotTold: it was not taken.
        """


@dataclass(frozen=True, kw_only=True, slots=True)
class BackchannelLogout:
    """Tells clients of sessions that have ended. Every worker runs it; a client may be told twice."""

    queue: NoticeQueue
    """Where notices wait."""
    clients: Clients
    """Says where a client wants to hear of it."""
    signer: Signer
    """Signs logout tokens."""
    teller: Teller
    """Carries them."""
    audit: Audit
    """Where it is written down who could not be told."""
    issuer: str
    """`iss`."""
    clock: Callable[[], datetime]
    """Now, with its time zone."""
    lease: timedelta = timedelta(minutes=1)
    """For so long a notice is one worker's."""
    batch: int = 20
    """Clients that are told at once."""
    period: float = 1.0
    """Seconds between two looks at a queue that was empty."""

    async def run(self) -> None:
        """Tell clients until cancelled."""
        while True:
            told = 0
            try:
                told = await self.do_round()
            except TenonError as error:
                _log.warning("clients hear later of sessions that have ended: %s", error.message)
            if not told:
                await asyncio.sleep(self.period)

    async def do_round(self) -> int:
        """Tell those who are due, and return how many that were."""
        due = await self.queue.lend(now=self.clock(), lease=self.lease, limit=self.batch)
        await asyncio.gather(*(self._tell(notice) for notice in due))
        return len(due)

    async def _tell(self, notice: LogoutNotice) -> None:
        client = await self.clients.find(notice.client)
        if client is None or not client.backchannel_logout_uri:
            await self.queue.remove(notice)
            return
        try:
            await self.teller.tell(client.backchannel_logout_uri, await self._sign(client, notice))
        except NotTold as error:
            await self._keep(notice, error)
        else:
            await self.queue.remove(notice)

    async def _sign(self, client: Client, notice: LogoutNotice) -> str:
        """Return a logout token (§2.4). It has no nonce, so that no client takes it for an id token."""
        now = int(self.clock().timestamp())
        claims = {
            "iss": self.issuer,
            "sub": notice.user,
            "aud": client.id,
            "iat": now,
            "exp": now + int(LIFETIME.total_seconds()),
            "jti": secrets.token_urlsafe(16),
            "sid": notice.session,
            "events": {EVENT: {}},
        }
        return await self.signer.sign(claims, algorithm=client.id_token_algorithm, kind=TOKEN_TYPE)

    async def _keep(self, notice: LogoutNotice, error: NotTold) -> None:
        due = self.clock() + wait_after(notice.attempts)
        if not error.for_good and due < notice.expires:
            _log.warning("the client %s hears later of a session that has ended: %s", notice.client, error)
            await self.queue.postpone(notice, due)
            return
        _log.error("the client %s never hears of a session that has ended: %s", notice.client, error)
        entry = AuditEntry(
            kind="logout.untold",
            outcome="failure",
            organization=notice.organization,
            subject=notice.user,
            session=notice.session,
            client=notice.client,
            detail={"cause": str(error)},
        )
        await self.audit.record(entry)
        await self.queue.remove(notice)
