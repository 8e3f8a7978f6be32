"""Whether what Postgres keeps of sign-ins and factors is what the domain asks of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from services.auth.domain.factors.mailed import MailedCodes
from services.auth.storage import schema
from services.auth.storage.authenticators import SqlAuthenticators
from services.auth.storage.background import Background
from services.auth.storage.credentials import SqlCredentials
from services.auth.storage.database import Database
from services.auth.storage.enrolments import SqlEnrolments
from services.auth.storage.mailed_proofs import SqlMailedProofs
from services.auth.storage.sign_in_attempts import SqlSignInAttempts
from tests.fakes.auth_factors_conformance import (
    APP,
    ATTEMPT,
    AttemptsConformance,
    AuthenticatorsConformance,
    EnrolmentsConformance,
    MailedProofsConformance,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def auth(database: str) -> AsyncIterator[Database]:
    """Auth's own tables, empty."""
    opened = Database(database)
    await schema.migrate(opened)
    yield opened
    await opened.close()


class TestSqlSignInAttempts(AttemptsConformance):
    """The adapter of `SignInAttempts` in Postgres."""

    @pytest.fixture
    def attempts(self, auth: Database) -> SqlSignInAttempts:
        return SqlSignInAttempts(auth)


class TestSqlMailedProofs(MailedProofsConformance):
    """The adapter of `MailedProofs` in Postgres."""

    @pytest.fixture
    def proofs(self, auth: Database) -> SqlMailedProofs:
        return SqlMailedProofs(auth)

    async def test_a_code_is_redeemed_once_and_guesses_at_once_are_five(self, auth: Database) -> None:
        """Auth statement 37."""
        codes = MailedCodes(kept=SqlMailedProofs(auth))
        made = {"purpose": "sign_in", "organization": "default", "email": "a@x.test", "user": "users/1"}
        code = await codes.make_code("handle", **made)
        redeemed = await asyncio.gather(*(codes.redeem_code("handle", code, purpose="sign_in") for _ in range(5)))
        assert sum(one is not None for one in redeemed) == 1
        code = await codes.make_code("handle", **made)
        wrong = "0" * 8 if code != "0" * 8 else "1" * 8
        await asyncio.gather(*(codes.redeem_code("handle", wrong, purpose="sign_in") for _ in range(20)))
        assert await codes.redeem_code("handle", code, purpose="sign_in") is None
        rows = await auth.fetch("SELECT * FROM auth.mailed_proofs")
        assert code not in str([tuple(row) for row in rows])
        assert [row["tries"] for row in rows] == [5]


class TestSqlAuthenticators(AuthenticatorsConformance):
    """The adapter of `Authenticators` in Postgres."""

    @pytest.fixture
    def kept(self, auth: Database) -> SqlAuthenticators:
        return SqlAuthenticators(auth)


class TestSqlEnrolments(EnrolmentsConformance):
    """The adapter of `Enrolments` in Postgres."""

    @pytest.fixture
    def enrolments(self, auth: Database) -> SqlEnrolments:
        return SqlEnrolments(auth)


async def test_what_somebody_signs_in_by_goes_with_their_password(auth: Database) -> None:
    kept, credentials = SqlAuthenticators(auth), SqlCredentials(auth)
    await kept.add(APP)
    await kept.replace_codes("default", "users/1", [b"1"])
    await credentials.set("default", "users/1", "hash")
    await credentials.remove("default", "users/1")
    assert list(await kept.list_of("default", "users/1")) == []
    assert await kept.count_codes("default", "users/1") == 0


async def test_a_hash_is_renewed_only_where_it_is_the_former_one(auth: Database) -> None:
    credentials = SqlCredentials(auth)
    await credentials.set("default", "users/1", "changed meanwhile", short=True)
    await credentials.renew("default", "users/1", "former", "renewed")
    rows = await auth.fetch("SELECT password_hash FROM auth.credentials")
    assert [row["password_hash"] for row in rows] == ["changed meanwhile"]
    assert await credentials.is_short("default", "users/1")
    await credentials.renew("default", "users/1", "changed meanwhile", "renewed")
    rows = await auth.fetch("SELECT password_hash FROM auth.credentials")
    assert [row["password_hash"] for row in rows] == ["renewed"]


async def test_what_is_left_for_later_joins_no_transaction(auth: Database) -> None:
    later = Background()
    attempts = SqlSignInAttempts(auth)

    async def fail() -> None:
        async with auth.open("default"):
            later.run(lambda: attempts.open(ATTEMPT))
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    await later.drain()
    assert await auth.fetch("SELECT 1 FROM auth.sign_in_attempts") != []


async def test_what_fails_later_is_logged_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    later = Background()

    async def fail() -> None:
        raise LookupError

    later.run(fail)
    await later.drain()
    assert "has failed" in caplog.text
