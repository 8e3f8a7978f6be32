"""Whether an access token is genuine, meant for us and not expired, and what it claims (RFC 9068)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from joserfc import jws
from joserfc.errors import JoseError

from services.chassis.errors import PermissionDenied, Unauthenticated, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from joserfc.jwk import ECKey

    from services.chassis.revocations import Revoked

ALGORITHM = "ES256"
"""The only algorithm that we sign and verify with."""

TOKEN_TYPE = "at+jwt"  # noqa: S105 - a media type (RFC 9068 §2.1), not a secret
"""The `typ` of an access token; an id token or a logout token is not one."""

MAX_TOKEN = 8192
"""Characters beyond which nobody looks at a token."""

MAX_TIME = 253_402_300_799
"""The last second of the year 9999: no time in a token is later."""

_HEADERS = frozenset({"alg", "typ", "kid"})


class TokenRefused(Unauthenticated):
    """A token was sent that is not good."""

    challenge = 'Bearer error="invalid_token"'
    claims: Claims | None = None
    """What it says, where it is genuine."""


class TokenInvalid(TokenRefused):
    """The token is not one of ours, or is damaged."""

    reason = "TOKEN_INVALID"


class TokenExpired(TokenRefused):
    """The token was good once."""

    reason = "TOKEN_EXPIRED"


class TokenRevoked(TokenRefused):
    """The token was taken back: a session has ended, or what its holder may do has changed."""

    reason = "TOKEN_REVOKED"


class AudienceMismatch(PermissionDenied):
    """The token is genuine and meant for somebody else."""

    reason = "AUDIENCE_MISMATCH"


class KeysUnavailable(Unavailable):
    """No key is known yet that a token could be verified with."""

    reason = "KEYS_UNAVAILABLE"


class RevocationsUnavailable(Unavailable):
    """It is not known yet which tokens were taken back."""

    reason = "REVOCATIONS_UNAVAILABLE"


@dataclass(frozen=True, kw_only=True, slots=True)
class Claims:
    """What a verified token says."""

    subject: str
    """`sub`, such as `users/0198…` or `serviceAccounts/…`."""
    organization: str
    """`org`: the organization that the subject acts in."""
    permissions: frozenset[str]
    """The granted patterns, such as `commerce.products.*`."""
    expires: float
    """`exp`, in seconds of the Unix epoch."""
    issued: float = 0.0
    """`iat`, in seconds of the Unix epoch; zero where the token does not say."""
    session: str = ""
    """`sid`: the session that the token belongs to, or empty for a token without one."""
    client: str = ""
    """`client_id`: the client that asked for the token."""
    grant: str = ""
    """`grant`: the authorization by which the client got it, or empty."""
    scope: str = ""
    """`scope`: what it was narrowed to, separated by spaces."""
    acr: str = ""
    """`acr`: the level of assurance, `aal1` to `aal3`, or empty where no person has signed in for it."""
    authenticated: float = 0.0
    """`auth_time`: when the person has signed in, in seconds of the Unix epoch, or zero."""
    confirmation: str = ""
    """`cnf.jkt`: the thumbprint of the key that its holder has to prove, or empty."""
    token_id: str = ""
    """`jti`."""
    key_id: str = ""
    """`kid` of its header: the key that signed it."""


class Keys(Protocol):
    """Where a verifier finds public keys."""

    generation: int
    """Grows whenever a key is withdrawn or exchanged: what it verified is then to be verified anew."""

    def find(self, kid: str) -> ECKey | None:
        """Return the key of that id, or None."""

    def is_empty(self) -> bool:
        """Whether no key is known at all."""

    async def refresh(self) -> None:
        """Look for new keys, unless somebody just did. Never raises for a source that does not answer."""


class _Known:
    """A token that was verified."""

    __slots__ = ("claims", "until", "version")

    def __init__(self, claims: Claims, until: float) -> None:
        self.claims = claims
        self.until = until
        self.version = 0


class TokenVerifier:
    """Verifies access tokens, each one once: a token that is known costs a hash and a look-up.

    What was revoked is asked for each call, of known tokens too; while nothing changes that is one comparison.
    """

    def __init__(
        self,
        *,
        keys: Keys,
        revoked: Revoked,
        issuer: str,
        audience: str,
        leeway: float = 5.0,
        capacity: int = 20_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take where keys come from, what was revoked, who issues our tokens, and for whom they must be meant.

        `leeway` is in seconds, for clocks that differ; `capacity` bounds how many tokens are remembered.
        """
        self._keys = keys
        self._revoked = revoked
        self._issuer = issuer
        self._audience = audience
        self._leeway = leeway
        self._capacity = capacity
        self._clock = clock
        self._known: dict[bytes, _Known] = {}
        self._generation = keys.generation

    async def verify(self, token: str) -> Claims:
        """Return what the token says.

        Raises:
            TokenInvalid: it is not a genuine access token of our issuer.
            TokenExpired: it was, until its `exp`.
            TokenRevoked: it was, until it was taken back.
            AudienceMismatch: it is meant for somebody else.
            KeysUnavailable: no key is known yet.
            RevocationsUnavailable: nor what was revoked.
        """
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._known.get(digest)
        if known is None or self._generation != self._keys.generation:
            known = await self._verify_anew(token, digest)
        elif self._clock() >= known.until:
            del self._known[digest]
            raise _expired(known.claims)
        if known.version != self._revoked.version or not known.version:
            self._look_up(known)
        return known.claims

    async def _verify_anew(self, token: str, digest: bytes) -> _Known:
        header = _read_header(token)
        key = await self._key(header["kid"])
        claims = self._read_claims(_verify_signature(token, key), header["kid"])
        if self._generation != self._keys.generation:
            self._known.clear()
            self._generation = self._keys.generation
        while len(self._known) >= self._capacity:
            del self._known[next(iter(self._known))]
        known = self._known[digest] = _Known(claims, claims.expires + self._leeway)
        return known

    def _look_up(self, known: _Known) -> None:
        """Refuse a token that was revoked, and remember of any other that it was not, by this version of the set."""
        version = self._revoked.version
        if not version:
            raise RevocationsUnavailable(
                "It is not known yet which tokens were taken back. Try again shortly.", retry_after=1.0
            )
        if self._revoked.concerns(known.claims):
            refusal = TokenRevoked("The access token was taken back. Renew the session or sign in again.")
            refusal.claims = known.claims
            raise refusal
        known.version = version

    async def _key(self, kid: str) -> ECKey:
        key = self._keys.find(kid)
        if key is None:
            await self._keys.refresh()
            key = self._keys.find(kid)
        if key is None and self._keys.is_empty():
            raise KeysUnavailable("No key to verify tokens with is known yet. Try again shortly.", retry_after=1.0)
        if key is None:
            raise TokenInvalid("The access token is signed with a key that its issuer does not publish.")
        return key

    def _read_claims(self, payload: Mapping[str, Any], key_id: str) -> Claims:
        now = self._clock()
        if payload.get("iss") != self._issuer:
            raise TokenInvalid("The access token comes from another issuer.")
        expires = _number(payload, "exp")
        if expires is None:
            raise TokenInvalid("The access token has no claim `exp`.")
        if now >= expires + self._leeway:
            raise TokenExpired("The access token has expired. Renew the session or sign in again.")
        if any((_number(payload, name) or 0.0) > now + self._leeway for name in ("nbf", "iat")):
            raise TokenInvalid("The access token is not valid yet. Is a clock wrong?")
        audience = payload.get("aud")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise AudienceMismatch("The access token is meant for another audience.")
        return Claims(
            subject=_text(payload, "sub", required=True),
            organization=_text(payload, "org", required=True),
            permissions=_permissions(payload),
            expires=expires,
            issued=_number(payload, "iat") or 0.0,
            session=_text(payload, "sid"),
            client=_text(payload, "client_id"),
            grant=_text(payload, "grant"),
            scope=_text(payload, "scope"),
            acr=_text(payload, "acr"),
            authenticated=_number(payload, "auth_time") or 0.0,
            confirmation=_confirmation(payload),
            token_id=_text(payload, "jti"),
            key_id=key_id,
        )


