"""How long a person stays signed in at one device, and how that ends."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.auth.domain.accounts import Account
    from services.auth.domain.authentication import Authentication

_ID_BYTES = 16
_COOKIE_BYTES = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Lifetimes:
    """How long sessions live."""

    absolute: timedelta = timedelta(days=30)
    """After this a session ends, whatever is done with it."""
    idle: timedelta = timedelta(days=14)
    """After this a session ends that was not used."""
    grace: timedelta = timedelta(seconds=10)
    """For so long a used refresh token gives its successor once more: to a parallel call, or after a lost response."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where somebody is."""

    address: str = ""
    """An IPv4 address, an IPv6 network of 64 bits, or a name for what has neither."""
    agent: str = ""
    """The `User-Agent` that they sent, cut to 200 characters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """One sign-in of a person at one device."""

    id: str
    """`sid` of its tokens; says nothing and opens nothing."""
    organization: str
    """The organization that was signed in to."""
    user: str
    """Name of the user."""
    authentication: Authentication
    """How and when they have proven who they are."""
    origin: Origin = field(default_factory=Origin)
    """Where they were."""
    created: datetime
    """When it was opened."""
    used: datetime
    """When it was last used."""
    expires: datetime
    """When it ends, whatever is done with it."""
    ended: datetime | None = None
    """When it was ended, or None."""
    idle: timedelta | None = None
    """After this it ends that is not used, where the organization says so."""

    def is_alive(self, now: datetime, idle: timedelta) -> bool:
        """Whether it was neither ended nor outlived."""
        return self.ended is None and now < self.expires and now - self.used < min(idle, self.idle or idle)


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenedSession:
    """A session, with what its browser keeps."""

    session: Session
    """The session."""
    cookie: str = field(default="", repr=False)
    """256 random bits, base64url; empty where no browser has it."""


class SessionStore(Protocol):
    """Keeps sessions, and the cookies of their browsers by their SHA-256."""

    async def open(self, session: Session, cookie: bytes | None) -> None:
        """Keep a new session, with the digest of its cookie where a browser has one."""

    async def find(self, session: str) -> Session | None:
        """Return the session, ended or not."""

    async def find_by_cookie(self, cookie: bytes) -> Session | None:
        """Return the session whose cookie has that digest, ended or not."""

    async def touch(self, session: str, *, now: datetime) -> None:
        """Note that it was used."""

    async def strengthen(self, session: str, authentication: Authentication, cookie: bytes | None) -> None:
        """Keep another authentication, and another cookie in place of the one before."""

    async def list_living(self, organization: str, user: str, *, now: datetime) -> Sequence[Session]:
        """Return a user's sessions that live, the one that was used last first."""

    async def end(self, session: str, *, now: datetime) -> None:
        """End a session with all refresh tokens and access tokens of it, if it lives."""

    async def end_all(self, organization: str, user: str, *, now: datetime, keep: str = "") -> None:
        """End all sessions and refresh tokens of a user but those of the session `keep`."""

    async def prune(self, *, now: datetime) -> None:
        """Forget sessions that have expired."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sessions:
    """Opens, finds and ends sessions."""

    kept: SessionStore
    """Where they are kept."""
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    """How long they live."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Now, with its time zone."""

    async def open(
        self, account: Account, authentication: Authentication, origin: Origin, *, browser: bool = False
    ) -> OpenedSession:
        """Open a session for somebody who has proven who they are; a browser gets a cookie for it."""
        now = self.clock()
        session = Session(
            id=secrets.token_urlsafe(_ID_BYTES),
            organization=account.organization,
            user=account.name,
            authentication=authentication,
            origin=origin,
            created=now,
            used=now,
            expires=now + min(self.lifetimes.absolute, account.session_lifetime or self.lifetimes.absolute),
            idle=account.session_idle,
        )
        cookie = secrets.token_urlsafe(_COOKIE_BYTES) if browser else ""
        await self.kept.open(session, digest_of(cookie) if cookie else None)
        return OpenedSession(session=session, cookie=cookie)

    async def find_by_cookie(self, cookie: str) -> Session | None:
        """Return the living session of a browser, and note that it was used."""
        session = await self.kept.find_by_cookie(digest_of(cookie)) if cookie else None
        now = self.clock()
        if session is None or not session.is_alive(now, self.lifetimes.idle):
            return None
        if now - session.used > self.lifetimes.idle / 1000:
            await self.kept.touch(session.id, now=now)
        return session

    async def strengthen(self, session: Session, authentication: Authentication, *, browser: bool) -> OpenedSession:
        """Add a proof to a session. Its browser gets another cookie, so that nobody has planted it (ASVS 5.0 7.2.4)."""
        joined = session.authentication.joined(authentication)
        cookie = secrets.token_urlsafe(_COOKIE_BYTES) if browser else ""
        await self.kept.strengthen(session.id, joined, digest_of(cookie) if cookie else None)
        return OpenedSession(session=replace(session, authentication=joined), cookie=cookie)

    async def end(self, session: str) -> None:
        """End a session, if it lives."""
        await self.kept.end(session, now=self.clock())


def digest_of(secret: str) -> bytes:
    """Return what is kept of a secret of 256 random bits, which needs no slow hash (ASVS 5.0 6.5.2)."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
