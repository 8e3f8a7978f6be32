"""Whether the fakes of sign-in and factors keep what the ports promise."""

from __future__ import annotations

import pytest

from tests.fakes.auth_factors import FakeAttempts, FakeAuthenticators, FakeEnrolments, FakeMailedProofs
from tests.fakes.auth_factors_conformance import (
    AttemptsConformance,
    AuthenticatorsConformance,
    EnrolmentsConformance,
    MailedProofsConformance,
)


class TestFakeAttempts(AttemptsConformance):
    """The fake of `SignInAttempts`."""

    @pytest.fixture
    def attempts(self) -> FakeAttempts:
        return FakeAttempts()


class TestFakeMailedProofs(MailedProofsConformance):
    """The fake of `MailedProofs`."""

    @pytest.fixture
    def proofs(self) -> FakeMailedProofs:
        return FakeMailedProofs()


class TestFakeAuthenticators(AuthenticatorsConformance):
    """The fake of `Authenticators`."""

    @pytest.fixture
    def kept(self) -> FakeAuthenticators:
        return FakeAuthenticators()


class TestFakeEnrolments(EnrolmentsConformance):
    """The fake of `Enrolments`."""

    @pytest.fixture
    def enrolments(self) -> FakeEnrolments:
        return FakeEnrolments()