def _expired(claims: Claims) -> TokenExpired:
    refusal = TokenExpired("The access token has expired. Renew the session or sign in again.")
    refusal.claims = claims
    return refusal


def _read_header(token: str) -> dict[str, str]:
    """Return the header, in which nothing may stand but `alg`, `typ` and `kid`.

    So a token can neither bring its own key (`jwk`, `jku`, `x5u`, `x5c`) nor ask for a rule that we do not know
    (`crit`, RFC 7515 §4.1.11). Its parts must be in the one canonical base64url form.
    """
    parts = token.split(".")
    if len(parts) != 3 or len(token) > MAX_TOKEN:  # noqa: PLR2004 - header, payload, signature (RFC 7515 §7.1)
        raise TokenInvalid("The access token is not a signed JWT.")
    header = _json_object(_decode(parts[0]))
    _decode(parts[1])
    _decode(parts[2])
    if not header.keys() <= _HEADERS or not all(isinstance(value, str) for value in header.values()):
        raise TokenInvalid("The access token has a header that is not allowed.")
    if header.get("alg") != ALGORITHM:
        raise TokenInvalid(f"The access token is not signed with {ALGORITHM}.")
    if str(header.get("typ", "")).lower().removeprefix("application/") != TOKEN_TYPE:
        raise TokenInvalid("The token is not an access token.")
    if not header.get("kid"):
        raise TokenInvalid("The access token does not name its key.")
    return header


