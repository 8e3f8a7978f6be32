"""How clients register themselves, and change what they have said (RFC 7591, RFC 7592)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.accounts import Granter
from services.auth.domain.audit import AuditEntry
from services.auth.domain.errors import ClientInvalid, GrantExceedsOwn
from services.auth.domain.oauth.client_secrets import ClientSecret
from services.auth.domain.oauth.clients import BASIC, NAME, POST
from services.auth.domain.oauth.metadata import invalid_metadata, read_metadata
from services.auth.domain.oauth.refusals import OAuthError
from services.auth.domain.sessions import Origin, digest_of
from services.chassis.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from typing import Any

    from services.auth.domain.audit import Audit
    from services.auth.domain.oauth.client_secrets import SecretStore
    from services.auth.domain.oauth.id_tokens import Signer
    from services.auth.domain.oauth.metadata import Metadata, Terms
    from services.auth.domain.oauth.registering import Registering

TOKEN_TYPE = "registration+jwt"  # noqa: S105 - a media type
"""The `typ` of a registration access token: it is no access token anywhere else."""

_LIFETIME = 10 * 365 * 86400


@dataclass(frozen=True, kw_only=True, slots=True)
class Registrar:
    """Who registers a client."""

    organization: str
    """The organization that the client is to belong to."""
    subject: str = ""
    """Name of the account whose token allows it; empty for the client itself."""
    origin: Origin = field(default_factory=Origin)
    """Where they are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Registration:
    """A client that has registered itself."""

    client: str
    """`client_id`."""
    organization: str
    """The organization that it belongs to."""
    metadata: Metadata
    """What it has said of itself."""
    created: datetime
    """When it was registered."""
    secret: str = field(default="", repr=False)
    """Its secret, where one was just made."""
    token: str = field(default="", repr=False)
    """By what it reads and changes itself."""


