"""Keeps clients that have registered themselves, as records like all others."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from tenon.auth.v1 import client_pb2

from services.auth.domain.oauth.clients import BASIC, NAME
from services.auth.domain.oauth.metadata import Metadata
from services.auth.domain.oauth.self_registration import Registration
from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    import asyncpg

    from services.auth.domain.oauth.self_registration import Registrar
    from services.auth.storage.keeping import RecordKeeper
    from services.chassis.postgres import Executor

_FIND = f"""
SELECT c.* FROM {SCHEMA}.clients c JOIN {SCHEMA}.registration_tokens t
ON t.organization = c.organization AND t.client = c.name
WHERE c.name = $1 AND t.digest = $2 AND NOT c.disabled
"""
_KEEP = f"""
INSERT INTO {SCHEMA}.registration_tokens (organization, client, digest) VALUES ($1, $2, $3)
ON CONFLICT (organization, client) DO UPDATE SET digest = excluded.digest
"""
_REMOVE = f"DELETE FROM {SCHEMA}.registration_tokens WHERE organization = $1 AND client = $2"
_SAID = (
    *("display_name", "client_uri", "redirect_uris", "post_logout_redirect_uris", "grant_types", "scopes", "contacts"),
    *("token_endpoint_auth_method", "jwks", "jwks_uri", "id_token_signed_response_alg", "backchannel_logout_uri"),
    *("userinfo_signed_response_alg", "require_pushed_authorization_requests", "dpop_bound_access_tokens"),
)
"""What a client says of itself; all else is others' to say."""
_LONGEST_ID = 64


class RecordRegistrations:
    """Registrations (port `RegistrationStore`)."""

    def __init__(self, keeper: RecordKeeper, executor: Executor) -> None:
        """Take what makes records, and what runs statements."""
        self._keeper = keeper
        self._executor = executor

    async def create(self, registrar: Registrar, metadata: Metadata) -> Registration:
        """Keep a new client."""
        made = _record(metadata)
        await self._keeper.session(registrar.organization, registrar.subject).create(made)
        return Registration(
            client=made.name.removeprefix(NAME),
            organization=registrar.organization,
            metadata=metadata,
            created=made.create_time.ToDatetime(tzinfo=UTC),
        )

    async def find(self, client: str, digest: bytes) -> Registration | None:
        """Return the client that may be used and changes itself by that token."""
        if len(client) > _LONGEST_ID or not client.isprintable():
            return None
        rows = await self._executor.fetch(_FIND, [NAME + client, digest], repeatable=True)
        return _registration(rows[0]) if rows else None

    async def replace(self, registration: Registration, metadata: Metadata) -> None:
        """Keep what a client says of itself now."""
        changed = _record(metadata)
        changed.name = NAME + registration.client
        await self._keeper.session(registration.organization, changed.name).update(changed, paths=list(_SAID))

    async def remove(self, registration: Registration) -> None:
        """Forget a client."""
        name = NAME + registration.client
        await self._keeper.session(registration.organization, name).delete(client_pb2.Client, name)
        await self._executor.fetch(_REMOVE, [registration.organization, name])

    async def keep_token(self, registration: Registration, digest: bytes) -> None:
        """Keep the digest of the token that a client changes itself by."""
        await self._executor.fetch(_KEEP, [registration.organization, NAME + registration.client, digest])


def _record(metadata: Metadata) -> client_pb2.Client:
    return client_pb2.Client(
        display_name=metadata.client_name,
        client_uri=metadata.client_uri,
        redirect_uris=metadata.redirect_uris,
        post_logout_redirect_uris=metadata.post_logout_redirect_uris,
        grant_types=metadata.grant_types,
        scopes=metadata.scope,
        contacts=metadata.contacts,
        token_endpoint_auth_method=metadata.token_endpoint_auth_method,
        jwks=metadata.jwks,
        jwks_uri=metadata.jwks_uri,
        id_token_signed_response_alg=metadata.id_token_signed_response_alg,
        userinfo_signed_response_alg=metadata.userinfo_signed_response_alg,
        require_pushed_authorization_requests=metadata.require_pushed_authorization_requests,
        dpop_bound_access_tokens=metadata.dpop_bound_access_tokens,
        backchannel_logout_uri=metadata.backchannel_logout_uri,
    )


def _registration(row: asyncpg.Record) -> Registration:
    metadata = Metadata(
        client_name=row["display_name"],
        client_uri=row["client_uri"],
        redirect_uris=tuple(row["redirect_uris"]),
        post_logout_redirect_uris=tuple(row["post_logout_redirect_uris"]),
        grant_types=tuple(row["grant_types"]),
        scope=tuple(row["scopes"]),
        contacts=tuple(row["contacts"]),
        token_endpoint_auth_method=row["token_endpoint_auth_method"] or BASIC,
        jwks=row["jwks"],
        jwks_uri=row["jwks_uri"],
        id_token_signed_response_alg=row["id_token_signed_response_alg"] or "RS256",
        userinfo_signed_response_alg=row["userinfo_signed_response_alg"],
        require_pushed_authorization_requests=row["require_pushed_authorization_requests"],
        dpop_bound_access_tokens=row["dpop_bound_access_tokens"],
        backchannel_logout_uri=row["backchannel_logout_uri"],
    )
    return Registration(
        client=row["name"].removeprefix(NAME),
        organization=row["organization"],
        metadata=metadata,
        created=row["create_time"],
    )
