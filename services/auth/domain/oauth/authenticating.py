"""How a client proves who it is (RFC 6749 §2.3): a registry, by the method that it is registered for."""

from __future__ import annotations

import base64
import hmac
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.audit import AuditEntry
from services.auth.domain.oauth.clients import BASIC, NO_AUTHENTICATION, POST
from services.auth.domain.oauth.refusals import invalid_client
from services.auth.domain.sessions import Origin, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.auth.domain.audit import Audit
    from services.auth.domain.oauth.clients import Client, Clients

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
"""The one `client_assertion_type` (RFC 7523 §2.2)."""

_FOLDED_FOR = 60.0
_MOST_ALIKE = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Presented:
    """What came with a request to say which client makes it."""

    method: str
    """How: `none`, `client_secret_basic`, `client_secret_post` or `private_key_jwt`."""
    client_id: str = ""
    """Which client it says it is; an assertion says it by its `sub`."""
    secret: str = field(default="", repr=False)
    """The secret, or empty."""
    assertion: str = field(default="", repr=False)
    """The `client_assertion`, or empty."""
    certificate: str = ""
    """The SPIFFE id that a certificate has proven at the other end of the connection, or empty."""
    endpoint: str = ""
    """The path of the endpoint, such as `/oauth2/token`."""
    origin: Origin = field(default_factory=Origin)
    """Where it came from."""


class Authenticator(Protocol):
    """Judges what was presented, for clients that are registered for its method."""

    async def proves(self, client: Client, presented: Presented) -> bool:
        """Whether it proves that it is this client."""


class NoAuthenticator:
    """Believes a client that can keep no secret (method `none`): its codes are bound by PKCE."""

    async def proves(self, client: Client, presented: Presented) -> bool:
        """Whether no secret was presented, which such a client has none of."""
        return client.is_public and presented.method == NO_AUTHENTICATION


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretAuthenticator:
    """Compares a secret with those that are kept, of which several may be good while they are exchanged."""

    method: str
    """The method: `client_secret_basic` or `client_secret_post`."""

    async def proves(self, client: Client, presented: Presented) -> bool:
        """Whether the secret is one of the client's. It is random enough for a plain SHA-256 (ASVS 5.0 6.5.2)."""
        if presented.method != self.method or not presented.secret:
            return False
        digest = digest_of(presented.secret)
        return sum(hmac.compare_digest(digest, known) for known in client.secrets) > 0


BY_SECRET: Mapping[str, Authenticator] = {
    NO_AUTHENTICATION: NoAuthenticator(),
    BASIC: SecretAuthenticator(method=BASIC),
    POST: SecretAuthenticator(method=POST),
}
"""The authenticators that need nothing but the client."""


@dataclass(slots=True)
class Refusals:
    """Folds refusals that are alike, so that whoever guesses in a loop does not fill the audit trail."""

    clock: Callable[[], float] = time.monotonic
    """Seconds."""
    _since: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict, init=False)

    def fold(self, presented: Presented, client: str) -> int:
        """Return how many are to be written down as one: all of a minute but the first wait for the next."""
        alike, now = (client, presented.origin.address), self.clock()
        began, waiting = self._since.get(alike, (now - _FOLDED_FOR, 0))
        if now - began < _FOLDED_FOR:
            self._since[alike] = (began, waiting + 1)
            return 0
        while len(self._since) >= _MOST_ALIKE:
            del self._since[next(iter(self._since))]
        self._since[alike] = (now, 0)
        return waiting + 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Authentication:
    """Finds the client that makes a request."""

    clients: Clients
    """Finds clients."""
    authenticators: Mapping[str, Authenticator]
    """What judges, by the method that a client is registered for."""
    audit: Audit
    """Where it is written down who has tried to be somebody else."""
    refusals: Refusals = field(default_factory=Refusals)
    """Bounds how much of it is."""

    async def authenticate(self, presented: Presented, *, public: bool = True) -> Client:
        """Return the client, which may be one without a secret only where `public`.

        Raises:
            OAuthError: `invalid_client`; nobody is told why.
        """
        client_id = presented.client_id or claimed_subject(presented.assertion)
        client = await self.clients.find(client_id) if client_id else None
        if client is None:
            raise invalid_client()
        authenticator = self.authenticators.get(client.authentication)
        allowed = public or not client.is_public
        if not allowed or authenticator is None or not await authenticator.proves(client, presented):
            await self._note(client, presented)
            raise invalid_client()
        return client

    async def _note(self, client: Client, presented: Presented) -> None:
        if not (times := self.refusals.fold(presented, client.id)):
            return
        entry = AuditEntry(
            kind="client.refused",
            outcome="failure",
            organization=client.organization,
            subject=client.name,
            client=client.id,
            address=presented.origin.address,
            agent=presented.origin.agent,
            factor=presented.method,
            detail={"endpoint": presented.endpoint, **({"times": str(times)} if times > 1 else {})},
        )
        await self.audit.record(entry)


def claimed_subject(assertion: str) -> str:
    """Return `sub` of an assertion that nobody has verified yet, to find the client whose keys verify it."""
    part = assertion.split(".")[1] if assertion.count(".") == 2 else ""  # noqa: PLR2004 - header, payload, signature
    try:
        payload = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return ""
    subject = payload.get("sub") if isinstance(payload, dict) else None
    return subject if isinstance(subject, str) else ""
