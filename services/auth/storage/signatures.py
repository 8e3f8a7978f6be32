"""Signs JWTs in their compact form, and does once what is the same for all that one key signs (RFC 7515 §3.1)."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from services.auth.domain.signing_keys import SigningKey

_encode = json.JSONEncoder(separators=(",", ":")).encode


class CompactSigner:
    """Signs by one key, under headers that are made once for each `typ`."""

    def __init__(self, key: SigningKey) -> None:
        """Take the key. Raises joserfc's `KeyParameterError` where its private part is not known."""
        jwk: dict[str, str | list[str]] = dict(key.private or {})
        self.id = key.id
        self._key: ECKey | RSAKey = RSAKey.import_key(jwk) if jwk.get("kty") == "RSA" else ECKey.import_key(jwk)
        self._name = key.algorithm
        self._algorithm = JWSRegistry.algorithms[key.algorithm]
        self._algorithm.check_key(self._key)
        self._headers: dict[str, bytes] = {}

    def sign(self, claims: Mapping[str, Any], kind: str) -> str:
        """Return a JWT with that `typ`."""
        header = self._headers.get(kind)
        if header is None:
            header = self._headers[kind] = _segment({"alg": self._name, "typ": kind, "kid": self.id})
        content = header + b"." + _segment(claims)
        signature = self._algorithm.sign(content, self._key)
        return (content + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def _segment(content: Mapping[str, Any]) -> bytes:
    return base64.urlsafe_b64encode(_encode(content).encode()).rstrip(b"=")