class RegistrationStore(Protocol):
    """Keeps clients, and the digests of what they change themselves by. It joins the transaction that is open."""

    async def create(self, registrar: Registrar, metadata: Metadata) -> Registration:
        """Keep a new client. Raises `InvalidArgument`."""

    async def find(self, client: str, digest: bytes) -> Registration | None:
        """Return the client that may be used and changes itself by that token."""

    async def replace(self, registration: Registration, metadata: Metadata) -> None:
        """Keep what a client says of itself now; what others have said of it stays. Raises `InvalidArgument`."""

    async def remove(self, registration: Registration) -> None:
        """Forget a client."""

    async def keep_token(self, registration: Registration, digest: bytes) -> None:
        """Keep the digest of the token that a client changes itself by."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SelfRegistration:
    """Registers clients."""

    kept: RegistrationStore
    """Where clients are kept."""
    secrets: SecretStore
    """Where the digests of their secrets are kept."""
    registering: Registering
    """Guards changes of clients."""
    signer: Signer
    """Signs registration access tokens."""
    audit: Audit
    """Where it is written down who has registered what."""
    issuer: str
    """`iss`, and what the address of a registration begins with."""
    clock: Callable[[], datetime]
    """Now, with its time zone."""

    def address_of(self, client: str) -> str:
        """Return where a client reads and changes itself."""
        return f"{self.issuer}/oauth2/register/{client}"

    async def register(self, registrar: Registrar, document: Mapping[str, Any], terms: Terms) -> Registration:
        """Register a client. Raises `OAuthError`."""
        metadata = read_metadata(document, terms)
        granter = Granter(organization=registrar.organization, subject=registrar.subject, held=frozenset())
        try:
            async with self.registering.creating(granter, metadata.client(registrar.organization)):
                made = await self.kept.create(registrar, metadata)
                secret = await self._add_secret(made, metadata)
                token = await self._sign(made.client)
                await self.kept.keep_token(made, digest_of(token))
                await self._note("client.registered", made, registrar.origin, registrar.subject)
        except InvalidArgument as error:
            raise _refused(error) from error
        return _with(made, metadata, secret, token)

    async def read(self, client: str, token: str) -> Registration:
        """Return what a client has said of itself. Raises `OAuthError`."""
        found = await self.kept.find(client, digest_of(token)) if token else None
        if found is None:
            headers = {"www-authenticate": 'Bearer error="invalid_token"'}
            raise OAuthError("invalid_token", "The token is not of this registration.", status=401, headers=headers)
        return _with(found, found.metadata, "", token)

    async def change(
        self, client: str, token: str, document: Mapping[str, Any], terms: Terms, origin: Origin
    ) -> Registration:
        """Replace what a client has said of itself (RFC 7592 §2.2). Raises `OAuthError`."""
        found = await self.read(client, token)
        if document.get("client_id") != client:
            raise invalid_metadata("The member client_id is missing, or another client's.")
        metadata = read_metadata(document, terms.widened(found.metadata))
        try:
            async with self.registering.changing(_granter(found), NAME + client):
                await self.kept.replace(found, metadata)
                secret = await self._exchange_secret(found, metadata)
                await self._note("client.changed", found, origin, NAME + client)
        except InvalidArgument as error:
            raise _refused(error) from error
        except GrantExceedsOwn as error:
            # Somebody has made more of it since, such as a client of our own.
            raise OAuthError("access_denied", "The client is others' to change by now.", status=403) from error
        return _with(found, metadata, secret, token)

    async def remove(self, client: str, token: str, origin: Origin) -> None:
        """Forget a client with all that it holds (RFC 7592 §2.3). Raises `OAuthError`."""
        found = await self.read(client, token)
        try:
            async with self.registering.changing(_granter(found), NAME + client):
                await self.kept.remove(found)
                await self._note("client.deleted", found, origin, NAME + client)
        except GrantExceedsOwn as error:
            raise OAuthError("access_denied", "The client is others' to remove by now.", status=403) from error

    async def _exchange_secret(self, found: Registration, metadata: Metadata) -> str:
        """Return a new secret where the client has come to need one; take away what it needs no more."""
        had, has = (_needs_secret(one) for one in (found.metadata, metadata))
        if had and not has:
            await self.secrets.remove_secret(found.organization, NAME + found.client)
        return await self._add_secret(found, metadata) if has and not had else ""

    async def _add_secret(self, made: Registration, metadata: Metadata) -> str:
        if not _needs_secret(metadata):
            return ""
        text = secrets.token_urlsafe(32)
        secret = ClientSecret(id=secrets.token_hex(8), created=self.clock())
        await self.secrets.add_secret(made.organization, NAME + made.client, secret, digest_of(text))
        return text

    async def _sign(self, client: str) -> str:
        """Return a registration access token.

        Whether it is good is told by its digest. It is a JWT of ours because a gateway may let nothing else through.
        """
        now = int(self.clock().timestamp())
        claims = {
            "iss": self.issuer,
            "sub": NAME + client,
            "aud": self.address_of(client),
            "iat": now,
            "exp": now + _LIFETIME,
            "jti": secrets.token_urlsafe(32),
        }
        return await self.signer.sign(claims, algorithm="ES256", kind=TOKEN_TYPE)

    async def _note(self, kind: str, registration: Registration, origin: Origin, actor: str) -> None:
        entry = AuditEntry(
            kind=kind,
            organization=registration.organization,
            actor=actor,
            subject=NAME + registration.client,
            client=registration.client,
            address=origin.address,
            agent=origin.agent,
        )
        await self.audit.record(entry)


def _with(registration: Registration, metadata: Metadata, secret: str, token: str) -> Registration:
    return Registration(
        client=registration.client,
        organization=registration.organization,
        metadata=metadata,
        created=registration.created,
        secret=secret,
        token=token,
    )


def _granter(found: Registration) -> Granter:
    """Return the client as somebody who changes itself: it holds nothing, and makes nothing of itself that does."""
    return Granter(organization=found.organization, subject=NAME + found.client, held=frozenset())


def _needs_secret(metadata: Metadata) -> bool:
    return metadata.token_endpoint_auth_method in {BASIC, POST}


def _refused(error: InvalidArgument) -> OAuthError:
    if isinstance(error, ClientInvalid) and any("redirect_uris" in one.field for one in error.violations):
        return OAuthError("invalid_redirect_uri", _ascii(error.message))
    return invalid_metadata(_ascii(error.message))


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode().replace('"', "'").replace("\\", "/")
