"""The secrets of clients: made here, shown once, several while one takes the place of another."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.audit import AuditEntry
from services.auth.domain.errors import ClientPublic, ClientUnknown, SecretsFull
from services.auth.domain.oauth.clients import BASIC, POST
from services.auth.domain.sessions import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.auth.domain.accounts import Granter
    from services.auth.domain.audit import Audit
    from services.auth.domain.oauth.registering import Registering

MOST = 5
"""Secrets that a client may have at once."""

_SECRET_BYTES = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientSecret:
    """What may be known of a secret."""

    id: str
    """Its id."""
    created: datetime
    """When it was made."""
    expires: datetime | None = None
    """Until when it is good, or None for ever."""


class SecretStore(Protocol):
    """Keeps the digests of secrets."""

    async def list_secrets(self, organization: str, client: str) -> Sequence[ClientSecret]:
        """Return what is known of a client's secrets, the oldest first."""

    async def add_secret(self, organization: str, client: str, secret: ClientSecret, digest: bytes) -> None:
        """Keep the digest of a secret."""

    async def remove_secret(self, organization: str, client: str, secret: str = "") -> bool:
        """Forget a secret, or all of them; return whether there was one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientSecrets:
    """Gives clients their secrets."""

    kept: SecretStore
    """Where their digests are kept."""
    registering: Registering
    """Judges whether somebody may act as the client."""
    audit: Audit
    """Where it is written down who may act as the client."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Now, with its time zone."""

    async def add(self, granter: Granter, client: str, expires: datetime | None) -> tuple[ClientSecret, str]:
        """Make a secret, and return it with its text, which nobody can show again.

        Raises:
            ClientUnknown: there is no such client.
            ClientPublic: it needs none.
            SecretsFull: it has enough.
            GrantExceedsOwn: whoever has it could do more than the granter.
        """
        async with self.registering.changing(granter, client) as found:
            if found is None:
                raise ClientUnknown(client)
            if found.authentication not in {BASIC, POST}:
                raise ClientPublic(client, found.authentication)
            now = self.clock()
            living = await self.kept.list_secrets(granter.organization, client)
            if len([one for one in living if one.expires is None or one.expires > now]) >= MOST:
                raise SecretsFull(client, MOST)
            secret = ClientSecret(id=secrets.token_hex(8), created=now, expires=expires)
            text = secrets.token_urlsafe(_SECRET_BYTES)
            await self.kept.add_secret(granter.organization, client, secret, digest_of(text))
            await self._note("client.secret_added", granter, client, secret.id)
            return secret, text

    async def list(self, granter: Granter, client: str) -> Sequence[ClientSecret]:
        """Return what may be known of a client's secrets. Raises `ClientUnknown`."""
        if await self.registering.clients.find_own(granter.organization, client) is None:
            raise ClientUnknown(client)
        return await self.kept.list_secrets(granter.organization, client)

    async def remove(self, granter: Granter, client: str, secret: str) -> None:
        """Forget a secret. Raises `ClientUnknown` where there is no such client or secret."""
        async with self.registering.changing(granter, client):
            if not secret or not await self.kept.remove_secret(granter.organization, client, secret):
                raise ClientUnknown(client)
            await self._note("client.secret_removed", granter, client, secret)

    async def _note(self, kind: str, granter: Granter, client: str, secret: str) -> None:
        organization, detail = granter.organization, {"secret": secret}
        entry = AuditEntry(kind=kind, organization=organization, actor=granter.subject, subject=client, detail=detail)
        await self.audit.record(entry)
