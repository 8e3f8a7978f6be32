"""What a credential that is no token is exchanged for at the edge: a plain token that lives for minutes."""

from __future__ import annotations

import hashlib
import hmac
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.api_keys import read_key
from services.auth.domain.audit import AuditEntry
from services.auth.domain.errors import ApiKeyInvalid, ApiKeysThrottled, DpopProofInvalid
from services.auth.domain.permissions import intersect
from services.auth.domain.tokens import Grant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.auth.domain.accounts import Directory
    from services.auth.domain.api_keys import ApiKey, ApiKeyStore, KeyText
    from services.auth.domain.audit import Audit
    from services.auth.domain.oauth.dpop import ProofVerifier
    from services.auth.domain.sessions import Origin
    from services.auth.domain.tokens import AccessToken, Tokens

LIFETIME = timedelta(minutes=5)
"""How long such a token lives."""

LEFT = timedelta(seconds=60)
"""How long one must still live to be given out again: the calls that it is for may take some time."""

REMEMBERED = 10_000
"""How many are remembered."""

NOTE_EVERY = timedelta(minutes=1)
"""How often it is written down that a key was used."""

_NO_DIGEST = bytes(32)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchanged:
    """A plain token, and what may take it back."""

    text: str = field(repr=False)
    """The token."""
    expires: datetime
    """When it expires."""
    issued: float
    """Its `iat`."""
    subject: str
    """Its `sub`."""
    organization: str
    """Its `org`."""
    client: str = ""
    """Its `client_id`."""
    session: str = ""
    """Its `sid`."""
    grant: str = ""
    """Its `grant`."""
    token_id: str = ""
    """Its `jti`."""
    key_id: str = ""
    """The key that signed it, or what it was made of."""


class Revoked(Protocol):
    """Knows which tokens are good no more."""

    def concerns(self, claims: Exchanged) -> bool:
        """Whether that token was revoked."""


@dataclass(slots=True)
class Remembered:
    """Tokens that were made for credentials just now, by a digest of these."""

    revoked: Revoked
    """Says which were taken back since: a revoked key opens nothing from the next second on."""
    capacity: int = REMEMBERED
    """How many are kept."""
    _kept: dict[bytes, Exchanged] = field(default_factory=dict, init=False, repr=False)

    def find(self, digest: bytes, now: datetime) -> Exchanged | None:
        """Return the token, if it is still to be given out."""
        found = self._kept.get(digest)
        if found is None:
            return None
        if found.expires - now > LEFT and not self.revoked.concerns(found):
            return found
        del self._kept[digest]
        return None

    def keep(self, digest: bytes, token: Exchanged) -> None:
        """Keep a token; the oldest gives way."""
        while len(self._kept) >= self.capacity:
            del self._kept[next(iter(self._kept))]
        self._kept[digest] = token


@dataclass(slots=True)
class Uses:
    """When keys were used last, gathered until somebody writes it down: no call waits for that."""

    _seen: dict[str, datetime] = field(default_factory=dict, init=False)
    _noted: dict[str, datetime] = field(default_factory=dict, init=False)

    def note(self, key_id: str, now: datetime) -> None:
        """Note that a key is used, if that was not written down within the minute."""
        if now - self._noted.get(key_id, datetime.min.replace(tzinfo=UTC)) >= NOTE_EVERY:
            self._seen[key_id] = now

    def take(self) -> Mapping[str, datetime]:
        """Return what is to be written down now."""
        taken, self._seen = self._seen, {}
        if len(self._noted) > REMEMBERED:
            self._noted.clear()
        self._noted |= taken
        return taken


@dataclass(slots=True)
class Refusals:
    """Which keys were refused just now, so that nobody fills the trail with one that is over."""

    _noted: dict[str, datetime] = field(default_factory=dict, init=False)

    def is_news(self, key_id: str, now: datetime) -> bool:
        """Whether it was not written down within the minute that the key is refused; it is taken as written down."""
        if now - self._noted.get(key_id, datetime.min.replace(tzinfo=UTC)) < NOTE_EVERY:
            return False
        if len(self._noted) >= REMEMBERED:
            self._noted.clear()
        self._noted[key_id] = now
        return True


