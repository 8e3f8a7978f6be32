"""API keys: how they are written, who may make one for whom, and what becomes of them."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.accounts import find_held
from services.auth.domain.audit import AuditEntry
from services.auth.domain.errors import (
    ApiKeyExpiryInvalid,
    ApiKeyOwnerInvalid,
    ApiKeyScopesExceedOwner,
    ApiKeyUnknown,
    GrantExceedsOwn,
    TooManyApiKeys,
)
from services.auth.domain.permissions import drop_covered, find_excess
from services.auth.domain.revocations import of_family

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from services.auth.domain.accounts import Changes, Directory, Granter
    from services.auth.domain.audit import Audit
    from services.auth.domain.revocations import Revocations

PREFIX = "tnk"
"""What every key begins with, so that scanners find one that somebody has published."""

NAMES = "apiKeys/"
"""What names of keys begin with."""

LIMIT = 50
"""How many keys one owner may have."""

LONGEST = timedelta(days=1827)
"""How long a key may live: five years."""

ID_LENGTH, SECRET_LENGTH, CHECK_LENGTH = 12, 32, 6
"""Characters of the parts of a key. A secret of 32 has 190 bits (ASVS 5.0 §11.4.2 asks for 128)."""

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_TEXT = re.compile(
    rf"{PREFIX}_([0-9A-Za-z]{{{ID_LENGTH}}})_([0-9A-Za-z]{{{SECRET_LENGTH}}})_([0-9A-Za-z]{{{CHECK_LENGTH}}})"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyText:
    """A key as its holder writes it, in its parts."""

    id: str
    """Which key it is: no secret."""
    secret: str = field(repr=False)
    """What opens."""

    def __str__(self) -> str:
        """Return the text, with a checksum that tells a typo from a guess."""
        body = f"{PREFIX}_{self.id}_{self.secret}"
        return f"{body}_{_checksum(body)}"

    @property
    def digest(self) -> bytes:
        """What is kept of the secret. It is random, so that a plain hash of it is enough (ASVS 5.0 §11.4.2)."""
        return hashlib.sha256(self.secret.encode()).digest()


def make_key() -> KeyText:
    """Return a new random key."""
    return KeyText(id=_random(ID_LENGTH), secret=_random(SECRET_LENGTH))


def read_key(text: str) -> KeyText | None:
    """Return the parts of a key, or None where it was never one of ours: it is cut, mistyped, or something else."""
    found = _TEXT.fullmatch(text)
    if found is None or not hmac.compare_digest(_checksum(text[: -CHECK_LENGTH - 1]), found[3]):
        return None
    return KeyText(id=found[1], secret=found[2])


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(CHECK_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiKey:
    """A key as it is kept."""

    id: str
    """The first part of its text."""
    organization: str
    """The organization that it acts in."""
    owner: str
    """As whom it acts: a user or a service account."""
    display_name: str = ""
    """What people call it."""
    scopes: tuple[str, ...]
    """The patterns that it opens, as far as its owner holds them."""
    digest: bytes = field(repr=False)
    """SHA-256 of its secret."""
    created: datetime
    """When it was made."""
    creator: str
    """Who has made it."""
    expires: datetime | None = None
    """When it expires, or None for never."""
    revoked: datetime | None = None
    """When it was revoked, or None."""
    used: datetime | None = None
    """When it was used last, to the minute, or None."""

    @property
    def name(self) -> str:
        """Its name as a resource."""
        return f"{NAMES}{self.id}"

    def is_good(self, now: datetime) -> bool:
        """Whether it opens anything at that time."""
        return self.revoked is None and (self.expires is None or now < self.expires)


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """Which keys are listed."""

    organization: str
    """Those of this organization."""
    owner: str = ""
    """Those of this owner alone, if not empty."""
    after: str = ""
    """Those whose id comes after this one."""
    limit: int
    """So many at most."""


class ApiKeyStore(Protocol):
    """Keeps keys."""

    async def add(self, key: ApiKey) -> None:
        """Keep a new key."""

    async def find(self, key_id: str) -> ApiKey | None:
        """Return the key of that id, with the same work whether there is one or not."""

    async def list(self, listed: Listed) -> Sequence[ApiKey]:
        """Return keys in the order of their ids."""

    async def count(self, organization: str, owner: str) -> int:
        """Return how many keys the owner has."""

    async def revoke(self, key_id: str, now: datetime) -> None:
        """Note that the key is revoked, unless it is already."""

    async def remove(self, key_id: str) -> None:
        """Forget the key."""

    async def note_used(self, used: Mapping[str, datetime]) -> None:
        """Keep when keys were used last, by their ids."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """The key that somebody asks for."""

    owner: str
    """As whom it is to act."""
    display_name: str
    """What people call it."""
    scopes: Collection[str]
    """The patterns that it is to open."""
    expires: datetime | None
    """When it is to expire, or None for never."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiKeys:
    """Makes, lists and ends keys. `owner` holds whoever looks after their own to their own."""

    kept: ApiKeyStore
    """Keeps them."""
    directory: Directory
    """Says who may act, and what they hold."""
    revocations: Revocations
    """Takes back the tokens that a key was exchanged for."""
    changes: Changes
    """Makes several changes one."""
    audit: Audit
    """Where it is written down."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Now, with its time zone."""

    async def create(self, granter: Granter, wish: Wish) -> tuple[ApiKey, KeyText]:
        """Make a key, and return it with its text, which is known this once.

        Raises:
            GrantExceedsOwn: it would open what the caller does not hold, or act as somebody who holds more.
            ApiKeyOwnerInvalid: the owner does not exist or may not act.
            ApiKeyScopesExceedOwner: it would open what the owner does not hold.
            ApiKeyExpiryInvalid: it would be dead at once, or live too long.
            TooManyApiKeys: the owner has as many as anybody may have.
        """
        now = self.clock()
        if wish.expires is not None and not now < wish.expires <= now + LONGEST:
            raise ApiKeyExpiryInvalid(LONGEST.days)
        async with self.changes.open(granter.organization):
            await self._check(granter, wish)
            text = make_key()
            key = ApiKey(
                id=text.id,
                organization=granter.organization,
                owner=wish.owner,
                display_name=wish.display_name,
                scopes=tuple(drop_covered(wish.scopes)),
                digest=text.digest,
                created=now,
                creator=granter.subject,
                expires=wish.expires,
            )
            await self.kept.add(key)
            await self._record("api_key.created", granter, key)
        return key, text

    async def get(self, organization: str, name: str, *, owner: str = "") -> ApiKey:
        """Return one key. Raises `ApiKeyUnknown`."""
        key = await self.kept.find(name.removeprefix(NAMES))
        if key is None or key.organization != organization or owner not in {"", key.owner}:
            raise ApiKeyUnknown(name)
        return key

    async def list(self, listed: Listed) -> Sequence[ApiKey]:
        """Return keys in the order of their ids."""
        return await self.kept.list(listed)

    async def revoke(self, granter: Granter, name: str, *, owner: str = "") -> ApiKey:
        """End a key and all tokens that it was exchanged for; it stays listed. Raises `ApiKeyUnknown`."""
        async with self.changes.open(granter.organization):
            key = await self.get(granter.organization, name, owner=owner)
            if key.revoked is None:
                await self.kept.revoke(key.id, self.clock())
                await self.revocations.revoke([of_family(key.name)])
                await self._record("api_key.revoked", granter, key)
            return await self.get(granter.organization, name, owner=owner)

    async def delete(self, granter: Granter, name: str, *, owner: str = "") -> None:
        """End a key and forget it. Raises `ApiKeyUnknown`."""
        async with self.changes.open(granter.organization):
            key = await self.get(granter.organization, name, owner=owner)
            await self.kept.remove(key.id)
            await self.revocations.revoke([of_family(key.name)])
            await self._record("api_key.deleted", granter, key)

    async def _check(self, granter: Granter, wish: Wish) -> None:
        held = await find_held(self.directory, granter)
        if excess := find_excess(wish.scopes, held):
            raise GrantExceedsOwn(excess)
        account = await self.directory.find_acting(granter.organization, wish.owner)
        if account is None or account.disabled:
            raise ApiKeyOwnerInvalid(wish.owner)
        # However narrow its scopes are, a key acts as its owner: it reaches what is the owner's own, and what relations
        # give to the owner.
        if wish.owner != granter.subject and (excess := find_excess(account.permissions, held)):
            raise GrantExceedsOwn(excess)
        if excess := find_excess(wish.scopes, account.permissions):
            raise ApiKeyScopesExceedOwner(excess)
        if await self.kept.count(granter.organization, wish.owner) >= LIMIT:
            raise TooManyApiKeys(wish.owner, LIMIT)

    async def _record(self, kind: str, granter: Granter, key: ApiKey) -> None:
        detail = {"owner": key.owner, "scopes": " ".join(key.scopes)}
        entry = AuditEntry(
            kind=kind, organization=key.organization, actor=granter.subject, subject=key.name, detail=detail
        )
        await self.audit.record(entry)
