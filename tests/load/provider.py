"""What the bench of auth works on: clients, a service account, people with passwords, and what they have granted."""

from __future__ import annotations

import base64
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx

from services.auth.domain.sessions import digest_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.load.stack import Stack

PEOPLE = 8
"""People who sign in by passwords."""

LIFE = timedelta(hours=1)
"""How long what is granted lives: nothing of it outlives a bench that was killed by much."""

_FAMILY = """
INSERT INTO auth.refresh_sessions (id, session_id, organization, user_name, client, scope, auth_time, methods,
                                   expire_time)
VALUES ($1, $2, 'default', $3, $4, $5, $6, '{pwd}', $7)
"""
_SESSION = """
INSERT INTO auth.sessions (id, organization, user_name, auth_time, methods, address, agent, create_time, use_time,
                           expire_time)
VALUES ($1, 'default', $2, $3, '{pwd}', '127.0.0.1', 'bench', $3, $3, $4)
"""
_TOKEN = "INSERT INTO auth.refresh_tokens (digest, session_id, expire_time) VALUES ($1, $2, $3)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """A client of OAuth."""

    id: str
    """`client_id`."""
    basic: str = field(repr=False)
    """What it proves itself by."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Somebody who signs in."""

    name: str
    """The name of their record."""
    email: str
    """Their address."""
    password: str = field(repr=False)
    """Their password."""


@dataclass(kw_only=True)
class Provider:
    """Auth with what is measured on it."""

    stack: Stack
    """The stack."""
    http: httpx.AsyncClient = field(repr=False)
    """An administrator at the edge."""
    clients: dict[str, Client] = field(default_factory=dict)
    """Clients by the algorithm of their id tokens."""
    people: list[Person] = field(default_factory=list)
    """People."""
    made: list[str] = field(default_factory=list)
    """Names of what has to go again, the last made at the end."""

    async def grant_families(self, client: Client, scope: str, count: int) -> list[str]:
        """Return refresh tokens of families that a person has granted, as many sessions as there are tokens."""
        now, person = datetime.now(UTC), self.people[0].name
        tokens = [secrets.token_urlsafe(32) for _ in range(count)]
        ids = [(secrets.token_urlsafe(16), secrets.token_urlsafe(16)) for _ in tokens]
        connection = await self.stack.connect()
        try:
            await connection.executemany(_SESSION, [(session, person, now, now + LIFE) for session, _ in ids])
            families = [(family, session, person, client.id, scope, now, now + LIFE) for session, family in ids]
            await connection.executemany(_FAMILY, families)
            rows = [(digest_of(text), family, now + LIFE) for text, (_, family) in zip(tokens, ids, strict=True)]
            await connection.executemany(_TOKEN, rows)
        finally:
            await connection.close()
        return tokens

    async def grant_access(self, client: Client, count: int) -> list[str]:
        """Return as many access tokens of a client."""
        return [str((await self._ask(client, grant_type="client_credentials"))["access_token"]) for _ in range(count)]

    async def _ask(self, client: Client, **form: str) -> Any:
        answer = await self.http.post(
            "/oauth2/token", data=form, headers={"authorization": f"Basic {client.basic}"}, timeout=20
        )
        answer.raise_for_status()
        return answer.json()

    async def make(self, collection: str, **fields: Any) -> str:
        """Make a record and return its name."""
        answer = await self.http.post(f"/auth/v1/{collection}", json=fields)
        answer.raise_for_status()
        self.made.append(answer.json()["name"])
        return self.made[-1]

    async def call(self, path: str) -> Any:
        """Call a method of a record."""
        answer = await self.http.post(f"/auth/v1/{path}", json={})
        answer.raise_for_status()
        return answer.json()

    async def clean(self) -> None:
        """Delete what was made."""
        for name in reversed(self.made):
            await self.http.delete(f"/auth/v1/{name}")


@asynccontextmanager
async def open_provider(stack: Stack) -> AsyncIterator[Provider]:
    """Make everything, and delete it at the end."""
    headers = {"authorization": f"Bearer {await stack.token()}"}
    async with httpx.AsyncClient(base_url=stack.settings.url, headers=headers, trust_env=False, timeout=20) as http:
        provider = Provider(stack=stack, http=http)
        try:
            await _fill(provider)
            yield provider
        finally:
            http.headers["authorization"] = f"Bearer {await stack.token()}"
            await provider.clean()


async def _fill(provider: Provider) -> None:
    role = await provider.make("roles", displayName="Bench", permissions=["commerce.*", "flightops.flights.*"])
    machine = await provider.make("serviceAccounts", displayName="Bench", roles=[role])
    for algorithm in ("RS256", "ES256"):
        provider.clients[algorithm] = await _make_client(provider, algorithm, machine)
    for number in range(PEOPLE):
        email = f"bench-{number}-{secrets.token_hex(4)}@example.com"
        name = await provider.make("users", email=email, displayName="Bench", roles=[role])
        password = (await provider.call(f"{name}:resetPassword"))["password"]
        provider.people.append(Person(name=name, email=email, password=password))


async def _make_client(provider: Provider, algorithm: str, machine: str) -> Client:
    name = await provider.make(
        "clients",
        displayName="Bench",
        redirectUris=["https://bench.example/callback"],
        grantTypes=["authorization_code", "refresh_token", "client_credentials"],
        scopes=["openid", "offline_access", "commerce.*", "flightops.flights.*"],
        serviceAccount=machine,
        idTokenSignedResponseAlg=algorithm,
    )
    secret = (await provider.call(f"{name}:addSecret"))["clientSecret"]
    client = name.removeprefix("clients/")
    return Client(id=client, basic=base64.b64encode(f"{client}:{secret}".encode()).decode())
