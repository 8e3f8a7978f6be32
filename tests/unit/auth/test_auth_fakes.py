"""Whether the fakes keep what the ports promise."""

from __future__ import annotations

import pytest

from tests.fakes.auth import FakeClock, FakeFamilies, FakeSessions, FakeSigningKeys, FakeThrottle
from tests.fakes.auth_conformance import LIMITS, FamiliesConformance, SigningKeysConformance, ThrottleConformance


class TestFakeFamilies(FamiliesConformance):
    """The fakes of `RefreshFamilies` and `SessionStore`."""

    @pytest.fixture
    def kept(self) -> FakeFamilies:
        return FakeFamilies()

    @pytest.fixture
    def sessions(self, kept: FakeFamilies) -> FakeSessions:
        return FakeSessions(families=kept)


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
