"""What OpenID providers say of themselves: their endpoints and their keys, remembered for a while."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry

from services.auth.domain.federation.providers import is_loopback
from services.auth.storage.federation.fetching import FetchFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.auth.storage.federation.fetching import Fetching

LIFETIME = 3600.0
"""Seconds that a provider's word about itself is remembered."""

PAUSE = 30.0
"""Seconds between two looks for a key that is not known, and after which a provider is asked again that has failed."""

CAPACITY = 256
"""Providers that are remembered at once."""

_WELL_KNOWN = "/.well-known/openid-configuration"
_MOST_KEYS = 50

_log = logging.getLogger(__name__)


@dataclass(kw_only=True, slots=True)
class Known:
    """What is known of a provider."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Its metadata (OIDC Discovery §3)."""
    keys: list[dict[str, Any]] = field(default_factory=list)
    """Its public keys."""
    fetched: float = 0.0
    """When the metadata were read."""
    looked: float = 0.0
    """When the keys were read."""
    failed: float = 0.0
    """When it did not answer last, or 0."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One reads, and the others wait."""


@dataclass(kw_only=True, slots=True)
class Discovery:
    """Reads and remembers."""

    fetching: Fetching
    """Fetches."""
    clock: Callable[[], float] = time.monotonic
    """Seconds."""
    _known: dict[str, Known] = field(default_factory=dict, init=False)

    async def describe(self, issuer: str) -> Mapping[str, Any]:
        """Return the metadata of a provider. Raises `FetchFailed`."""
        known = self._of(issuer)
        async with known.turn:
            if not known.metadata or self.clock() - known.fetched > LIFETIME:
                self._check_pause(known, issuer)
                try:
                    known.metadata = self._judge(issuer, await self._fetch(known, issuer.rstrip("/") + _WELL_KNOWN))
                except FetchFailed:
                    known.failed = self.clock()
                    raise
                known.fetched, known.failed = self.clock(), 0.0
            return known.metadata

    async def find_keys(self, issuer: str, kid: str | None) -> list[dict[str, Any]]:
        """Return the provider's keys of that id, or all where none is named. Raises `FetchFailed`.

        An id that nobody knows has the keys read again, though not by each who makes one up.
        """
        metadata, known = await self.describe(issuer), self._of(issuer)
        async with known.turn:
            age = self.clock() - known.looked if known.keys else float("inf")
            if age > LIFETIME or (age > PAUSE and not _matching(known.keys, kid)):
                found = await self._fetch(known, str(metadata["jwks_uri"]))
                known.keys, known.looked = _read_keys(found), self.clock()
            return _matching(known.keys, kid)

    def _of(self, issuer: str) -> Known:
        known = self._known.pop(issuer, None) or Known()
        while len(self._known) >= CAPACITY:
            del self._known[next(iter(self._known))]
        self._known[issuer] = known
        return known

    def _check_pause(self, known: Known, issuer: str) -> None:
        if known.failed and self.clock() - known.failed < PAUSE / 10:
            raise FetchFailed(f"{issuer} has not answered a moment ago.")

    async def _fetch(self, known: Known, url: str) -> dict[str, Any]:
        try:
            return await self.fetching.get_json(url)
        except FetchFailed as error:
            known.failed = self.clock()
            _log.warning("an identity provider does not answer: %s", error)
            raise

    def _judge(self, issuer: str, metadata: dict[str, Any]) -> dict[str, Any]:
        if metadata.get("issuer") != issuer:
            raise FetchFailed(f"{issuer} calls itself by another name.")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not self._is_endpoint(metadata.get(name)):
                raise FetchFailed(f"{issuer} has no {name} that may be used.")
        if "userinfo_endpoint" in metadata and not self._is_endpoint(metadata["userinfo_endpoint"]):
            raise FetchFailed(f"{issuer} has no userinfo_endpoint that may be used.")
        return metadata

    def _is_endpoint(self, url: object) -> bool:
        if not isinstance(url, str) or not url.isascii() or not url.isprintable():
            return False
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
        except ValueError:
            return False
        plain = self.fetching.private and parts.scheme == "http" and is_loopback(host)
        return bool(host) and not parts.fragment and (parts.scheme == "https" or plain)


def _read_keys(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the public keys that are for signatures; those that nobody can read are left out."""
    listed = found.get("keys")
    keys = []
    for key in listed[:_MOST_KEYS] if isinstance(listed, list) else ():
        if not isinstance(key, dict) or key.get("use", "sig") != "sig" or key.get("kty") == "oct":
            continue
        try:
            JWKRegistry.import_key(key)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        keys.append(key)
    return keys


def _matching(keys: list[dict[str, Any]], kid: str | None) -> list[dict[str, Any]]:
    return [key for key in keys if kid is None or key.get("kid") == kid]
