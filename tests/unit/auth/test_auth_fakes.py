"""Whether the fakes keep what the ports promise."""

from __future__ import annotations

import pytest

from tests.fakes.auth import FakeClock, FakeSessions, FakeSigningKeys, FakeThrottle
from tests.fakes.auth_conformance import LIMITS, SessionsConformance, SigningKeysConformance, ThrottleConformance


class TestFakeSessions(SessionsConformance):
    """The fake of `RefreshSessions`."""

    @pytest.fixture
    def kept(self) -> FakeSessions:
        return FakeSessions()


class TestFakeThrottle(ThrottleConformance):
    """The fake of `Throttle`."""

    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    def throttle(self, clock: FakeClock) -> FakeThrottle:
        return FakeThrottle(clock=clock, limits=LIMITS)


class TestFakeSigningKeys(SigningKeysConformance):
    """The fake of `SigningKeys`."""

    @pytest.fixture
    def keys(self) -> FakeSigningKeys:
        return FakeSigningKeys()
