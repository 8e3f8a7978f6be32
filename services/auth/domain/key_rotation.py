"""How operators exchange the keys that sign, before their time or in an emergency."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.accounts import SYSTEM_ORGANIZATION
from services.auth.domain.audit import AuditEntry
from services.auth.domain.errors import SigningKeyUnknown
from services.auth.domain.revocations import of_key

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from services.auth.domain.accounts import Changes
    from services.auth.domain.audit import Audit
    from services.auth.domain.revocations import Revocations
    from services.auth.domain.signing_keys import Rotation, SigningKey


class KeyState(Enum):
    """What a key is for at present."""

    STAGED = "staged"
    """It is published, and signs later."""
    SIGNING = "signing"
    """It signs."""
    RETIRED = "retired"
    """It signs no more, and is published for as long as a token lives that it has signed."""


class ExchangedKeys(Protocol):
    """Keeps key pairs; changes are made within the transaction that is open."""

    async def list(self) -> Sequence[SigningKey]:
        """Return all keys."""

    async def stage(self, *, activates: datetime, now: datetime) -> Sequence[SigningKey]:
        """Make a key for each algorithm that has none which signs later than now, and return all there are then."""

    async def withdraw(self, ids: Collection[str], *, now: datetime) -> Sequence[SigningKey]:
        """Drop keys, and return those that there are then.

        Where none is left that signs, the next one does at once, or else a new one.
        """


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyRotation:
    """Begins a rotation at once, or withdraws keys that somebody else may have."""

    kept: ExchangedKeys
    """Keeps them."""
    rotation: Rotation
    """How long a key is published before it signs."""
    revocations: Revocations
    """Takes back what a withdrawn key has signed."""
    changes: Changes
    """Makes withdrawal, revocation and audit one."""
    audit: Audit
    """Writes down."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Now, with its time zone."""

    async def describe(self) -> Sequence[tuple[SigningKey, KeyState]]:
        """Return the keys that are published, with what each is for."""
        return self._stated(await self.kept.list())

    async def rotate(self, actor: str) -> Sequence[tuple[SigningKey, KeyState]]:
        """Publish the next keys now; they sign once everybody has read them. Where they are published, nothing is done.

        Returns all keys.
        """
        now = self.clock()
        async with self.changes.open(SYSTEM_ORGANIZATION):
            before = {key.id for key in await self.kept.list()}
            keys = await self.kept.stage(activates=now + self.rotation.lead, now=now)
            for key in keys:
                if key.id not in before:
                    await self._record("signing_key.staged", actor, key.id)
        return self._stated(keys)

    async def revoke(self, actor: str, ids: Collection[str]) -> Sequence[tuple[SigningKey, KeyState]]:
        """Withdraw keys at once: whatever they have signed is good no more, and other keys sign.

        Returns the keys that there are then.

        Raises:
            SigningKeyUnknown: one of the keys is not published; nothing is done then.
        """
        async with self.changes.open(SYSTEM_ORGANIZATION):
            known = {key.id for key in await self.kept.list()}
            if unknown := set(ids) - known:
                raise SigningKeyUnknown(unknown)
            keys = await self.kept.withdraw(ids, now=self.clock())
            await self.revocations.revoke([of_key(key) for key in sorted(ids)])
            for key in sorted(ids):
                await self._record("signing_key.revoked", actor, key)
        return self._stated(keys)

    def _stated(self, keys: Sequence[SigningKey]) -> Sequence[tuple[SigningKey, KeyState]]:
        now = self.clock()
        signing: dict[str, SigningKey] = {}
        for key in sorted(keys, key=lambda key: key.activates):
            if key.private is not None and key.activates <= now:
                signing[key.algorithm] = key
        return [(key, _state_of(key, signing.get(key.algorithm), now)) for key in keys]

    async def _record(self, kind: str, actor: str, key: str) -> None:
        entry = AuditEntry(kind=kind, organization=SYSTEM_ORGANIZATION, actor=actor, subject=f"signingKeys/{key}")
        await self.audit.record(entry)


def _state_of(key: SigningKey, signing: SigningKey | None, now: datetime) -> KeyState:
    if key.activates > now:
        return KeyState.STAGED
    return KeyState.SIGNING if key is signing else KeyState.RETIRED
