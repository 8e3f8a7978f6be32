"""Speaks SAML 2.0 to providers. What reads and signs XML is loaded when the first provider needs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.errors import FederatedSignInInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from services.auth.domain.federation.assertions import Asked, Said, Wish
    from services.auth.domain.federation.providers import Provider


class RequestKeys(Protocol):
    """Keeps, sealed, the keys that our requests are signed with: one for each provider."""

    async def find_key(self, organization: str, provider: str) -> tuple[bytes, str] | None:
        """Return a key, PKCS #8, and its certificate, PEM."""

    async def keep_key(self, organization: str, provider: str, key: bytes, certificate: str) -> tuple[bytes, str]:
        """Keep a key where there is none, and return the one that there is."""


class UsedAssertions(Protocol):
    """Remembers which assertions were used, for as long as they could be used again."""

    async def is_first(self, provider: str, digest: bytes, *, until: datetime) -> bool:
        """Remember an assertion, and return whether it was not known."""


@dataclass(kw_only=True, slots=True)
class SamlSpeaking:
    """SAML 2.0 (port `Speaking`)."""

    keys: RequestKeys
    """Keeps what requests are signed with."""
    used: UsedAssertions
    """Remembers assertions."""
    issuer: str
    """Where we are."""

    async def ask(self, provider: Provider, state: str, wish: Wish) -> Asked:
        """Return an AuthnRequest by the redirect binding."""
        raise FederatedSignInInvalid(f"{provider.kind} {state} {wish}")

    async def hear(self, provider: Provider, answer: Mapping[str, str], kept: Mapping[str, str]) -> Said:
        """Return what the one signed assertion of a response says."""
        raise FederatedSignInInvalid(f"{provider.kind} {answer} {kept}")
