"""Sign-in and factors with a fake behind every port."""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.auth.domain.factors.authenticators import PASSKEY, TOTP, Authenticator
from services.auth.domain.factors.recovery_codes import digest_of_code
from services.auth.domain.factors.totp import PERIOD, code_at, step_at
from services.auth.domain.sessions import Origin
from tests.fakes.auth_world import World

SEED = b"12345678901234567890"
"""The seed of every authenticator app of these tests."""

HERE = Origin(address="192.0.2.1", agent="test browser")
"""Where people are."""


@dataclass
class FactorWorld(World):
    """Auth without a server, and what people may show."""

    async def give_totp(self, user: str = "users/clerk") -> None:
        name = f"app of {user}"
        seed = self.seal.seal(SEED, name.encode())
        await self.authenticators.add(
            Authenticator(id=name, organization="default", user=user, kind=TOTP, created=self.clock(), seed=seed)
        )

    async def give_passkey(self, user: str = "users/clerk", *, backup: bool = False, count: int = 0) -> bytes:
        credential = f"passkey of {user}".encode()
        await self.authenticators.add(
            Authenticator(
                id=f"passkey of {user}",
                organization="default",
                user=user,
                kind=PASSKEY,
                display_name="Phone",
                created=self.clock(),
                credential=credential,
                backup_eligible=backup,
                sign_count=count,
            )
        )
        return credential

    async def give_recovery_codes(self, *codes: str, user: str = "users/clerk") -> None:
        await self.authenticators.replace_codes("default", user, [digest_of_code(code) for code in codes])

    def totp(self, *, steps: int = 0) -> str:
        return code_at(SEED, step_at(self.clock.seconds()) + steps)

    def wait_for_next_totp(self) -> None:
        self.clock.advance(seconds=PERIOD)

    async def mailed(self) -> str:
        """Return the code, or the secret of the link, in the mail that was posted last."""
        await self.later.drain()
        text = self.mail.posted[-1].text
        found = re.search(r"\?link=(\S+)|\b(\d{8})\b", text)
        assert found is not None, text
        return found[1] or found[2]