@dataclass(slots=True)
class Guesses:
    """How many bad keys have come from each address: nobody guesses one, and whoever tries is not to be served for it.

    This process alone counts, which costs next to nothing.
    """

    free: int = 500
    """So many in a row are looked at."""
    rate: float = 5.0
    """So many more in each second."""
    _left: dict[str, tuple[float, datetime]] = field(default_factory=dict, init=False)

    def wait(self, address: str, now: datetime) -> float:
        """Return the seconds after which a key from there is looked at, zero for at once."""
        return max(0.0, (1.0 - self._left_at(address, now)) / self.rate)

    def note(self, address: str, now: datetime) -> None:
        """Note a bad key."""
        left = self._left_at(address, now)
        if len(self._left) >= REMEMBERED:
            self._left.clear()
        self._left[address] = left - 1.0, now

    def _left_at(self, address: str, now: datetime) -> float:
        left, since = self._left.get(address, (float(self.free), now))
        return min(float(self.free), left + self.rate * (now - since).total_seconds())


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyExchange:
    """Exchanges API keys. Every bad key costs the same and is answered with the same."""

    kept: ApiKeyStore
    """Keeps keys."""
    directory: Directory
    """Says whether the owner may act, and what they hold now."""
    tokens: Tokens
    """Signs."""
    audit: Audit
    """Where it is written down which keys are used, and which are used in vain by whoever knows their secret."""
    remembered: Remembered
    """Tokens that were made just now."""
    uses: Uses = field(default_factory=Uses)
    """Gathers when keys are used."""
    refusals: Refusals = field(default_factory=Refusals)
    """Says which refusals are written down."""
    guesses: Guesses = field(default_factory=Guesses)
    """Counts bad keys by where they come from."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Now, with its time zone."""

    async def exchange(self, text: str, origin: Origin) -> Exchanged:
        """Return a token for a key that came from there.

        Raises:
            ApiKeyInvalid: it is unknown, misspelt, expired or revoked, or its owner may not act.
            ApiKeysThrottled: too many bad ones came from there. Keys that are in use are not kept waiting.
        """
        now = self.clock()
        key_text = read_key(text)
        if key_text is None:
            # Whoever guesses makes a checksum that fits: this one is a typo, or no key at all.
            _log.info("an API key from %s was refused that is misspelt or cut", origin.address)
            raise ApiKeyInvalid
        digest = hashlib.sha256(text.encode()).digest()
        found = self.remembered.find(digest, now)
        if found is None:
            if wait := self.guesses.wait(origin.address, now):
                raise ApiKeysThrottled(wait)
            try:
                found = await self._exchange_anew(key_text, origin, now)
            except ApiKeyInvalid:
                self.guesses.note(origin.address, now)
                raise
            self.remembered.keep(digest, found)
        self.uses.note(key_text.id, now)
        return found

    async def _exchange_anew(self, text: KeyText, origin: Origin, now: datetime) -> Exchanged:
        key = await self.kept.find(text.id)
        # Compared whether there is such a key or not, and looked at as a whole: the time says nothing of either.
        fits = hmac.compare_digest(text.digest, key.digest if key else _NO_DIGEST)
        if key is None or not fits:
            _log.warning("the API key %s from %s was refused, which is unknown or forged", text.id, origin.address)
            raise ApiKeyInvalid
        account = await self.directory.find_acting(key.organization, key.owner)
        if not key.is_good(now) or account is None or account.disabled:
            if self.refusals.is_news(key.id, now):
                await self.audit.record(_entry("api_key.refused", "failure", key, origin))
            raise ApiKeyInvalid
        permissions = intersect(key.scopes, account.permissions)
        grant = _grant_of(key, permissions, valid_from=account.valid_from, lifetime=_lifetime(key, now))
        token = await self.tokens.issue(grant)
        await self.audit.record(_entry("api_key.exchanged", "success", key, origin))
        return _exchanged(token, grant, issued=max(int(now.timestamp()), account.valid_from))


def _entry(kind: str, outcome: str, key: ApiKey, origin: Origin) -> AuditEntry:
    return AuditEntry(
        kind=kind,
        outcome=outcome,
        organization=key.organization,
        actor=key.owner,
        subject=key.name,
        client=key.name,
        address=origin.address,
        agent=origin.agent,
        factor="api_key",
    )


def _lifetime(key: ApiKey, now: datetime) -> timedelta:
    return LIFETIME if key.expires is None else min(LIFETIME, key.expires - now)


def _grant_of(key: ApiKey, permissions: frozenset[str], *, valid_from: int, lifetime: timedelta) -> Grant:
    """Return what the token says. It has no session: a key does nothing that only a person may do."""
    return Grant(
        subject=key.owner,
        organization=key.organization,
        permissions=permissions,
        client=key.name,
        family=key.name,
        valid_from=valid_from,
        lifetime=lifetime,
    )


def _exchanged(token: AccessToken, grant: Grant, *, issued: float) -> Exchanged:
    return Exchanged(
        text=token.text,
        expires=token.expires,
        issued=issued,
        subject=grant.subject,
        organization=grant.organization,
        client=grant.client,
        session=grant.session,
        grant=grant.family,
        token_id=token.id,
        key_id=token.key_id,
    )


class BoundTokens(Protocol):
    """Reads tokens that are bound to a key, and makes plain ones of them."""

    async def thumbprint(self, token: str) -> str:
        """Return the thumbprint of the key that a token is bound to, or nothing where it is bound to none.

        Raises:
            DpopProofInvalid: it is no token of ours, is expired, or was revoked.
        """

    async def unbind(self, token: str) -> Exchanged:
        """Return a token that says the same and is bound to no key, for a token that was verified."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProofExchange:
    """Exchanges tokens that are bound to a key, where the key is proven (RFC 9449 §7)."""

    bound: BoundTokens
    """Reads them."""
    proofs: ProofVerifier
    """Verifies proofs."""
    remembered: Remembered
    """Tokens that were made just now."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Now, with its time zone."""

    async def exchange(self, token: str, proof: str, *, method: str, url: str) -> Exchanged:
        """Return a plain token for one that is bound, which its holder proves for this one request.

        Raises:
            DpopProofInvalid: the token is not good, or the proof is not of its key and of this request.
            DpopNonceNeeded: the proof needs a nonce.
            ReplayUnavailable: nobody can tell whether the proof was used before.
        """
        expected = await self.bound.thumbprint(token)
        if not expected:
            raise DpopProofInvalid("The token is bound to no key. Send it as `Bearer`.")
        thumbprint = await self.proofs.verify_proof(proof, method=method, url=url, access_token=token)
        if not hmac.compare_digest(thumbprint, expected):
            raise DpopProofInvalid("It is of another key than the token.")
        digest = hashlib.sha256(token.encode()).digest()
        found = self.remembered.find(digest, self.clock())
        if found is None:
            found = await self.bound.unbind(token)
            self.remembered.keep(digest, found)
        return found
