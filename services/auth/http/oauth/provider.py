"""What the endpoints are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from services.auth.domain.oauth.authenticating import Authentication
    from services.auth.domain.oauth.claims import People
    from services.auth.domain.oauth.clients import Clients
    from services.auth.domain.oauth.codes import Codes
    from services.auth.domain.oauth.flows import Flows
    from services.auth.domain.oauth.granting import Desk
    from services.auth.domain.oauth.id_tokens import Signer
    from services.auth.domain.oauth.introspecting import Introspection, Reading, Revoking
    from services.auth.domain.sessions import Sessions
    from services.auth.http.cookies import Cookie


class Holding(Protocol):
    """Says which key the sender of a request holds (RFC 9449 §4)."""

    async def prove(self, request: Request, *, token: str = "") -> str:
        """Return the thumbprint of the key that the request proves, for an access token if one is given.

        Returns nothing where no proof was sent. Raises `OAuthError` where it is wrong.
        """


class NoHolding:
    """Takes no proofs (port `Holding`)."""

    async def prove(self, request: Request, *, token: str = "") -> str:
        """Return nothing."""
        del request, token
        return ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """The parts of the domain that endpoints call."""

    issuer: str
    """The URL that everything is below, and `iss`."""
    audience: str
    """The usual audience of access tokens."""
    clients: Clients
    """Finds clients."""
    authentication: Authentication
    """Finds the client that makes a request."""
    desk: Desk
    """Grants tokens."""
    flows: Flows
    """Leads authorizations to their end."""
    codes: Codes
    """Knows which claims were asked for by name."""
    sessions: Sessions
    """Finds the session of a browser."""
    cookie: Cookie
    """The cookie that says who is signed in."""
    reading: Reading
    """Reads access tokens."""
    introspection: Introspection
    """Says whether tokens are good."""
    revoking: Revoking
    """Ends tokens."""
    people: People
    """Says what is known of people."""
    signer: Signer
    """Signs what is told to clients."""
    holding: Holding = field(default_factory=NoHolding)
    """Says which key the sender of a request holds."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What further endpoints add to the metadata."""
