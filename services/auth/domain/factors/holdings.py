"""Which factors an account has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.factors.authenticators import PASSKEY, TOTP
from services.auth.domain.factors.kinds import Held

if TYPE_CHECKING:
    from services.auth.domain.accounts import Account
    from services.auth.domain.factors.authenticators import Authenticators

NOTHING = Held()
"""What is known of whoever has shown nothing yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Holdings:
    """Says which factors accounts have."""

    kept: Authenticators
    """Where authenticators are kept."""

    async def of(self, account: Account) -> Held:
        """Return the factors of an account."""
        present = await self.kept.list_of(account.organization, account.name)
        second = bool(present)
        return Held(
            required=account.needs_second_factor,
            password=bool(account.password_hash),
            totp=any(one.kind == TOTP for one in present),
            passkey=any(one.kind == PASSKEY and not one.suspended for one in present),
            suspended=any(one.suspended for one in present),
            recovery_codes=await self.kept.count_codes(account.organization, account.name) if second else 0,
        )