def _verify_signature(token: str, key: ECKey) -> dict[str, Any]:
    try:
        verified = jws.deserialize_compact(token, key, algorithms=[ALGORITHM])
    except (JoseError, ValueError, TypeError) as error:
        raise TokenInvalid("The access token's signature is wrong.") from error
    return _json_object(verified.payload or b"")


def _decode(part: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(part.encode("ascii") + b"=" * (-len(part) % 4))
    except (ValueError, binascii.Error) as error:
        raise TokenInvalid("The access token is not a signed JWT.") from error
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii") != part:
        raise TokenInvalid("The access token is damaged.")
    return raw


def _json_object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw, object_pairs_hook=_members)
    except (ValueError, RecursionError) as error:
        raise TokenInvalid("The access token is not a signed JWT.") from error
    if not isinstance(value, dict):
        raise TokenInvalid("The access token is not a signed JWT.")
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a member that is there twice, of which another reader would take the other (RFC 8725 §2.4)."""
    if len(members := dict(pairs)) < len(pairs):
        raise ValueError("a member is there twice")
    return members


def _number(payload: Mapping[str, Any], name: str) -> float | None:
    value = payload.get(name)
    if value is None:
        return None
    # Python's JSON knows NaN, which no clock ever passes, and integers that no float holds.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MAX_TIME:
        raise TokenInvalid(f"The access token's claim `{name}` is not a time.")
    return float(value)


def _text(payload: Mapping[str, Any], name: str, *, required: bool = False) -> str:
    value = payload.get(name, "")
    # Neither Postgres nor a log takes NUL and lone surrogates.
    if not isinstance(value, str) or (required and not value) or not value.isprintable():
        raise TokenInvalid(f"The access token's claim `{name}` is missing or no text.")
    return value


def _permissions(payload: Mapping[str, Any]) -> frozenset[str]:
    value = payload.get("permissions")
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TokenInvalid("The access token's claim `permissions` is missing or no list of texts.")
    return frozenset(value)


def _confirmation(payload: Mapping[str, Any]) -> str:
    """Return the thumbprint of the key that a token is bound to; one that is bound in another way is not understood."""
    bound = payload.get("cnf")
    if bound is None:
        return ""
    if not isinstance(bound, dict) or bound.keys() != {"jkt"}:
        raise TokenInvalid("The access token is bound to its holder in a way that is not known here.")
    return _text(bound, "jkt", required=True)


def read_signed(token: str, find: Callable[[str], ECKey | None]) -> dict[str, Any]:
    """Return what an access token says that a key of `find` has signed, whatever that is: times too are unjudged.

    Raises:
        TokenInvalid: it is not a genuine access token.
    """
    key = find(_read_header(token)["kid"])
    if key is None:
        raise TokenInvalid("The access token is signed with a key that its issuer does not publish.")
    return _verify_signature(token, key)
