"""When a key signs, when it is published, and when it goes."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.errors import SigningKeyMissing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, kw_only=True, slots=True)
class SigningKey:
    """One key pair. It is published from the moment that it is kept, and signs from `activates` on."""

    id: str
    """`kid` of the tokens that it signs."""
    public: Mapping[str, str]
    """The public JWK (RFC 7517), with `kid`, `use` and `alg`."""
    private: Mapping[str, str] | None = field(repr=False)
    """The whole JWK, or None where it cannot be unsealed: then it is published and signs no more."""
    activates: datetime
    """From when on it signs."""

    @property
    def algorithm(self) -> str:
        """Return `alg` of what it signs."""
        return self.public.get("alg", "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Rotation:
    """How often keys are exchanged, and how long they overlap."""

    period: timedelta = timedelta(days=30)
    """How long a key signs."""
    lead: timedelta = timedelta(minutes=15)
    """How long a key is published before it signs: longer than any verifier keeps a document (ten minutes)."""
    trail: timedelta = timedelta(minutes=30)
    """How long a key is published after it signed last: longer than a token lives and a document is kept together."""

    def next_activation(self, keys: Sequence[SigningKey], now: datetime) -> datetime | None:
        """Return from when on a key that is made now must sign, or None where none is to be made."""
        usable = [key for key in keys if key.private is not None]
        if not any(key.activates <= now for key in usable):
            # Nothing can sign: better a verifier has to look for the key than that nobody can sign in.
            return now
        newest = max(key.activates for key in usable)
        return now + self.lead if now >= newest + self.period - self.lead else None

    def outdated(self, keys: Sequence[SigningKey], now: datetime) -> list[str]:
        """Return the ids of the keys that no living token was signed with."""
        ordered = sorted(keys, key=lambda key: key.activates)
        return [old.id for old, successor in itertools.pairwise(ordered) if now > successor.activates + self.trail]


def current_key(keys: Sequence[SigningKey], now: datetime, algorithm: str = "ES256") -> SigningKey:
    """Return the key that signs by an algorithm. Raises `SigningKeyMissing`."""
    able = [key for key in keys if key.private is not None and key.activates <= now]
    usable = [key for key in able if key.algorithm == algorithm]
    if not usable:
        raise SigningKeyMissing
    return max(usable, key=lambda key: key.activates)


class SigningKeys(Protocol):
    """Keeps key pairs, private parts sealed."""

    async def list(self) -> Sequence[SigningKey]:
        """Return all keys."""

    async def rotate(self, rotation: Rotation, *, now: datetime) -> Sequence[SigningKey]:
        """Make and drop what is due, one worker at a time, and return the keys that there are then."""
