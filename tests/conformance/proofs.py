"""What a client signs: assertions of who it is (RFC 7523) and proofs that it holds a key (RFC 9449)."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

if TYPE_CHECKING:
    from tests.conformance.provider import Client

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def make_key() -> ECKey:
    """Return a fresh key for ES256."""
    return ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256", "kid": secrets.token_hex(8)})


def make_rsa_key() -> RSAKey:
    """Return a fresh key for RS256."""
    return RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256", "kid": secrets.token_hex(8)})


def assert_client(client: Client, audience: str | list[str], **changes: Any) -> dict[str, str]:
    """Return the form fields by which a client proves who it is; changes of None take a claim out."""
    assert client.key is not None
    now = int(time.time())
    claims = {
        "iss": client.id,
        "sub": client.id,
        "aud": audience,
        "jti": secrets.token_urlsafe(16),
        "iat": now,
        "exp": now + 60,
    }
    claims = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    algorithm = str(client.key.as_dict(private=False)["alg"])
    header = {"alg": algorithm, "kid": client.key.kid}
    return {
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": jwt.encode(header, claims, client.key, algorithms=[algorithm]),
    }


def prove_possession(key: ECKey, method: str, url: str, *, token: str = "", nonce: str = "", **changes: Any) -> str:
    """Return a DPoP proof for one request; `header` in the changes replaces members of its header."""
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False), **changes.pop("header", {})}
    claims: dict[str, Any] = {
        "jti": secrets.token_urlsafe(16),
        "htm": method,
        "htu": url,
        "iat": int(time.time()),
    }
    if token:
        claims["ath"] = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
    if nonce:
        claims["nonce"] = nonce
    claims = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return jwt.encode(header, claims, key, algorithms=["ES256"])
