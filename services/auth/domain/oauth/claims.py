"""What a client is told of a person: by scopes, and claim by claim (OIDC Core §5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from services.auth.domain.scopes import EMAIL, PHONE, PROFILE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

BY_SCOPE: Mapping[str, tuple[str, ...]] = {
    PROFILE: (
        "name",
        "family_name",
        "given_name",
        "preferred_username",
        "picture",
        "zoneinfo",
        "locale",
        "updated_at",
    ),
    EMAIL: ("email", "email_verified"),
    PHONE: ("phone_number", "phone_number_verified"),
}
"""The claims that each scope gives (OIDC Core §5.4), as far as they are known of people: nobody has an address."""

CLAIMS = tuple(claim for claims in BY_SCOPE.values() for claim in claims)
"""All claims of people."""


SCOPE_OF: Mapping[str, str] = {claim: scope for scope, claims in BY_SCOPE.items() for claim in claims}
"""The scope that gives a claim, which people agree to where the claim is asked for by name."""


class People(Protocol):
    """Says what is known of people."""

    async def find_claims(self, user: str) -> Mapping[str, Any] | None:
        """Return the claims of a person that somebody has given; None where nobody of that name may sign in."""


def userinfo_claims(known: Mapping[str, Any], scopes: Collection[str], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the claims for the UserInfo endpoint: those of the scopes, and those that were asked for by name."""
    wanted = {claim for scope in scopes for claim in BY_SCOPE.get(scope, ())}
    return {claim: known[claim] for claim in CLAIMS if claim in known and (claim in wanted or claim in asked)}


def id_token_claims(known: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the claims for an id token: those that were asked for by name (OIDC Core §5.4, §5.5)."""
    return {claim: known[claim] for claim in CLAIMS if claim in known and claim in asked}


def asked_for(claims: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    """Return what the parameter `claims` asks for at `id_token` or `userinfo`."""
    found = claims.get(place)
    return found if isinstance(found, dict) else {}
