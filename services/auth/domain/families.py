"""How what a client was granted lives on by refresh tokens, each used once, and how it ends (RFC 9700 §4.14.2)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.authentication import LEVELS, reaches
from services.auth.domain.errors import RefreshTokenInvalid, RefreshTokenReused, StrongerSignInRequired
from services.auth.domain.scopes import EVERYTHING_HELD, narrow
from services.auth.domain.sessions import Lifetimes, digest_of
from services.auth.domain.tokens import Grant

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.auth.domain.accounts import Account, Directory
    from services.auth.domain.authentication import Authentication
    from services.auth.domain.sessions import Session
    from services.auth.domain.tokens import AccessToken, Tokens

_ID_BYTES = 16
_SECRET_BYTES = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """What one client holds by one authorization: refresh tokens, each the successor of the one before."""

    id: str
    """`grant` of the access tokens; says nothing and opens nothing."""
    session: str = ""
    """The session that it belongs to and ends with, or empty."""
    organization: str
    """The organization that the account acts in."""
    user: str
    """Name of the account."""
    client: str
    """The client that holds it."""
    scope: str = EVERYTHING_HELD
    """What was granted, separated by spaces."""
    audience: tuple[str, ...] = ()
    """For whom its access tokens are meant; the usual audience where empty."""
    confirmation: str = ""
    """The thumbprint of the key that the client has to prove (RFC 9449 §6.1), or empty."""
    authentication: Authentication | None = None
    """How the person has proven who they are, or None where nobody has."""
    expires: datetime
    """When it ends, whatever is done with it."""
    idle: timedelta | None = None
    """After this it ends that is not renewed, where the organization says so."""


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

    family: Family
    """The family that it belongs to."""
    expires: datetime
    """When it expires if it is not used before."""
    revoked: bool
    """Whether its family has ended."""
    used: datetime | None = None
    """When it was used up, or None."""
    sealed_successor: bytes = field(default=b"", repr=False)
    """The sealed token that took its place; empty once that was used itself, or the grace is over."""
    successor_expires: datetime | None = None
    """When the successor expires."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """What whoever uses a refresh token has shown of themselves."""

    client: str | None = None
    """The client that was authenticated; None where our own front door asks for no client."""
    confirmation: str = ""
    """The thumbprint of the key that was proven, or empty."""

    def fits(self, family: Family) -> bool:
        """Whether the family is this client's, and of this key."""
        return self.client in {None, family.client} and family.confirmation in {"", self.confirmation}


@dataclass(frozen=True, kw_only=True, slots=True)
class Successor:
    """The refresh token that takes the place of one that is used up, as it is kept."""

    digest: bytes
    """Its SHA-256."""
    sealed: bytes = field(repr=False)
    """The sealed token, for those who ask again within the grace."""
    expires: datetime
    """When it expires if it is not used before; it does not outlive its family."""


class RefreshFamilies(Protocol):
    """Keeps families, and refresh tokens by their SHA-256."""

    async def open(self, family: Family, digest: bytes | None, expires: datetime) -> bool:
        """Keep a new family, with its first token unless `digest` is None; return whether its session lives still."""

    async def rotate(self, digest: bytes, proof: Proof, successor: Successor, *, now: datetime) -> KeptToken | None:
        """Use up a token and keep its successor, in one atomic step of which exactly one caller is part.

        Returns the used token, or None where it is unknown, used, expired, of an ended family or fits no such proof.
        """

    async def find(self, digest: bytes) -> KeptToken | None:
        """Return the token, used or not."""

    async def find_living(self, family: str, *, now: datetime) -> Family | None:
        """Return a family that lives."""

    async def end(self, family: str, *, now: datetime) -> None:
        """End a family with all its access tokens, if it lives."""

    async def prune(self, *, now: datetime, grace: timedelta) -> None:
        """Forget successors that are past their grace, and families that have expired."""


