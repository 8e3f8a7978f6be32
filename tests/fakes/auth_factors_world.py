"""Sign-in and factors with a fake behind every port."""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.auth.domain.factors.authenticators import PASSKEY, TOTP, Authenticator
from services.auth.domain.factors.holdings import Holdings
from services.auth.domain.factors.mailed import MailedCodes
from services.auth.domain.factors.recovery_codes import digest_of_code
from services.auth.domain.factors.showing import Showing
from services.auth.domain.factors.totp import PERIOD, code_at, step_at
from services.auth.domain.links import Links
from services.auth.domain.notices import Notices
from services.auth.domain.sessions import Origin
from services.auth.domain.sign_in_flow import SignInFlow
from tests.fakes.auth import FakeSeal
from tests.fakes.auth_factors import (
    FakeAddresses,
    FakeAttempts,
    FakeAudit,
    FakeAuthenticators,
    FakeCeremonies,
    FakeEnrolments,
    FakeLater,
    FakeMail,
    FakeMailedProofs,
)
from tests.fakes.auth_world import World

SEED = b"12345678901234567890"
"""The seed of every authenticator app of these tests."""

HERE = Origin(address="192.0.2.1", agent="test browser")
"""Where people are."""


@dataclass
class FactorWorld(World):
    """Auth without a server, with everything that people may show."""

    def __post_init__(self) -> None:
        World.__post_init__(self)
        self.mail, self.audit, self.later = FakeMail(), FakeAudit(), FakeLater()
        self.attempts, self.proofs = FakeAttempts(), FakeMailedProofs()
        self.authenticators, self.enrolments = FakeAuthenticators(), FakeEnrolments()
        self.addresses, self.ceremonies, self.seal = FakeAddresses(self.people), FakeCeremonies(), FakeSeal()
        self.links = Links(issuer="https://tenon.test")
        self.codes = MailedCodes(kept=self.proofs, clock=self.clock)
        self.holdings = Holdings(kept=self.authenticators)
        self.notices = Notices(mail=self.mail, audit=self.audit, clock=self.clock)
        self.flow = SignInFlow(
            directory=self.people,
            attempts=self.attempts,
            holdings=self.holdings,
            showing=self._showing(),
            throttle=self.throttle,
            sessions=self.sessions,
            audit=self.audit,
            clock=self.clock,
        )

    def _showing(self) -> Showing:
        return Showing(
            directory=self.people,
            hasher=self.hasher,
            kept=self.authenticators,
            ceremonies=self.ceremonies,
            codes=self.codes,
            addresses=self.addresses,
            seal=self.seal,
            mail=self.mail,
            later=self.later,
            links=self.links,
            notices=self.notices,
            clock=self.clock,
        )

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
