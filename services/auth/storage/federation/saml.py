"""Speaks SAML 2.0 to providers. What reads and signs XML is loaded when the first provider needs it."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.errors import FederatedSignInInvalid
from services.auth.domain.federation.assertions import Asked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.auth.domain.federation.assertions import Said, Wish
    from services.auth.domain.federation.providers import Provider
    from services.auth.storage.federation.saml_assertions import Checked

LARGEST = 256 * 1024
"""Bytes of the largest response that is read."""

_ID_BYTES = 16


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

    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Now, with its time zone."""

    async def ask(self, provider: Provider, state: str, wish: Wish) -> Asked:
        """Return an AuthnRequest by the redirect binding."""
        from services.auth.storage.federation import saml_requests as writing  # noqa: PLC0415 - few processes need it

        place = writing.Place.at(self.issuer, provider.id)
        request = f"_{secrets.token_hex(_ID_BYTES)}"
        written = writing.write_request(provider, place, request, self.clock(), wish)
        key = (await self._key(provider))[0] if provider.sign_requests else None
        url = writing.redirect(provider, written, state, key)
        return Asked(url=url, kept={"request": request, "fresh": "1" if wish.fresh or wish.max_age is not None else ""})

    async def hear(self, provider: Provider, answer: Mapping[str, str], kept: Mapping[str, str]) -> Said:
        """Return what the one signed assertion of a response says, once."""
        try:
            document = base64.b64decode("".join(answer.get("SAMLResponse", "").split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise FederatedSignInInvalid("There is no response.") from error
        if not 0 < len(document) <= LARGEST:
            raise FederatedSignInInvalid("There is no response, or it is too large.")
        checked = await asyncio.to_thread(self._check, provider, document, kept)
        digest = hashlib.sha256(checked.id.encode()).digest()
        if not await self.used.is_first(provider.name, digest, until=checked.until):
            raise FederatedSignInInvalid("The assertion was used before.")
        return checked.said

    async def describe(self, provider: Provider) -> bytes:
        """Return our metadata, which an administrator gives to the provider."""
        from services.auth.storage.federation import saml_requests as writing  # noqa: PLC0415 - few processes need it

        certificate = (await self._key(provider))[1] if provider.sign_requests else ""
        return writing.write_metadata(provider, writing.Place.at(self.issuer, provider.id), certificate)

    def _check(self, provider: Provider, document: bytes, kept: Mapping[str, str]) -> Checked:
        from services.auth.storage.federation import saml_assertions as reading  # noqa: PLC0415 - as above
        from services.auth.storage.federation.saml_requests import Place  # noqa: PLC0415 - as above
        from services.auth.storage.federation.saml_signatures import find_assertion  # noqa: PLC0415 - as above
        from services.auth.storage.federation.saml_xml import parse  # noqa: PLC0415 - as above

        place = Place.at(self.issuer, provider.id)
        expected = reading.Expected(
            request=kept["request"],
            receiver=place.receiver,
            audience=place.entity,
            now=self.clock(),
            fresh=bool(kept["fresh"]),
        )
        response = parse(document)
        reading.check_response(response, provider, expected)
        assertion = find_assertion(response, provider.certificates)
        return reading.check_assertion(assertion, provider, expected)

    async def _key(self, provider: Provider) -> tuple[bytes, str]:
        """Return the key that requests to a provider are signed with, made when it is needed first."""
        from services.auth.storage.federation import saml_requests as writing  # noqa: PLC0415 - few processes need it

        found = await self.keys.find_key(provider.organization, provider.name)
        if found is None:
            entity = writing.Place.at(self.issuer, provider.id).entity
            key, certificate = await asyncio.to_thread(writing.make_key, entity)
            found = await self.keys.keep_key(provider.organization, provider.name, key, certificate)
        return found
