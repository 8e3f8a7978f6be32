"""What an access token says, and the port behind which it is signed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.accounts import DEFAULT_ORGANIZATION, home_of, normalize_email
from services.auth.domain.errors import OrganizationUnknown, UserDisabled, UserUnknown
from services.auth.domain.organizations import is_closed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from services.auth.domain.accounts import Account, Directory
    from services.auth.domain.authentication import Authentication
    from services.auth.domain.organizations import OrganizationStore

MAX_TOKEN = 4000
"""Bytes of the largest token: the edge remembers no token above 4 KiB, and a header has other parts too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """What a token is to say."""

    subject: str
    """`sub`: the user's name."""
    organization: str
    """`org`: the organization that the user acts in."""
    permissions: frozenset[str]
    """The granted patterns."""
    client: str
    """`client_id`: who asked for the token."""
    session: str = ""
    """`sid`: the session that it belongs to, or empty."""
    family: str = ""
    """`grant`: what the client was granted it by, or empty."""
    scope: str = ""
    """`scope`, separated by spaces."""
    audience: tuple[str, ...] = ()
    """`aud`; the usual audience where empty."""
    confirmation: str = ""
    """`cnf.jkt`: the thumbprint of the key that its holder has to prove (RFC 9449 §6.1), or empty."""
    authentication: Authentication | None = None
    """`auth_time`, `acr` and `amr`, where a person has proven who they are."""
    actor: Mapping[str, object] | None = None
    """`act`: who acts for the subject (RFC 8693 §4.1), or None."""
    valid_from: int = 0
    """The second before which `iat` must not be, since a revocation reaches that far."""
    lifetime: timedelta | None = None
    """How long it lives, where that is shorter than usual."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessToken:
    """A signed token."""

    text: str = field(repr=False)
    """The JWT (RFC 9068)."""
    expires: datetime
    """When it expires."""
    id: str = ""
    """`jti`."""
    key_id: str = ""
    """`kid` of the key that signed it."""


class Tokens(Protocol):
    """Signs access tokens."""

    async def issue(self, grant: Grant) -> AccessToken:
        """Return a signed token.

        Raises:
            TokenTooLarge: the permissions do not fit.
            SigningKeyMissing: no key signs yet.
        """


@dataclass(frozen=True, kw_only=True, slots=True)
class Minting:
    """Makes tokens for workloads that act for a user, who is not asked."""

    directory: Directory
    """Finds the user."""
    tokens: Tokens
    """Signs."""
    default_email: str = field(repr=False)
    """Address of the bootstrap administrator."""
    organizations: OrganizationStore | None = None
    """Says which organizations are open."""

    async def mint(self, *, email: str, organization: str, client: str) -> tuple[Account, str, AccessToken]:
        """Return the user, the organization that the token acts in, and the token.

        The bootstrap administrator, who is meant where no address is given, may act in any organization: so does a new
        one get its first users. Raises `UserUnknown`, `UserDisabled`, `OrganizationUnknown`, `TokenTooLarge`.
        """
        acts_in = organization or DEFAULT_ORGANIZATION
        lives_in = home_of(acts_in) if email else DEFAULT_ORGANIZATION
        account = await self.directory.find_by_email(lives_in, normalize_email(email or self.default_email))
        # Who has the bootstrap administrator's address elsewhere and is a member of `default` is somebody else.
        if account is None or (not email and account.acting_in):
            raise UserUnknown(lives_in)
        if self.organizations is not None and await is_closed(self.organizations, acts_in):
            raise OrganizationUnknown
        if account.disabled:
            raise UserDisabled(account.name)
        grant = Grant(
            subject=account.name,
            organization=acts_in,
            permissions=account.permissions,
            client=client,
            valid_from=account.valid_from,
        )
        return account, acts_in, await self.tokens.issue(grant)
