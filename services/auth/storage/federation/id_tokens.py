"""Checks what an OpenID provider has signed (OIDC Core §3.1.3.7; ASVS 5.0 10.5.1 to 10.5.4)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry

from services.auth.domain.errors import FederatedSignInInvalid
from services.auth.domain.federation.providers import is_subject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ALGORITHMS = {
    "RS256": ("RSA", ""),
    "RS384": ("RSA", ""),
    "RS512": ("RSA", ""),
    "PS256": ("RSA", ""),
    "PS384": ("RSA", ""),
    "PS512": ("RSA", ""),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "Ed25519": ("OKP", "Ed25519"),
    "EdDSA": ("OKP", "Ed25519"),
}
"""What an id token may be signed with, and by which kind of key: neither nothing nor a secret that two share."""

SKEW = 60
"""Seconds that a provider's clock may be wrong."""

OLDEST = 600
"""Seconds after which an id token is too old, however long it is said to be good."""

LARGEST = 32 * 1024

_PARTS = 3
_FEWEST_BITS = 2048
_REGISTRY = jws.JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """What an id token has to say."""

    issuer: str
    """Who has signed it."""
    client_id: str
    """For whom it is."""
    nonce: str = field(repr=False)
    """What was asked with."""
    now: int
    """The second that it is (Unix epoch)."""
    max_age: int | None = None
    """Seconds that the person's proof may be old, or None."""


def read_header(token: object) -> tuple[str, str | None]:
    """Return algorithm and key id of a token. Raises `FederatedSignInInvalid`."""
    if not isinstance(token, str) or len(token) > LARGEST or token.count(".") != _PARTS - 1:
        raise FederatedSignInInvalid("There is no id token.")
    raw = token.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(raw.encode("ascii") + b"=" * (-len(raw) % 4)))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise FederatedSignInInvalid("The id token cannot be read.") from error
    if not isinstance(header, dict) or header.get("alg") not in ALGORITHMS:
        raise FederatedSignInInvalid("The id token is signed in a way that is not allowed.")
    # Keys that a token brings along, or tells the address of, are nobody's: the provider's are published.
    if "crit" in header or header.get("typ", "JWT") not in {"JWT", "jwt"}:
        raise FederatedSignInInvalid("The id token asks for what we do not know, or is something else.")
    kid = header.get("kid")
    return str(header["alg"]), kid if isinstance(kid, str) else None


def check_signature(token: str, algorithm: str, keys: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the claims of a token that one of the keys has signed. Raises `FederatedSignInInvalid`."""
    kind, curve = ALGORITHMS[algorithm]
    for key in keys:
        if key.get("kty") != kind or (curve and key.get("crv") != curve) or key.get("alg", algorithm) != algorithm:
            continue
        if kind == "RSA" and 6 * len(str(key.get("n", ""))) < _FEWEST_BITS:
            continue
        try:
            imported = JWKRegistry.import_key(dict(key))
            signed = jws.deserialize_compact(token, imported, registry=_REGISTRY, algorithms=[algorithm])
            claims = json.loads(signed.payload or b"")
        except (JoseError, ValueError, TypeError, RecursionError):
            continue
        if isinstance(claims, dict):
            return claims
    raise FederatedSignInInvalid("The provider has not signed the id token.")


def check_claims(claims: Mapping[str, Any], expected: Expected) -> None:
    """Check that an id token is from the provider, for us, for this sign-in, and good now.

    Raises:
        FederatedSignInInvalid: it is not.
    """
    if claims.get("iss") != expected.issuer:
        raise FederatedSignInInvalid("The id token is from another provider.")
    _check_audience(claims, expected.client_id)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        raise FederatedSignInInvalid("The id token is for another sign-in.")
    if not is_subject(claims.get("sub")):
        raise FederatedSignInInvalid("The id token names nobody.")
    now, issued, expires = expected.now, _number(claims.get("iat")), _number(claims.get("exp"))
    if issued is None or expires is None or expires <= now - SKEW or not now - OLDEST <= issued <= now + SKEW:
        raise FederatedSignInInvalid("The id token has expired, or is not good yet.")
    if "nbf" in claims and ((start := _number(claims["nbf"])) is None or start > now + SKEW):
        raise FederatedSignInInvalid("The id token is not good yet.")
    if expected.max_age is not None:
        seen = _number(claims.get("auth_time"))
        if seen is None or now - seen > expected.max_age + SKEW:
            raise FederatedSignInInvalid("The provider has not asked who you are again.")


def _check_audience(claims: Mapping[str, Any], client_id: str) -> None:
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    if not isinstance(audiences, list) or client_id not in audiences:
        raise FederatedSignInInvalid("The id token is for somebody else.")
    if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != client_id:
        raise FederatedSignInInvalid("The id token was given to somebody else.")


def check_access_token(claims: Mapping[str, Any], algorithm: str, token: object) -> None:
    """Check that an access token belongs to an id token that says so (OIDC Core §3.1.3.8).

    Raises:
        FederatedSignInInvalid: it does not.
    """
    if "at_hash" not in claims:
        return
    # An EdDSA signature hashes by SHA-512 (OIDC Core §3.1.3.6; RFC 8032 §5.1).
    name = f"sha{algorithm[2:]}" if algorithm[2:] in {"256", "384", "512"} else "sha512"
    digest = hashlib.new(name, str(token).encode()).digest()
    wanted = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
    if claims["at_hash"] != wanted:
        raise FederatedSignInInvalid("The access token belongs to another sign-in.")


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
