"""Verifies what clients have signed, by the keys that they have registered or publish (RFC 7517)."""

from __future__ import annotations

import base64
import binascii
import json
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry

from services.auth.domain.oauth.dpop import ALGORITHMS
from services.auth.storage.outgoing import OutgoingFailed, OutgoingRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from services.auth.domain.oauth.clients import Client
    from services.auth.storage.outgoing import Outgoing

LONGEST_SET = 65_536
"""Bytes of the longest set of keys that is read."""

_TYPES = {"", "jwt", "client-authentication+jwt"}
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_CURVES = {"ES256": "P-256", "ES384": "P-384", "Ed25519": "Ed25519", "EdDSA": "Ed25519"}
_MIN_RSA_CHARACTERS = 342
_MOST_TRIED = 8
_REGISTRY = jws.JWSRegistry(algorithms=list(ALGORITHMS))
_log = logging.getLogger(__name__)

Jwk = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Fetched:
    """A set of keys that a client publishes."""

    keys: tuple[Jwk, ...]
    """The keys, as they were when somebody last could read them."""
    looked: float
    """When somebody looked."""


class ClientKeys:
    """Reads assertions of clients (port `Assertions`).

    Published keys are read again after a while, and at once for a key that is not known, but not each time that
    somebody names one.
    """

    def __init__(
        self,
        outgoing: Outgoing,
        *,
        period: float = 600.0,
        pause: float = 1.0,
        capacity: int = 1000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take what fetches, for how many seconds keys are kept, and how many pass between two looks at one place."""
        self._outgoing = outgoing
        self._period = period
        self._pause = pause
        self._capacity = capacity
        self._clock = clock
        self._fetched: dict[str, _Fetched] = {}

    async def read(self, client: Client, assertion: str) -> Mapping[str, Any] | None:
        """Return what an assertion says that one of the client's keys has signed, or None."""
        header = _read_header(assertion)
        if header is None:
            return None
        for keys in (await self._keys(client), await self._keys(client, again=True)):
            if (fitting := list(_fitting(keys, header))) or not client.keys_uri or client.keys:
                return _verify(assertion, header["alg"], fitting)
        return None

    async def _keys(self, client: Client, *, again: bool = False) -> Sequence[Jwk]:
        if client.keys or not client.keys_uri:
            return _parse(client.keys)
        known, now = self._fetched.get(client.keys_uri), self._clock()
        if known is not None and now - known.looked < (self._pause if again else self._period):
            return known.keys
        try:
            keys = _parse(await self._outgoing.get(client.keys_uri, limit=LONGEST_SET))
        except (OutgoingRefused, OutgoingFailed) as error:
            _log.warning("the keys of the client %s cannot be read: %s", client.id, error)
            # A site that is down for a moment locks nobody out.
            keys = known.keys if known else ()
        self._fetched.pop(client.keys_uri, None)
        while len(self._fetched) >= self._capacity:
            del self._fetched[next(iter(self._fetched))]
        self._fetched[client.keys_uri] = _Fetched(keys=keys, looked=now)
        return keys


def _parse(document: str | bytes) -> tuple[Jwk, ...]:
    try:
        members = json.loads(document or "{}")
    except (ValueError, RecursionError):
        return ()
    keys = members.get("keys") if isinstance(members, dict) else None
    return tuple(key for key in keys if isinstance(key, dict)) if isinstance(keys, list) else ()


def _read_header(assertion: str) -> Jwk | None:
    try:
        part = assertion.split(".", maxsplit=1)[0].encode("ascii")
        header = json.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return None
    if not isinstance(header, dict) or header.get("alg") not in ALGORITHMS or "crit" in header:
        return None
    return header if str(header.get("typ", "")).lower() in _TYPES else None


def _fitting(keys: Sequence[Jwk], header: Jwk) -> Iterator[Jwk]:
    """Yield the keys that may have signed: of the named id, for this algorithm, public, and long enough."""
    algorithm = header["alg"]
    for key in keys:
        named = "kid" not in header or key.get("kid") == header["kid"]
        meant = key.get("use", "sig") == "sig" and key.get("alg", algorithm) == algorithm
        if named and meant and not _PRIVATE & key.keys() and _is_of_kind(key, algorithm):
            yield key


def _is_of_kind(key: Jwk, algorithm: str) -> bool:
    if curve := _CURVES.get(algorithm):
        return key.get("kty") in {"EC", "OKP"} and key.get("crv") == curve
    return key.get("kty") == "RSA" and len(str(key.get("n", ""))) >= _MIN_RSA_CHARACTERS


def _verify(assertion: str, algorithm: str, keys: Sequence[Jwk]) -> Mapping[str, Any] | None:
    for jwk in keys[:_MOST_TRIED]:
        try:
            key = JWKRegistry.import_key(jwk)
            signed = jws.deserialize_compact(assertion, key, registry=_REGISTRY, algorithms=[algorithm])
            claims = json.loads(signed.payload or b"")
        except (JoseError, ValueError, TypeError, RecursionError):
            continue
        return claims if isinstance(claims, dict) else None
    return None
