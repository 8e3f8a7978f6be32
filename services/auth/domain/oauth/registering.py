"""Which clients may be registered, and by whom: nobody gains by a client what they do not hold."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.accounts import DEFAULT_ORGANIZATION, SYSTEM_ORGANIZATION, find_held
from services.auth.domain.errors import ClientInvalid, GrantExceedsOwn
from services.auth.domain.oauth.clients import (
    AUTHORIZATION_CODE,
    CERTIFICATE,
    CLIENT_CREDENTIALS,
    PRIVATE_KEY,
    TOKEN_EXCHANGE,
    find_problems,
)
from services.auth.domain.permissions import EVERYTHING, find_excess
from services.auth.domain.revocations import Revocation, of_client
from services.auth.domain.scopes import EVERYTHING_HELD, is_known

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from services.auth.domain.accounts import Changes, Directory, Granter
    from services.auth.domain.oauth.client_secrets import SecretStore
    from services.auth.domain.oauth.clients import Client
    from services.auth.domain.revocations import Revocations

_REMEMBERED = timedelta(seconds=2)
"""How long a process may go on with a client as it was."""


class RegisteredClients(Protocol):
    """Reads clients. Within `Changes.open` it sees what was written there."""

    async def find_own(self, organization: str, name: str) -> Client | None:
        """Return a client of an organization, disabled or not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Registering:
    """Guards changes of clients, as `Grants` guards those of users."""

    clients: RegisteredClients
    """Reads clients."""
    secrets: SecretStore
    """Where the secrets of a client that is gone are removed."""
    directory: Directory
    """Says what a service account holds."""
    revocations: Revocations
    """Takes back the tokens of a client that is gone or disabled."""
    changes: Changes
    """Makes the looking and the change one transaction."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Now, with its time zone."""

    @asynccontextmanager
    async def creating(self, granter: Granter, client: Client) -> AsyncIterator[None]:
        """Guard the registration of a client. Raises `GrantExceedsOwn`, `ClientInvalid`."""
        async with self.changes.open(granter.organization):
            await self._check(granter, client)
            yield

    @asynccontextmanager
    async def changing(self, granter: Granter, name: str) -> AsyncIterator[Client | None]:
        """Guard a change or the deletion of a client, which is given to look at.

        Raises:
            GrantExceedsOwn: by the client, as it is or would be, the granter could do what they may not.
            ClientInvalid: it would be registered for what cannot be.
        """
        organization = granter.organization
        async with self.changes.open(organization):
            before = await self.clients.find_own(organization, name)
            if before is not None:
                await self._check_held(granter, before)
            yield before
            after = await self.clients.find_own(organization, name)
            if after is not None:
                await self._check(granter, after)
            if before is not None:
                await self._end(before, after)

    async def _end(self, before: Client, after: Client | None) -> None:
        until = of_client(before.id, self.clock() + _REMEMBERED)
        if after is None:
            await self.secrets.remove_secret(before.organization, before.name)
            await self.revocations.revoke([Revocation(key=until.key)])
        elif after.disabled and not before.disabled:
            await self.revocations.revoke([until])

    async def _check(self, granter: Granter, client: Client) -> None:
        if problems := _problems_of(client):
            raise ClientInvalid(problems)
        await self._check_held(granter, client)

    async def _check_held(self, granter: Granter, client: Client) -> None:
        """Refuse who could act by the client as somebody who holds more than they do.

        Of a first-party client nobody is asked for consent, so whoever says where its answers go is whoever uses it.
        """
        powerful = client.first_party or client.any_organization or client.impersonates
        wanted = {EVERYTHING} if powerful else set()
        if client.service_account:
            account = await self.directory.find_by_name(granter.organization, client.service_account)
            wanted |= account.permissions if account else set()
        if wanted and (excess := find_excess(wanted, await find_held(self.directory, granter))):
            raise GrantExceedsOwn(excess)


def _problems_of(client: Client) -> dict[str, str]:
    """Return what is wrong with a client, by the path of the field."""
    problems = {f"client.redirect_uris[{n}]": p for n, p in find_problems(client.redirect_uris).items()}
    uris = client.post_logout_redirect_uris
    problems |= {f"client.post_logout_redirect_uris[{n}]": p for n, p in find_problems(uris).items()}
    unknown = {n: scope for n, scope in enumerate(client.scopes) if not is_known(scope)}
    problems |= {f"client.scopes[{n}]": "is neither a scope nor a permission" for n in unknown}
    if AUTHORIZATION_CODE in client.grant_types and not client.redirect_uris:
        problems["client.redirect_uris"] = "is empty, so that no code could be sent"
    if CLIENT_CREDENTIALS in client.grant_types and client.is_public:
        problems["client.grant_types"] = "has client_credentials, for which a client has to prove who it is"
    if TOKEN_EXCHANGE in client.grant_types and client.is_public:
        problems["client.grant_types"] = f"has {TOKEN_EXCHANGE}, for which a client has to prove who it is"
    if EVERYTHING_HELD in client.scopes and not client.first_party:
        problems["client.scopes"] = f"has {EVERYTHING_HELD}, which is for first-party clients"
    problems |= _find_key_problems(client)
    if client.any_organization and client.organization not in {DEFAULT_ORGANIZATION, SYSTEM_ORGANIZATION}:
        problems["client.any_organization"] = f"is for clients of the organization {DEFAULT_ORGANIZATION} alone"
    return problems


def _find_key_problems(client: Client) -> dict[str, str]:
    """Return what is wrong with what a client proves itself by, by the path of the field."""
    if client.authentication == CERTIFICATE and not client.certificate_uri:
        return {"client.tls_client_auth_san_uri": f"is empty, which {CERTIFICATE} needs"}
    if client.authentication == PRIVATE_KEY and not client.keys and not client.keys_uri:
        return {"client.jwks": f"is empty, and jwks_uri too, of which {PRIVATE_KEY} needs one"}
    if not client.keys:
        return {}
    if client.keys_uri:
        return {"client.jwks_uri": "is there beside jwks, and one of them is enough"}
    return {} if _are_public_keys(client.keys) else {"client.jwks": "is no set of public keys (RFC 7517)"}


def _are_public_keys(document: str) -> bool:
    try:
        members = json.loads(document)
    except (ValueError, RecursionError):
        return False
    keys = members.get("keys") if isinstance(members, dict) else None
    if not isinstance(keys, list) or not keys:
        return False
    return all(isinstance(key, dict) and key.get("kty") in {"EC", "RSA", "OKP"} and "d" not in key for key in keys)
