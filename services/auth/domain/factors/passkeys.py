"""Passkeys: what is asked of a browser, and what its answer says (WebAuthn Level 3 §7)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.authentication import HARDWARE_KEY, SOFTWARE_KEY, USER_VERIFIED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.auth.domain.accounts import Account
    from services.auth.domain.factors.authenticators import Authenticator

_CHALLENGE_BYTES = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Registered:
    """A passkey that was made just now."""

    credential: bytes
    """Its id."""
    public_key: bytes = field(repr=False)
    """Its public key, as COSE has it."""
    sign_count: int
    """How often it has signed."""
    backup_eligible: bool
    """Whether it may be copied to other devices of its owner."""
    transports: tuple[str, ...] = ()
    """How it is reached, as the browser has said."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asserted:
    """A passkey that was used just now."""

    sign_count: int
    """How often it has signed."""
    verified: bool
    """Whether the device has asked for a PIN or a biometric."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    """What an assertion says of itself, before anything is checked."""

    credential: bytes
    """Id of the passkey."""
    user_handle: bytes
    """Whose it says it is; empty where it does not."""


class Ceremonies(Protocol):
    """Speaks WebAuthn, of one relying party and its origins."""

    def offer_registration(self, account: Account, challenge: bytes, present: Sequence[Authenticator]) -> str:
        """Return the options of `navigator.credentials.create`, as JSON; passkeys that there are are not made again."""

    def check_registration(self, answer: str, challenge: bytes) -> Registered | None:
        """Return the new passkey, or None where origin, relying party, challenge or signature is wrong."""

    def offer_assertion(self, challenge: bytes, allowed: Sequence[Authenticator], *, verify: bool) -> str:
        """Return the options of `navigator.credentials.get`, as JSON; any passkey will do where none is listed."""

    def read_assertion(self, answer: str) -> Claimed | None:
        """Return what an answer says of itself, or None where it is none."""

    def check_assertion(self, answer: str, challenge: bytes, passkey: Authenticator) -> Asserted | None:
        """Return what the passkey has signed, or None where anything is wrong. The sign count is not looked at."""


def generate_challenge() -> bytes:
    """Return 256 random bits (WebAuthn §13.4.3 asks for 128)."""
    return secrets.token_bytes(_CHALLENGE_BYTES)


def methods_of(passkey: Authenticator, asserted: Asserted) -> tuple[str, ...]:
    """Return what the use of a passkey adds to `amr`."""
    key = SOFTWARE_KEY if passkey.backup_eligible else HARDWARE_KEY
    return (key, USER_VERIFIED) if asserted.verified else (key,)
