"""Auth's whole domain with a fake behind every port."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.auth.domain.bootstrap import Bootstrap
from services.auth.domain.families import Families
from services.auth.domain.grants import Grants
from services.auth.domain.passwords import Passwords
from services.auth.domain.sessions import Sessions
from services.auth.domain.sign_in import SignIn
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


@dataclass
class World:
    """Auth without a server."""

    clock: FakeClock = field(default_factory=FakeClock)
    people: FakePeople = field(default_factory=FakePeople)
    hasher: FakeHasher = field(default_factory=FakeHasher)

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
        self.entrance = SignIn(
            directory=self.people,
            hasher=self.hasher,
            throttle=self.throttle,
            sessions=self.sessions,
            families=self.families,
        )
        self.passwords = Passwords(
            directory=self.people,
            credentials=self.people,
            hasher=self.hasher,
            throttle=self.throttle,
            sessions=self.kept,
            changes=self.people,
            clock=self.clock,
        )
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