class Seal(Protocol):
    """Seals a value so that only we can read it back."""

    def seal(self, value: bytes, context: bytes = b"") -> bytes:
        """Return the sealed value, bound to its context."""

    def open(self, sealed: bytes, context: bytes = b"") -> bytes:
        """Return the value that was sealed for this context."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What a client asks for, on behalf of somebody who has agreed to it."""

    client: str
    """The client."""
    family: str = ""
    """The id that its family is to have, or empty for a new one."""
    scope: str = EVERYTHING_HELD
    """What it was granted."""
    audience: tuple[str, ...] = ()
    """For whom the access tokens are meant; the usual audience where empty."""
    confirmation: str = ""
    """The thumbprint of the client's key, to which its refresh tokens are bound too, or empty."""
    proven: str = ""
    """The thumbprint of a key to which the access token alone is bound: its client proves itself (RFC 9449 §5)."""
    session: Session | None = None
    """The session of the person, or None."""
    refreshable: bool = True
    """Whether the client gets a refresh token."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """What a client holds after an authorization or a renewal."""

    family: Family
    """The family."""
    access: AccessToken
    """The token that calls carry."""
    refresh: RefreshToken | None
    """The token that renews it next, or None where the client has none."""
    confirmation: str = ""
    """The thumbprint of the key that the access token is bound to, or empty."""

    @property
    def user(self) -> str:
        """Name of the account."""
        return self.family.user

    @property
    def organization(self) -> str:
        """The organization that the account acts in."""
        return self.family.organization


@dataclass(frozen=True, kw_only=True, slots=True)
class Families:
    """Opens and renews families."""

    kept: RefreshFamilies
    """Where they are kept."""
    directory: Directory
    """Says whether the account may still act, and what it holds now."""
    tokens: Tokens
    """Signs access tokens."""
    seal: Seal = field(repr=False)
    """Seals successors, so that nobody reads tokens out of the database."""
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    """How long they live."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Now, with its time zone."""

    async def open(self, account: Account, request: Request) -> Opened:
        """Open a family for an account.

        Raises:
            TokenTooLarge: what it grants fits no token.
            RefreshTokenInvalid: its session has ended meanwhile.
            StrongerSignInRequired: the organization asks for a second factor, and the session has none.
        """
        now = self.clock()
        session = request.session
        if session is not None and not _is_enough(account, session.authentication):
            raise StrongerSignInRequired(account.acts_in)
        family = Family(
            id=request.family or secrets.token_urlsafe(_ID_BYTES),
            session=session.id if session else "",
            organization=account.acts_in,
            user=account.name,
            client=request.client,
            scope=request.scope,
            audience=request.audience,
            confirmation=request.confirmation,
            authentication=session.authentication if session else None,
            expires=min(
                session.expires if session else now + self.lifetimes.absolute,
                now + (account.session_lifetime or self.lifetimes.absolute),
            ),
            idle=account.session_idle,
        )
        grant = grant_of(account, family, confirmation=request.proven)
        access = await self.tokens.issue(grant)
        text = secrets.token_urlsafe(_SECRET_BYTES) if request.refreshable else ""
        expires = self._expiry(family, now)
        if not await self.kept.open(family, digest_of(text) if text else None, expires):
            raise RefreshTokenInvalid
        refresh = RefreshToken(text=text, expires=expires) if text else None
        return Opened(family=family, access=access, refresh=refresh, confirmation=grant.confirmation)

    async def renew(
        self, refresh_token: str, proof: Proof | None = None, *, narrow: Callable[[str], str] | None = None
    ) -> Opened:
        """Use up a refresh token and return its successor with a new access token.

        `narrow` says what the access token is for, out of what was granted.

        Raises:
            RefreshTokenInvalid: it is unknown, expired, revoked or somebody else's, or its account may not act.
            RefreshTokenReused: it was used up before the grace; its family has ended now.
        """
        proof = proof or Proof()
        family, refresh = await self._rotate(refresh_token, proof)
        account = await self.directory.find_acting(family.organization, family.user)
        if account is None or account.disabled or not _is_enough(account, family.authentication):
            await self.kept.end(family.id, now=self.clock())
            raise RefreshTokenInvalid
        scope = narrow(family.scope) if narrow else None
        grant = grant_of(account, family, scope=scope, confirmation=proof.confirmation)
        access = await self.tokens.issue(grant)
        return Opened(family=family, access=access, refresh=refresh, confirmation=grant.confirmation)

    async def reissue(self, account: Account, family: str) -> AccessToken:
        """Return a new access token of a family, such as after its session has become stronger.

        Raises:
            RefreshTokenInvalid: the family has ended, or is somebody else's.
        """
        found = await self.kept.find_living(family, now=self.clock())
        if found is None or (found.organization, found.user) != (account.acts_in, account.name):
            raise RefreshTokenInvalid
        return await self.tokens.issue(grant_of(account, found))

    async def find(self, refresh_token: str) -> KeptToken | None:
        """Return what is kept of a refresh token, used or not."""
        return await self.kept.find(digest_of(refresh_token))

    async def end(self, family: str) -> None:
        """End a family with all its access tokens, if it lives."""
        await self.kept.end(family, now=self.clock())

    async def _rotate(self, refresh_token: str, proof: Proof) -> tuple[Family, RefreshToken]:
        now = self.clock()
        digest = digest_of(refresh_token)
        text = secrets.token_urlsafe(_SECRET_BYTES)
        successor = Successor(
            digest=digest_of(text),
            sealed=self.seal.seal(text.encode(), digest),
            expires=now + self.lifetimes.idle,
        )
        used = await self.kept.rotate(digest, proof, successor, now=now)
        if used is not None:
            return used.family, RefreshToken(text=text, expires=self._expiry(used.family, now))
        return await self._recover(digest, proof, now)

    async def _recover(self, digest: bytes, proof: Proof, now: datetime) -> tuple[Family, RefreshToken]:
        """Return the successor that another call has made just now, or end the family of a token that was stolen."""
        found = await self.kept.find(digest)
        if found is None or found.revoked or now >= found.family.expires or found.used is None:
            raise RefreshTokenInvalid
        if not proof.fits(found.family):
            raise RefreshTokenInvalid
        if now - found.used > self.lifetimes.grace:
            await self.kept.end(found.family.id, now=now)
            raise RefreshTokenReused
        if not found.sealed_successor:
            # Whoever holds the successor has used it: this one must not lead to the token that lives now.
            raise RefreshTokenInvalid
        text = self.seal.open(found.sealed_successor, digest).decode()
        return found.family, RefreshToken(text=text, expires=found.successor_expires or found.family.expires)

    def _expiry(self, family: Family, now: datetime) -> datetime:
        return min(now + min(self.lifetimes.idle, family.idle or self.lifetimes.idle), family.expires)


def _is_enough(account: Account, proof: Authentication | None) -> bool:
    """Whether what a person has shown will do where they act; where nobody has shown anything, it is no person."""
    return proof is None or not account.needs_second_factor or reaches(proof.level, LEVELS[1])


def grant_of(account: Account, family: Family, *, scope: str | None = None, confirmation: str = "") -> Grant:
    """Return what an access token of the family says; `scope` may narrow it.

    `confirmation` is the key that was proven, where the family itself is bound to none.
    """
    scope = family.scope if scope is None else scope
    return Grant(
        subject=account.name,
        organization=family.organization,
        permissions=narrow(account.permissions, scope),
        client=family.client,
        session=family.session,
        family=family.id,
        scope=scope,
        audience=family.audience,
        confirmation=family.confirmation or confirmation,
        authentication=family.authentication,
        valid_from=account.valid_from,
    )
