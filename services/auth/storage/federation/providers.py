"""Reads providers out of the table of their records, and keeps, sealed, what we prove ourselves to them by."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from services.auth.domain.federation.providers import BASIC, Kind, Provider
from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg

    from services.chassis.keyring import Sealer
    from services.chassis.postgres import Executor

_FIND = f"SELECT * FROM {SCHEMA}.identity_providers WHERE name = $1 AND NOT disabled"
_FIND_OWN = f"SELECT * FROM {SCHEMA}.identity_providers WHERE organization = $1 AND name = $2"
_LIST = f"""
SELECT * FROM {SCHEMA}.identity_providers WHERE organization = $1 AND NOT disabled ORDER BY display_name, name LIMIT 20
"""
_SET_SECRET = f"""
INSERT INTO {SCHEMA}.provider_secrets (organization, provider, client_secret) VALUES ($1, $2, $3)
ON CONFLICT (organization, provider) DO UPDATE SET client_secret = excluded.client_secret
"""
_FIND_SECRETS = f"""
SELECT client_secret, request_key, request_certificate FROM {SCHEMA}.provider_secrets
WHERE organization = $1 AND provider = $2
"""
# Of two that make a key at once both take the one that was kept first: the provider has to know it.
_SET_KEY = f"""
INSERT INTO {SCHEMA}.provider_secrets AS s (organization, provider, request_key, request_certificate)
VALUES ($1, $2, $3, $4)
ON CONFLICT (organization, provider) DO UPDATE SET request_key = coalesce(s.request_key, excluded.request_key),
    request_certificate =
        CASE WHEN s.request_key IS NULL THEN excluded.request_certificate ELSE s.request_certificate END
RETURNING request_key, request_certificate
"""
_REMOVE = f"DELETE FROM {SCHEMA}.provider_secrets WHERE organization = $1 AND provider = $2"
_LONGEST_NAME = 100
_KINDS = {1: Kind.OIDC, 2: Kind.SAML}  # the numbers of `IdentityProvider.Kind`


class SqlProviders:
    """Providers (port `Providers`)."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor

    async def find(self, name: str) -> Provider | None:
        """Return a provider that is not disabled, of whatever organization."""
        if len(name) > _LONGEST_NAME or not name.isprintable():
            return None
        rows = await self._executor.fetch(_FIND, [name], repeatable=True)
        return _provider(rows[0]) if len(rows) == 1 else None

    async def find_own(self, organization: str, name: str) -> Provider | None:
        """Return a provider of an organization, disabled or not."""
        rows = await self._executor.fetch(_FIND_OWN, [organization, name.replace("\0", "�")], repeatable=True)
        return _provider(rows[0]) if rows else None

    async def list_of(self, organization: str) -> Sequence[Provider]:
        """Return an organization's providers that are not disabled."""
        rows = await self._executor.fetch(_LIST, [organization.replace("\0", "�")], repeatable=True)
        return [_provider(row) for row in rows]


class SqlProviderSecrets:
    """Secrets and keys (ports `ProviderSecrets` and `RequestKeys`)."""

    def __init__(self, executor: Executor, sealer: Sealer) -> None:
        """Take what runs statements, and what seals."""
        self._executor = executor
        self._sealer = sealer

    async def set_secret(self, organization: str, provider: str, secret: str) -> None:
        """Keep a client secret in place of the one before."""
        sealed = self._sealer.seal(secret.encode(), _context(organization, provider, "secret"))
        await self._executor.fetch(_SET_SECRET, [organization, provider, sealed])

    async def find_secret(self, organization: str, provider: str) -> str:
        """Return the client secret, or nothing."""
        rows = await self._executor.fetch(_FIND_SECRETS, [organization, provider], repeatable=True)
        if not rows or rows[0]["client_secret"] is None:
            return ""
        return self._sealer.open(rows[0]["client_secret"], _context(organization, provider, "secret")).decode()

    async def find_key(self, organization: str, provider: str) -> tuple[bytes, str] | None:
        """Return the key that requests are signed with, PKCS #8, and its certificate, PEM."""
        rows = await self._executor.fetch(_FIND_SECRETS, [organization, provider], repeatable=True)
        return self._key(organization, provider, rows[0]) if rows and rows[0]["request_key"] is not None else None

    async def keep_key(self, organization: str, provider: str, key: bytes, certificate: str) -> tuple[bytes, str]:
        """Keep a key where there is none, and return the one that there is."""
        sealed = self._sealer.seal(key, _context(organization, provider, "key"))
        rows = await self._executor.fetch(_SET_KEY, [organization, provider, sealed, certificate])
        return self._key(organization, provider, rows[0])

    async def remove(self, organization: str, provider: str) -> None:
        """Forget all that is kept for a provider."""
        await self._executor.fetch(_REMOVE, [organization, provider])

    def _key(self, organization: str, provider: str, row: asyncpg.Record) -> tuple[bytes, str]:
        opened = self._sealer.open(row["request_key"], _context(organization, provider, "key"))
        return opened, row["request_certificate"]


def _context(*parts: str) -> bytes:
    return "\0".join(parts).encode()


def _provider(row: asyncpg.Record) -> Provider:
    return Provider(
        organization=row["organization"],
        name=row["name"],
        display_name=row["display_name"],
        kind=_KINDS[row["kind"]],
        disabled=row["disabled"],
        issuer=row["issuer"],
        client_id=row["client_id"],
        scopes=tuple(row["scopes"]),
        authentication=row["token_endpoint_auth_method"] or BASIC,
        sign_in_url=row["sign_in_url"],
        certificates=tuple(row["certificates"]),
        sign_requests=row["sign_requests"],
        name_id_format=row["name_id_format"],
        claims=_map(row["claims"]),
        levels=_map(row["levels"]),
        email_domains=tuple(row["email_domains"]),
        trusts_email=row["trust_email"],
        provisions=row["provisioning"],
        default_roles=tuple(row["default_roles"]),
        sends_login_hint=row["send_login_hint"],
    )


def _map(value: str | Mapping[str, str] | None) -> dict[str, str]:
    return dict(json.loads(value)) if isinstance(value, str) else dict(value or {})
