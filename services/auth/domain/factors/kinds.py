"""The kinds of factors, and what each adds to an authentication."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.authentication import MAILED, ONE_TIME_CODE, PASSWORD

if TYPE_CHECKING:
    from collections.abc import Mapping


class Factor(enum.StrEnum):
    """What somebody may show to sign in."""

    PASSKEY = "passkey"
    """An assertion of a passkey (WebAuthn Level 3)."""
    PASSWORD = "password"  # noqa: S105 - a kind, not a secret
    """The password."""
    EMAIL_CODE = "email_code"
    """A code of eight digits that was sent by mail."""
    EMAIL_LINK = "email_link"
    """A link that was sent by mail."""
    TOTP = "totp"
    """A code of an authenticator app (RFC 6238)."""
    RECOVERY_CODE = "recovery_code"
    """A code of the list that was shown once."""
    FEDERATED = "federated"
    """What an identity provider says; it is never asked for here, but brought from there."""


FIRST = (Factor.PASSKEY, Factor.PASSWORD, Factor.EMAIL_CODE, Factor.EMAIL_LINK)
"""What a sign-in may begin with: the same for everybody, whether they have it or not, or exist."""

MAIL = frozenset({Factor.EMAIL_CODE, Factor.EMAIL_LINK})
"""What proves nothing but the mailbox."""

SECOND = frozenset({Factor.PASSKEY, Factor.TOTP, Factor.RECOVERY_CODE})
"""What counts as a second factor."""

METHODS: Mapping[Factor, tuple[str, ...]] = {
    Factor.PASSWORD: (PASSWORD,),
    Factor.EMAIL_CODE: (MAILED,),
    Factor.EMAIL_LINK: (MAILED,),
    Factor.TOTP: (ONE_TIME_CODE,),
    Factor.RECOVERY_CODE: (ONE_TIME_CODE,),
}
"""What each adds to `amr`; a passkey says so itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """Which factors an account has."""

    password: bool = False
    """Whether there is a password."""
    totp: bool = False
    """Whether an authenticator app is set up."""
    passkey: bool = False
    """Whether there is a passkey that is believed."""
    suspended: bool = False
    """Whether there is a passkey of which somebody seems to have a copy."""
    recovery_codes: int = 0
    """How many recovery codes are left."""
    required: bool = False
    """Whether the organization asks for two factors."""

    @property
    def second(self) -> bool:
        """Whether the account has a second factor, so that one has to be shown.

        A passkey that is believed no more still asks for one: whoever has copied it must not be asked for less.
        """
        return self.totp or self.passkey or self.suspended

    def has(self, factor: Factor) -> bool:
        """Whether the account can show a factor. Everybody has a mailbox."""
        held = {
            Factor.PASSWORD: self.password,
            Factor.TOTP: self.totp,
            Factor.PASSKEY: self.passkey,
            Factor.RECOVERY_CODE: self.recovery_codes > 0 and self.second,
            Factor.FEDERATED: False,
        }
        return held.get(factor, True)
