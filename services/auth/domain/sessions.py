"""How a session lives on by refresh tokens, each used once, and how it ends (RFC 9700 §4.14.2)."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.errors import RefreshTokenInvalid, RefreshTokenReused
from services.auth.domain.tokens import Grant

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.auth.domain.accounts import Account, Directory
    from services.auth.domain.tokens import AccessToken, Tokens

_SECRET_BYTES = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Lifetimes:
    """How long sessions live."""

    absolute: timedelta = timedelta(days=30)
    """After this a session ends, whatever is done with it."""
    idle: timedelta = timedelta(days=14)
    """After this a session ends that was not renewed."""
    grace: timedelta = timedelta(seconds=10)
    """For so long a used token gives its successor once more: to a parallel call, or after a lost response."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """A family of refresh tokens, each the successor of the one before."""

    id: str
    """`sid` of the access tokens; says nothing and opens nothing."""
    organization: str
    """The organization that was signed in to."""
    user: str
    """Name of the user."""
    client: str
    """The client that opened it."""
    expires: datetime
    """When it ends, whatever is done with it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RefreshToken:
    """A refresh token as its owner holds it."""

    text: str = field(repr=False)
    """256 random bits, base64url."""
    expires: datetime
    """When it expires if it is not used before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptToken:
    """A refresh token as it is kept: its hash, and how it was used."""

    session: Session
    """The session that it belongs to."""
    expires: datetime
    """When it expires if it is not used before."""
    revoked: bool
    """Whether its session has ended."""
    used: datetime | None = None
    """When it was used up, or None."""
    sealed_successor: bytes = field(default=b"", repr=False)
    """The sealed token that took its place; empty once the grace is over."""
    successor_expires: datetime | None = None
    """When the successor expires."""


class RefreshSessions(Protocol):
    """Keeps sessions, and refresh tokens by their SHA-256."""

    async def open(self, session: Session, digest: bytes, expires: datetime) -> None:
        """Keep a new session with its first token."""

    async def rotate(
        self, digest: bytes, *, now: datetime, successor: bytes, sealed_successor: bytes, expires: datetime
    ) -> KeptToken | None:
        """Use up a token and keep its successor, in one atomic step of which exactly one caller is part.

        `successor` is the successor's digest; it expires at `expires`, but not after its session. Returns the used
        token, or None where it is unknown, used, expired or of an ended session.
        """

    async def find(self, digest: bytes) -> KeptToken | None:
        """Return the token, used or not."""

    async def end(self, session: str, *, now: datetime) -> None:
        """End a session, if it lives."""

    async def end_all(self, organization: str, user: str, *, keep: str = "") -> None:
        """End all sessions of a user but `keep`."""

    async def prune(self, *, now: datetime, grace: timedelta) -> None:
        """Forget successors that are past their grace, and sessions that have expired."""


class Seal(Protocol):
    """Seals a value so that only we can read it back."""

    def seal(self, value: bytes, context: bytes = b"") -> bytes:
        """Return the sealed value, bound to its context."""

    def open(self, sealed: bytes, context: bytes = b"") -> bytes:
        """Return the value that was sealed for this context."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """What a client holds after it signed in or renewed."""

    user: str
    """Name of the user."""
    organization: str
    """The organization that the user acts in."""
    access: AccessToken
    """The token that calls carry."""
    refresh: RefreshToken
    """The token that renews the session next."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sessions:
    """Opens, renews and ends sessions."""

    kept: RefreshSessions
    """Where sessions are kept."""
    directory: Directory
    """Says whether the user may still sign in, and what they hold now."""
    tokens: Tokens
    """Signs access tokens."""
    seal: Seal = field(repr=False)
    """Seals successors, so that nobody reads tokens out of the database."""
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    """How long sessions live."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Now, with its time zone."""

    async def open(self, account: Account, *, client: str) -> Opened:
        """Open a session for a user who has proven who they are. Raises `TokenTooLarge`."""
        now = self.clock()
        session = Session(
            id=secrets.token_urlsafe(16),
            organization=account.organization,
            user=account.name,
            client=client,
            expires=now + self.lifetimes.absolute,
        )
        access = await self.tokens.issue(_grant(account, session))
        token = RefreshToken(text=secrets.token_urlsafe(_SECRET_BYTES), expires=self._expiry(session, now))
        await self.kept.open(session, digest_of(token.text), token.expires)
        return Opened(user=account.name, organization=account.organization, access=access, refresh=token)

    async def renew(self, refresh_token: str) -> Opened:
        """Use up a refresh token and return its successor with a new access token.

        Raises:
            RefreshTokenInvalid: it is unknown, expired or revoked, or its user may not sign in.
            RefreshTokenReused: it was used up before the grace; its session has ended now.
        """
        session, refresh = await self._rotate(refresh_token)
        account = await self.directory.find_by_name(session.organization, session.user)
        if account is None or account.disabled:
            await self.kept.end(session.id, now=self.clock())
            raise RefreshTokenInvalid
        access = await self.tokens.issue(_grant(account, session))
        return Opened(user=account.name, organization=account.organization, access=access, refresh=refresh)

    async def close(self, *, organization: str, user: str, session: str, refresh_token: str) -> None:
        """End the caller's session: that of the refresh token, or else the one named; somebody else's is left alone."""
        if not refresh_token:
            if session:
                await self.kept.end(session, now=self.clock())
            return
        found = await self.kept.find(digest_of(refresh_token))
        if found is not None and (found.session.organization, found.session.user) == (organization, user):
            await self.kept.end(found.session.id, now=self.clock())

    async def _rotate(self, refresh_token: str) -> tuple[Session, RefreshToken]:
        now = self.clock()
        digest = digest_of(refresh_token)
        text = secrets.token_urlsafe(_SECRET_BYTES)
        used = await self.kept.rotate(
            digest,
            now=now,
            successor=digest_of(text),
            sealed_successor=self.seal.seal(text.encode(), digest),
            expires=now + self.lifetimes.idle,
        )
        if used is not None:
            return used.session, RefreshToken(text=text, expires=self._expiry(used.session, now))
        return await self._recover(digest, now)

    async def _recover(self, digest: bytes, now: datetime) -> tuple[Session, RefreshToken]:
        """Return the successor that another call has made just now, or end the session of a token that was stolen."""
        found = await self.kept.find(digest)
        if found is None or found.revoked or now >= found.session.expires or found.used is None:
            raise RefreshTokenInvalid
        if now - found.used > self.lifetimes.grace or not found.sealed_successor:
            await self.kept.end(found.session.id, now=now)
            raise RefreshTokenReused
        text = self.seal.open(found.sealed_successor, digest).decode()
        return found.session, RefreshToken(text=text, expires=found.successor_expires or found.session.expires)

    def _expiry(self, session: Session, now: datetime) -> datetime:
        return min(now + self.lifetimes.idle, session.expires)


def digest_of(refresh_token: str) -> bytes:
    """Return what is kept of a refresh token: 256 random bits need no slow hash (ASVS 5.0 6.5.2)."""
    return hashlib.sha256(refresh_token.encode("utf-8", "surrogatepass")).digest()


def _grant(account: Account, session: Session) -> Grant:
    return Grant(
        subject=account.name,
        organization=account.organization,
        permissions=account.permissions,
        client=session.client,
        session=session.id,
    )
