"""Reads clients out of the table of their records, with their secrets, and keeps the secrets."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from services.auth.domain.oauth.client_secrets import ClientSecret
from services.auth.domain.oauth.clients import BASIC, NAME, Client
from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import asyncpg

    from services.chassis.postgres import Executor

_CLIENT = f"""
SELECT c.*, ARRAY(SELECT s.digest FROM {SCHEMA}.client_secrets s
                  WHERE s.organization = c.organization AND s.client = c.name
                    AND (s.expire_time IS NULL OR s.expire_time > now())) AS secrets
FROM {SCHEMA}.clients c WHERE c.name = $1
"""
_FIND = f"{_CLIENT} AND NOT c.disabled"
_FIND_OWN = f"{_CLIENT} AND c.organization = $2"
_LIST = f"""
SELECT id, create_time, expire_time FROM {SCHEMA}.client_secrets
WHERE organization = $1 AND client = $2 ORDER BY create_time, id
"""
_ADD = f"""
INSERT INTO {SCHEMA}.client_secrets (organization, client, id, digest, create_time, expire_time)
VALUES ($1, $2, $3, $4, $5, $6)
"""
_REMOVE = f"""
DELETE FROM {SCHEMA}.client_secrets WHERE organization = $1 AND client = $2 AND ($3 = '' OR id = $3) RETURNING id
"""
_LONGEST_ID = 64


class SqlClients:
    """Clients and their secrets (ports `Clients`, `RegisteredClients` and `ClientSecrets`)."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor

    async def find(self, client_id: str) -> Client | None:
        """Return the client that may be used, of whatever organization: the server names them, none twice."""
        if len(client_id) > _LONGEST_ID or not client_id.isprintable():
            return None
        rows = await self._executor.fetch(_FIND, [NAME + client_id], repeatable=True)
        return _client(rows[0]) if len(rows) == 1 else None

    async def find_own(self, organization: str, name: str) -> Client | None:
        """Return a client of an organization, disabled or not."""
        rows = await self._executor.fetch(_FIND_OWN, [name, organization], repeatable=True)
        return _client(rows[0]) if rows else None

    async def list_secrets(self, organization: str, client: str) -> Sequence[ClientSecret]:
        """Return what is known of a client's secrets, the oldest first."""
        rows = await self._executor.fetch(_LIST, [organization, client], repeatable=True)
        return [ClientSecret(id=row["id"], created=row["create_time"], expires=row["expire_time"]) for row in rows]

    async def add_secret(self, organization: str, client: str, secret: ClientSecret, digest: bytes) -> None:
        """Keep the digest of a secret."""
        values = [organization, client, secret.id, digest, secret.created, secret.expires]
        await self._executor.fetch(_ADD, values)

    async def remove_secret(self, organization: str, client: str, secret: str = "") -> bool:
        """Forget a secret, or all of them; return whether there was one."""
        return bool(await self._executor.fetch(_REMOVE, [organization, client, secret]))


class RememberedClients:
    """Remembers clients for a moment (port `Clients`), so that most requests cost no look-up.

    Nobody need be told of a change: within the period everybody knows it, in all processes.
    """

    def __init__(
        self,
        kept: SqlClients,
        *,
        period: float = 1.0,
        capacity: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take where clients are kept, and for how many seconds what was read holds."""
        self._kept = kept
        self._period = period
        self._capacity = capacity
        self._clock = clock
        self._known: dict[str, tuple[float, Client]] = {}

    async def find(self, client_id: str) -> Client | None:
        """Return the client that may be used. One that is not there is looked for each time."""
        known = self._known.get(client_id)
        # Read before the question goes out: what is then found is at least as new as this.
        now = self._clock()
        if known is not None and now - known[0] < self._period:
            return known[1]
        client = await self._kept.find(client_id)
        self._known.pop(client_id, None)
        if client is not None:
            while len(self._known) >= self._capacity:
                del self._known[next(iter(self._known))]
            self._known[client_id] = (now, client)
        return client


def _client(row: asyncpg.Record) -> Client:
    return Client(
        id=row["name"].removeprefix(NAME),
        organization=row["organization"],
        display_name=row["display_name"],
        uri=row["client_uri"],
        redirect_uris=tuple(row["redirect_uris"]),
        post_logout_redirect_uris=tuple(row["post_logout_redirect_uris"]),
        grant_types=frozenset(row["grant_types"]),
        authentication=row["token_endpoint_auth_method"] or BASIC,
        keys=row["jwks"],
        keys_uri=row["jwks_uri"],
        certificate_uri=row["tls_client_auth_san_uri"],
        scopes=tuple(row["scopes"]),
        audiences=tuple(row["audiences"]),
        first_party=row["first_party"],
        impersonates=row["impersonates"],
        any_organization=row["any_organization"],
        service_account=row["service_account"],
        id_token_algorithm=row["id_token_signed_response_alg"] or "RS256",
        userinfo_algorithm=row["userinfo_signed_response_alg"],
        require_pushed=row["require_pushed_authorization_requests"],
        bound_tokens=row["dpop_bound_access_tokens"],
        backchannel_logout_uri=row["backchannel_logout_uri"],
        disabled=row["disabled"],
        secrets=tuple(row["secrets"]),
    )
