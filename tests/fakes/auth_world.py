"""Auth's whole domain with a fake behind every port."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.auth.domain.address_verification import AddressVerification
from services.auth.domain.bootstrap import Bootstrap
from services.auth.domain.factors.holdings import Holdings
from services.auth.domain.factors.mailed import MailedCodes
from services.auth.domain.factors.setup import Setup
from services.auth.domain.factors.showing import Showing
from services.auth.domain.families import Families
from services.auth.domain.grants import Grants
from services.auth.domain.links import Links
from services.auth.domain.notices import Notices
from services.auth.domain.password_policy import PasswordPolicy
from services.auth.domain.password_recovery import PasswordRecovery
from services.auth.domain.passwords import Passwords
from services.auth.domain.session_lists import SessionLists
from services.auth.domain.sessions import Sessions
from services.auth.domain.sign_in import SignIn
from services.auth.domain.sign_in_flow import SignInFlow
from services.auth.domain.signing_out import SigningOut
from services.auth.domain.tokens import Minting
from tests.fakes.auth import (
    FakeClock,
    FakeFamilies,
    FakeHasher,
    FakePeople,
    FakeRevocations,
    FakeSeal,
    FakeSessions,
    FakeThrottle,
    FakeTokens,
)
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

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.auth.domain.factors.passkeys import Ceremonies

COMMON = frozenset({"password", "correcthorsebatterystaple"})
"""Passwords that everybody uses."""


class NoTransactions:
    """Does nothing (port `Transactions`): fakes keep what they are told, at once."""

    @asynccontextmanager
    async def together(self) -> AsyncIterator[None]:
        yield


@dataclass
class World:
    """Auth without a server."""

    clock: FakeClock = field(default_factory=FakeClock)
    people: FakePeople = field(default_factory=FakePeople)
    hasher: FakeHasher = field(default_factory=FakeHasher)
    ceremonies: Ceremonies = field(default_factory=FakeCeremonies)

    def __post_init__(self) -> None:
        self.throttle = FakeThrottle(clock=self.clock)
        self.kept_families = FakeFamilies()
        self.kept = FakeSessions(families=self.kept_families)
        self.revocations = FakeRevocations()
        self.tokens = FakeTokens(clock=self.clock)
        self.sessions = Sessions(kept=self.kept, clock=self.clock)
        self.families = Families(
            kept=self.kept_families, directory=self.people, tokens=self.tokens, seal=FakeSeal(), clock=self.clock
        )
        self.exits = SigningOut(sessions=self.sessions, families=self.families)
        self.mail, self.audit, self.later = FakeMail(), FakeAudit(), FakeLater()
        self.attempts, self.proofs = FakeAttempts(), FakeMailedProofs()
        self.authenticators, self.enrolments = FakeAuthenticators(), FakeEnrolments()
        self.addresses, self.seal = FakeAddresses(self.people), FakeSeal()
        self.links = Links(issuer="https://tenon.test")
        self.codes = MailedCodes(kept=self.proofs, clock=self.clock)
        self.holdings = Holdings(kept=self.authenticators)
        self.notices = Notices(mail=self.mail, audit=self.audit, clock=self.clock)
        self.flow = SignInFlow(
            directory=self.people,
            attempts=self.attempts,
            holdings=self.holdings,
            transactions=NoTransactions(),
            showing=self._showing(),
            throttle=self.throttle,
            sessions=self.sessions,
            audit=self.audit,
            clock=self.clock,
        )
        self.entrance = SignIn(flow=self.flow, families=self.families, renewals=self.flow.audit)
        self.passwords = Passwords(
            directory=self.people,
            credentials=self.people,
            hasher=self.hasher,
            throttle=self.throttle,
            sessions=self.kept,
            changes=self.people,
            policy=PasswordPolicy(common=COMMON),
            holdings=self.holdings,
            notices=self.notices,
            clock=self.clock,
        )
        self.setup = Setup(
            kept=self.authenticators,
            enrolments=self.enrolments,
            credentials=self.people,
            ceremonies=self.ceremonies,
            seal=self.seal,
            changes=self.people,
            notices=self.notices,
            clock=self.clock,
        )
        self.recovery = PasswordRecovery(
            passwords=self.passwords,
            codes=self.codes,
            addresses=self.addresses,
            mail=self.mail,
            later=self.later,
            links=self.links,
        )
        self.verification = AddressVerification(
            codes=self.codes,
            addresses=self.addresses,
            mail=self.mail,
            links=self.links,
            throttle=self.throttle,
            audit=self.audit,
        )
        self.lists = SessionLists(sessions=self.sessions, directory=self.people, changes=self.people, audit=self.audit)
        self.grants = Grants(
            directory=self.people,
            credentials=self.people,
            sessions=self.kept,
            revocations=self.revocations,
            changes=self.people,
            clock=self.clock,
        )
        self.minting = Minting(directory=self.people, tokens=self.tokens, default_email="admin@x.test")
        self.bootstrap = Bootstrap(
            directory=self.people,
            credentials=self.people,
            hasher=self.hasher,
            founding=self.people,
            changes=self.people,
            email="admin@x.test",
        )

    def _showing(self) -> Showing:
        return Showing(
            directory=self.people,
            hasher=self.hasher,
            credentials=self.people,
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
