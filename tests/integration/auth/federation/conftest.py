"""A SAML provider, and our own side of it in front of memory."""

from __future__ import annotations

import asyncio
import base64
import warnings
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from services.auth.domain.federation.assertions import Wish
from services.auth.domain.federation.providers import Kind, Provider
from services.auth.storage.federation.saml import SamlSpeaking
from services.auth.storage.federation.saml_requests import Place, make_key

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pysaml2 and what it imports, as they are
    from tests.integration.auth.federation.identity_provider import (
        ENTITY,
        SIGN_IN,
        IdentityProvider,
        make_identity_provider,
        missing_xmlsec,
    )

if TYPE_CHECKING:
    from services.auth.domain.federation.assertions import Said

US = "https://tenon.test"


@dataclass
class Memory:
    """Keys and used assertions in memory (ports `RequestKeys` and `UsedAssertions`)."""

    keys: dict[tuple[str, str], tuple[bytes, str]] = field(default_factory=dict)
    used: set[tuple[str, bytes]] = field(default_factory=set)

    async def find_key(self, organization: str, provider: str) -> tuple[bytes, str] | None:
        return self.keys.get((organization, provider))

    async def keep_key(self, organization: str, provider: str, key: bytes, certificate: str) -> tuple[bytes, str]:
        return self.keys.setdefault((organization, provider), (key, certificate))

    async def is_first(self, provider: str, digest: bytes, *, until: datetime) -> bool:
        assert until > datetime.now(UTC)
        first = (provider, digest) not in self.used
        self.used.add((provider, digest))
        return first


@dataclass
class Party:
    """Our side."""

    speaking: SamlSpeaking
    provider: Provider
    abroad: IdentityProvider
    kept: dict[str, str] = field(default_factory=dict)
    state: str = ""

    @property
    def place(self) -> Place:
        """Who we are to the provider."""
        return Place.at(US, self.provider.id)

    async def ask(self, wish: Wish | None = None) -> str:
        """Send a request, and return its id as the provider has read it."""
        asked = await self.speaking.ask(self.provider, "opaque-state", wish or Wish())
        self.kept = dict(asked.kept)
        request, self.state = self.abroad.read_request(asked.url)
        return request

    def answer(self, request: str, **options: Any) -> bytes:
        """Return the provider's response."""
        return self.abroad.answer(request, self.place.receiver, self.place.entity, **options)

    async def hear(self, response: bytes) -> Said:
        """Take a response."""
        return await self.speaking.hear(self.provider, {"SAMLResponse": base64.b64encode(response).decode()}, self.kept)


@pytest.fixture(scope="session")
def described(tmp_path_factory: pytest.TempPathFactory) -> tuple[Provider, IdentityProvider, Memory]:
    """A provider that both sides know of each other."""
    if reason := missing_xmlsec():
        pytest.skip(reason)
    provider = Provider(
        organization="default",
        name="identityProviders/abroad",
        display_name="Abroad",
        kind=Kind.SAML,
        issuer=ENTITY,
        sign_in_url=SIGN_IN,
        sign_requests=True,
        claims={"email": "mail", "display_name": "displayName"},
    )
    memory = Memory()
    metadata = asyncio.run(SamlSpeaking(keys=memory, used=memory, issuer=US).describe(provider))
    abroad = make_identity_provider(tmp_path_factory.mktemp("idp"), metadata, make_key(ENTITY))
    return replace(provider, certificates=(abroad.certificate,)), abroad, memory


@pytest.fixture
def party(described: tuple[Provider, IdentityProvider, Memory]) -> Party:
    """Our side, which has used no assertion yet."""
    provider, abroad, memory = described
    speaking = SamlSpeaking(keys=memory, used=Memory(), issuer=US)
    return Party(speaking=speaking, provider=provider, abroad=abroad)
