"""The issuer's public keys: where they are published, how they are read, and how they outlive an outage (RFC 7517)."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from services.chassis.fetching import Page
from services.chassis.tokens import ALGORITHM

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

JWKS_PATH = "/auth/v1/jwks.json"
"""Where auth serves its public keys."""

_MAX_JWKS = 65536
_log = logging.getLogger(__name__)


@dataclass(kw_only=True, slots=True)
class Jwks:
    """The public keys of our issuer, kept through any outage of it."""

    fetch: Callable[[], Awaitable[bytes]] = field(repr=False)
    """Reads the JWKS document once."""
    period: float = 300.0
    """Seconds between two looks when all is well."""
    spacing: float = 5.0
    """Seconds between two looks that an unknown key id causes: a forged id cannot make us flood the issuer."""
    clock: Callable[[], float] = time.monotonic
    """Seconds, from any start."""
    generation: int = 0
    """Grows whenever a key is withdrawn or exchanged."""
    _keys: dict[str, ECKey] = field(default_factory=dict, init=False, repr=False)
    _looked: float = field(default=float("-inf"), init=False, repr=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)

    def find(self, kid: str) -> ECKey | None:
        """Return the key of that id, or None."""
        return self._keys.get(kid)

    def is_empty(self) -> bool:
        """Whether no key is known at all."""
        return not self._keys

    async def refresh(self) -> None:
        """Look for new keys, unless somebody did within the spacing (a tenth of it while there is no key)."""
        async with self._lock:
            # Whoever waited for the lock meets the answer that another caller's look has brought.
            if self.clock() - self._looked >= (self.spacing if self._keys else self.spacing / 10):
                await self._look()

    async def run(self) -> None:
        """Keep the keys fresh until cancelled: often until there is one, then once in a period."""
        retry = 0.1
        while True:
            async with self._lock:
                found = await self._look()
            await asyncio.sleep(self.period if found else retry)
            retry = 0.1 if found else min(retry * 2, 5.0)

    async def _look(self) -> bool:
        self._looked = self.clock()
        try:
            self._replace(read_jwks(await self.fetch()))
        except (OSError, ValueError, httpx.HTTPError, JoseError) as error:
            level = logging.DEBUG if self.is_empty() else logging.WARNING
            _log.log(level, "cannot read the issuer's keys, keeping %d: %s", len(self._keys), type(error).__name__)
            return False
        return True

    def _replace(self, keys: dict[str, ECKey]) -> None:
        if not keys:
            raise ValueError("The issuer publishes no key that we can use.")
        published = {kid: key.as_dict(private=False) for kid, key in keys.items()}
        if any(published.get(kid) != key.as_dict(private=False) for kid, key in self._keys.items()):
            self.generation += 1
        self._keys = keys


def read_jwks(document: bytes) -> dict[str, ECKey]:
    """Return the ES256 verification keys of a JWKS document by their id (RFC 7517 §5); others are passed over.

    Raises:
        ValueError: it is no JWKS document.
    """
    parsed = json.loads(document)
    members = parsed.get("keys") if isinstance(parsed, dict) else None
    if not isinstance(members, list):
        raise ValueError("This is not a JWKS document.")  # noqa: TRY004 - bad content, whatever its type
    keys: dict[str, ECKey] = {}
    for member in members:
        if not isinstance(member, dict) or not _is_usable(member):
            continue
        keys[member["kid"]] = ECKey.import_key({name: member[name] for name in ("kty", "crv", "x", "y", "kid")})
    return keys


def _is_usable(member: Mapping[str, Any]) -> bool:
    return (
        (member.get("kty"), member.get("crv")) == ("EC", "P-256")
        and member.get("use", "sig") == "sig"
        and member.get("alg", ALGORITHM) == ALGORITHM
        and all(isinstance(member.get(name), str) and member[name] for name in ("kid", "x", "y"))
    )


def http_fetch(endpoint: str, *, certs: Path | None = None, timeout: float = 3.0) -> Callable[[], Awaitable[bytes]]:
    """Return what reads the JWKS document of auth at `unix:<path>` or `http(s)://host`.

    `certs` is a folder with ca.pem, cert.pem and key.pem, which may rotate; with it a Unix socket is spoken to over
    mutual TLS too.
    """
    return Page(endpoint=endpoint, path=JWKS_PATH, certs=certs, limit=_MAX_JWKS, timeout=timeout).read
