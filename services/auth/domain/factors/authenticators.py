"""What people have set up to prove themselves by, beside their passwords, and where it is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

TOTP = "totp"
"""An authenticator app."""

PASSKEY = "passkey"
"""A passkey."""

MOST = 20
"""Authenticators that one account may have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Authenticator:
    """An authenticator app or a passkey."""

    id: str
    """Its id: says nothing and opens nothing."""
    organization: str
    """The organization of its owner."""
    user: str
    """Name of its owner."""
    kind: str
    """`totp` or `passkey`."""
    display_name: str = ""
    """What its owner calls it."""
    created: datetime
    """When it was set up."""
    used: datetime | None = None
    """When it was last used."""
    suspended: bool = False
    """Whether it is believed no more, since somebody seems to have a copy of it."""
    seed: bytes = field(default=b"", repr=False)
    """The sealed seed of an authenticator app."""
    last_step: int = 0
    """The time step whose code was accepted last: none up to it is accepted again (RFC 6238 §5.2)."""
    credential: bytes = b""
    """Id of a passkey."""
    public_key: bytes = field(default=b"", repr=False)
    """Public key of a passkey, as COSE has it."""
    sign_count: int = 0
    """How often a passkey has signed, or zero where it does not count."""
    backup_eligible: bool = False
    """Whether a passkey may be copied to other devices of its owner."""
    transports: tuple[str, ...] = ()
    """How a passkey is reached, as the browser has said."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Enrolment:
    """An authenticator that is being set up."""

    id: bytes
    """SHA-256 of the token that its owner has."""
    organization: str
    """The organization of its owner."""
    user: str
    """Name of its owner."""
    kind: str
    """`totp` or `passkey`."""
    display_name: str = ""
    """What its owner calls it."""
    seed: bytes = field(default=b"", repr=False)
    """The sealed seed of an authenticator app."""
    challenge: bytes = field(default=b"", repr=False)
    """What a passkey has to sign."""
    failures: int = 0
    """Wrong answers so far."""
    expires: datetime
    """When it is forgotten."""


class Authenticators(Protocol):
    """Keeps authenticators, and recovery codes by their SHA-256."""

    async def add(self, authenticator: Authenticator) -> bool:
        """Keep a new one; return False where somebody, whoever it is, has that passkey already."""

    async def list_of(self, organization: str, user: str) -> Sequence[Authenticator]:
        """Return a user's authenticators, the oldest first."""

    async def find_passkey(self, credential: bytes) -> Authenticator | None:
        """Return the passkey of that id, whoever has it."""

    async def use_step(self, authenticator: str, step: int, *, now: datetime) -> bool:
        """Use up the code of a time step; return False where it, or a later one, was used before."""

    async def count_signature(self, authenticator: str, sign_count: int, *, now: datetime) -> bool:
        """Keep how often a passkey has signed; return False, and suspend it, where it has signed less often before.

        Passkeys that do not count say zero each time.
        """

    async def rename(self, organization: str, user: str, authenticator: str, display_name: str) -> Authenticator | None:
        """Give a user's authenticator another name, and return it as it is then."""

    async def remove(self, organization: str, user: str, authenticator: str) -> Authenticator | None:
        """Forget a user's authenticator, and return what it was."""

    async def replace_codes(self, organization: str, user: str, digests: Iterable[bytes]) -> None:
        """Keep these recovery codes in place of all that the user had."""

    async def use_code(self, organization: str, user: str, digest: bytes, *, now: datetime) -> bool:
        """Use up a recovery code; return False where there is none such, or it was used before."""

    async def count_codes(self, organization: str, user: str) -> int:
        """Return how many recovery codes are left."""

    async def forget(self, organization: str, user: str) -> None:
        """Forget everything that a user has set up."""


class Enrolments(Protocol):
    """Keeps what is being set up, for a few minutes."""

    async def open(self, enrolment: Enrolment) -> None:
        """Keep a new one."""

    async def find(self, enrolment: bytes, *, now: datetime) -> Enrolment | None:
        """Return one that has not expired."""

    async def count_failure(self, enrolment: bytes) -> None:
        """Note a wrong answer."""

    async def close(self, enrolment: bytes) -> bool:
        """Forget one; return False where somebody else has done so: it is finished once."""

    async def prune(self, *, now: datetime) -> None:
        """Forget those that have expired."""
