"""Whether a token is good, and what it says, for those who may know (RFC 7662); and its end (RFC 7009)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from services.auth.domain.oauth.refusals import invalid_grant
from services.auth.domain.revocations import of_token

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from services.auth.domain.families import Families, KeptToken
    from services.auth.domain.oauth.clients import Client
    from services.auth.domain.revocations import Revocations

TOLD = ("iss", "sub", "aud", "client_id", "iat", "nbf", "exp", "jti", "org", "permissions", "scope", "sid")
TOLD_OF_PEOPLE = ("auth_time", "acr", "amr", "cnf", "act")
CONCERNED = (
    ("session", "sid"),
    ("grant", "grant"),
    ("subject", "sub"),
    ("client", "client_id"),
    ("organization", "org"),
    ("token", "jti"),
)
"""What revocations are about, and the claim that says it."""

INACTIVE: Mapping[str, Any] = {"active": False}
"""All that is said of a token that is no good, or that is not the caller's to know (RFC 7662 §2.2)."""


class AccessTokens(Protocol):
    """Reads access tokens."""

    async def read(self, token: str) -> Mapping[str, Any] | None:
        """Return the claims of a token that is genuine and has not expired, or None."""


class Revoked(Protocol):
    """Knows what was revoked, at once."""

    async def is_revoked(self, keys: Collection[str], issued: int) -> bool:
        """Whether a token of that second, to which these keys of revocations apply, is good no more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """Reads tokens, and knows which were revoked. Nothing is written."""

    tokens: AccessTokens
    """Reads access tokens."""
    revoked: Revoked
    """Knows what was revoked."""

    async def read(self, token: str) -> Mapping[str, Any] | None:
        """Return the claims of an access token that is good, or None."""
        claims = await self.tokens.read(token)
        if claims is None or await self.revoked.is_revoked(revocation_keys(claims), int(claims.get("iat", 0))):
            return None
        return claims


@dataclass(frozen=True, kw_only=True, slots=True)
class Introspection:
    """Says whether tokens are good."""

    reading: Reading
    """Reads access tokens."""
    families: Families
    """Finds refresh tokens."""
    clock: Callable[[], datetime]
    """Now, with its time zone."""
    issuer: str
    """`iss`."""

    async def introspect(self, client: Client, token: str) -> Mapping[str, Any]:
        """Return what a client may know of a token."""
        if "." not in token:
            return self._of_refresh(client, await self.families.find(token))
        claims = await self.reading.read(token)
        if claims is None or not may_know(client, claims):
            return INACTIVE
        told = {name: claims[name] for name in (*TOLD, *TOLD_OF_PEOPLE) if name in claims}
        return {"active": True, "token_type": "DPoP" if "cnf" in claims else "Bearer", **told}

    def _of_refresh(self, client: Client, found: KeptToken | None) -> Mapping[str, Any]:
        now = self.clock()
        if found is None or found.revoked or found.used is not None or found.family.client != client.id:
            return INACTIVE
        family, expires = found.family, min(found.expires, found.family.expires)
        if now >= expires:
            return INACTIVE
        told: dict[str, Any] = {
            "active": True,
            "token_type": "refresh_token",
            "iss": self.issuer,
            "sub": family.user,
            "org": family.organization,
            "client_id": family.client,
            "scope": family.scope,
            "exp": int(expires.timestamp()),
        }
        return {**told, "cnf": {"jkt": family.confirmation}} if family.confirmation else told


@dataclass(frozen=True, kw_only=True, slots=True)
class Revoking:
    """Ends tokens that their client gives back."""

    tokens: AccessTokens
    """Reads access tokens."""
    families: Families
    """Ends families."""
    revocations: Revocations
    """Takes access tokens back."""

    async def revoke(self, client: Client, token: str) -> None:
        """End a token; one that nobody knows is as good as ended (RFC 7009 §2.2).

        Raises:
            OAuthError: it is another client's.
        """
        if "." not in token:
            found = await self.families.find(token)
            if found is not None:
                _check_owner(client, found.family.client)
                await self.families.end(found.family.id)
            return
        claims = await self.tokens.read(token)
        if claims is not None:
            _check_owner(client, str(claims.get("client_id", "")))
            await self.revocations.revoke([of_token(str(claims["jti"]))])


def revocation_keys(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the keys of the revocations that would concern a token."""
    return tuple(f"{key}:{claims[claim]}" for key, claim in CONCERNED if claims.get(claim))


def may_know(client: Client, claims: Mapping[str, Any]) -> bool:
    """Whether a token is the client's own, or is meant for what the client stands for, in an organization it serves."""
    if claims.get("client_id") == client.id:
        return True
    audience = claims.get("aud")
    meant = set(audience) if isinstance(audience, list) else {audience}
    return bool(meant & set(client.audiences)) and client.serves(str(claims.get("org", "")))


def _check_owner(client: Client, owner: str) -> None:
    if owner != client.id:
        raise invalid_grant("The token was not issued to this client.")
