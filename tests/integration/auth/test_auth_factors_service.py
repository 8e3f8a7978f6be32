"""Sign-in step by step and factors, over the whole service: its contract, its chain, its rules, Postgres and Redis."""

from __future__ import annotations

import asyncio
import base64
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from tenon.auth.v1 import (
    authenticator_service_pb2 as factors_pb,
)
from tenon.auth.v1 import (
    authenticator_service_pb2_grpc as factors_grpc,
)
from tenon.auth.v1 import (
    recovery_service_pb2 as recovery_pb,
)
from tenon.auth.v1 import (
    recovery_service_pb2_grpc as recovery_grpc,
)
from tenon.auth.v1 import (
    session_service_pb2 as sessions_pb,
)
from tenon.auth.v1 import (
    session_service_pb2_grpc as sessions_grpc,
)
from tenon.auth.v1 import (
    user_pb2,
    user_service_pb2,
)

from services.auth.domain.factors.totp import code_at, step_at
from services.auth.storage.database import Database
from services.auth.storage.mail import SqlMail
from tests.fakes.software_passkey import SoftwarePasskey
from tests.integration.auth.test_auth_service import (  # noqa: F401 - fixtures among them
    Service,
    claims_of,
    environ,
    reason_of,
    service,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CLERK, NEW = "clerk@tenon.local", "walrus paradox canteen"
TOTP, PASSKEY = sessions_pb.FACTOR_TOTP, sessions_pb.FACTOR_PASSKEY
BROWSER = ("user-agent", "test browser")


@dataclass
class Desk:
    """Auth as somebody sees it who signs in, and their mailbox."""

    service: Service
    database: Database
    user: str
    password: str

    def __post_init__(self) -> None:
        edge: Any = self.service.channel("edge")
        self.sessions: Any = sessions_grpc.SessionServiceStub(edge)
        self.factors: Any = factors_grpc.AuthenticatorServiceStub(edge)
        self.recovery: Any = recovery_grpc.RecoveryServiceStub(edge)

    async def sign_in(self, password: str = "") -> Any:
        request = sessions_pb.SignInRequest(email=CLERK, password=password or self.password)
        return await self.sessions.SignIn(request, metadata=[BROWSER])

    async def bearer(self) -> dict[str, Any]:
        return bearing((await self.sign_in()).access_token)

    async def letter(self, kind: str) -> str:
        """Return the code, or the secret of the link, in the mail of that kind that waits; others are dropped."""
        sealer = self.service.frame.keyring.sealer("auth mail")
        mail = SqlMail(self.database, sealer)
        async with asyncio.timeout(10):
            while True:
                for kept in await mail.lend(now=datetime.now(UTC), lease=timedelta(days=1), limit=10):
                    if kept.message.kind == kind:
                        assert kept.message.to == CLERK
                        found = re.search(r"\?link=(\S+)|\b(\d{8})\b", kept.message.text)
                        return (found[1] or found[2]) if found else kept.message.text
                await asyncio.sleep(0.01)

    async def set_up_totp(self) -> bytes:
        caller = await self.bearer()
        begun = await self.factors.BeginTotp(factors_pb.BeginTotpRequest(display_name="Phone"), **caller)
        seed = base64.b32decode(begun.secret.replace(" ", ""))
        # The code of the step before: that of this one is still to sign in with.
        code = code_at(seed, step_at(time.time()) - 1)
        await self.factors.ConfirmTotp(factors_pb.ConfirmTotpRequest(enrolment=begun.enrolment, code=code), **caller)
        return seed


def bearing(token: str) -> dict[str, Any]:
    return {"metadata": [("authorization", f"Bearer {token}"), BROWSER]}


@pytest.fixture
async def desk(service: Service, environ: dict[str, str]) -> AsyncIterator[Desk]:  # noqa: F811 - they are fixtures
    """A clerk with a password."""
    admin = await service.bearer()
    made = await service.users.CreateUser(
        user_service_pb2.CreateUserRequest(user=user_pb2.User(email=CLERK, email_verified=True)), **admin
    )
    reset = await service.users.ResetPassword(user_service_pb2.ResetPasswordRequest(name=made.name), **admin)
    database = Database(environ["TENON_DATABASE_URL"])
    yield Desk(service=service, database=database, user=made.name, password=reset.password)
    await database.close()


async def test_an_app_is_set_up_and_asked_for_from_then_on(desk: Desk) -> None:
    """Auth statement 38."""
    seed = await desk.set_up_totp()
    answer = await desk.sign_in()
    assert answer.access_token == ""
    assert list(answer.challenge.factors) == [TOTP]
    wrong = sessions_pb.ContinueSignInRequest(attempt=answer.challenge.attempt, totp="000000")
    assert await reason_of(desk.sessions.ContinueSignIn(wrong)) == "UNAUTHENTICATED SIGN_IN_FAILED"
    code = code_at(seed, step_at(time.time()))
    right = sessions_pb.ContinueSignInRequest(attempt=answer.challenge.attempt, totp=code)
    opened = await desk.sessions.ContinueSignIn(right)
    claims = claims_of(opened.access_token)
    assert (claims["acr"], claims["amr"], claims["sub"]) == ("aal2", ["pwd", "otp", "mfa"], desk.user)
    assert await reason_of(desk.sessions.ContinueSignIn(right)) == "UNAUTHENTICATED SIGN_IN_EXPIRED"
    again = sessions_pb.ContinueSignInRequest(attempt=(await desk.sign_in()).challenge.attempt, totp=code)
    assert await reason_of(desk.sessions.ContinueSignIn(again)) == "UNAUTHENTICATED SIGN_IN_FAILED"
    rows = await desk.database.fetch("SELECT * FROM auth.authenticators")
    assert seed not in str([tuple(row) for row in rows]).encode()
    assert seed not in rows[0]["seed"]


async def test_a_passkey_signs_in_without_an_address(desk: Desk) -> None:
    """Auth statement 39."""
    passkey, caller = SoftwarePasskey(), await desk.bearer()
    begun = await desk.factors.BeginPasskey(factors_pb.BeginPasskeyRequest(display_name="Key"), **caller)
    answer = factors_pb.ConfirmPasskeyRequest(
        enrolment=begun.enrolment, credential_json=passkey.create(begun.options_json)
    )
    made = await desk.factors.ConfirmPasskey(answer, **caller)
    assert (made.authenticator.display_name, made.authenticator.synced) == ("Key", False)
    started = await desk.sessions.BeginSignIn(sessions_pb.BeginSignInRequest())
    assert list(started.challenge.factors) == [PASSKEY]
    attempt = started.challenge.attempt
    asked = await desk.sessions.CreatePasskeyChallenge(sessions_pb.CreatePasskeyChallengeRequest(attempt=attempt))
    shown = sessions_pb.ContinueSignInRequest(attempt=attempt, passkey_json=passkey.get(asked.options_json))
    opened = await desk.sessions.ContinueSignIn(shown)
    assert (opened.user, claims_of(opened.access_token)["acr"]) == (desk.user, "aal3")
    listed = await desk.factors.ListAuthenticators(factors_pb.ListAuthenticatorsRequest(), **caller)
    assert [one.name for one in listed.authenticators] == [made.authenticator.name]
    assert listed.authenticators[0].HasField("use_time")


async def test_a_code_by_mail_signs_in_and_verifies_the_address(desk: Desk) -> None:
    """Auth statements 37 and 42: what the request said of itself at the creation counts for nothing."""
    admin = await desk.service.bearer()
    get = user_service_pb2.GetUserRequest(name=desk.user)
    assert not (await desk.service.users.GetUser(get, **admin)).email_verified
    begun = await desk.sessions.BeginSignIn(sessions_pb.BeginSignInRequest(email=CLERK))
    attempt = begun.challenge.attempt
    await desk.sessions.SendSignInCode(sessions_pb.SendSignInCodeRequest(attempt=attempt))
    code = await desk.letter("code")
    shown = sessions_pb.ContinueSignInRequest(attempt=attempt, email_code=code)
    opened = await asyncio.gather(*(desk.sessions.ContinueSignIn(shown) for _ in range(5)), return_exceptions=True)
    tokens = [one for one in opened if not isinstance(one, BaseException)]
    assert len(tokens) == 1, "one of many at once"
    claims = claims_of(tokens[0].access_token)
    assert (claims["acr"], claims["amr"]) == ("aal1", ["otp"])
    assert (await desk.service.users.GetUser(get, **admin)).email_verified
    rows = await desk.database.fetch("SELECT * FROM auth.mailed_proofs")
    assert code not in str([tuple(row) for row in rows])


async def test_nobody_says_of_themselves_that_an_address_is_verified(desk: Desk) -> None:
    """Auth statement 42 (CVE-2026-27946): neither with the address nor without."""
    admin, users = await desk.service.bearer(), desk.service.users
    for user, paths in (
        (user_pb2.User(name=desk.user, email_verified=True), ["email_verified"]),
        (user_pb2.User(name=desk.user, email_verified=True), []),
        (user_pb2.User(name=desk.user, email="other@tenon.local", email_verified=True), ["email", "email_verified"]),
        (user_pb2.User(name=desk.user, email=CLERK, email_verified=True), ["*"]),
    ):
        request = user_service_pb2.UpdateUserRequest(user=user, update_mask=FieldMask(paths=paths))
        answer = (await asyncio.gather(users.UpdateUser(request, **admin), return_exceptions=True))[0]
        assert isinstance(answer, BaseException) or not answer.email_verified
    found = await users.GetUser(user_service_pb2.GetUserRequest(name=desk.user), **admin)
    assert not found.email_verified


async def test_another_address_is_verified_anew_and_both_are_told(desk: Desk) -> None:
    """Auth statement 42."""
    caller, admin = await desk.bearer(), await desk.service.bearer()
    await desk.recovery.RequestEmailVerification(recovery_pb.RequestEmailVerificationRequest(), **caller)
    link = await desk.letter("verification")
    complete = recovery_pb.CompleteEmailVerificationRequest(link=link)
    assert (await desk.recovery.CompleteEmailVerification(complete)).user == desk.user
    assert await reason_of(desk.recovery.CompleteEmailVerification(complete)) == "UNAUTHENTICATED LINK_INVALID"
    get = user_service_pb2.GetUserRequest(name=desk.user)
    found = await desk.service.users.GetUser(get, **admin)
    assert found.email_verified
    moved = user_pb2.User(name=desk.user, email="new@tenon.local", etag=found.etag)
    request = user_service_pb2.UpdateUserRequest(user=moved, update_mask=FieldMask(paths=["email"]))
    answer = await desk.service.users.UpdateUser(request, **admin)
    found = await desk.service.users.GetUser(get, **admin)
    assert (answer.email_verified, answer.etag) == (False, found.etag)
    mail = SqlMail(desk.database, desk.service.frame.keyring.sealer("auth mail"))
    told = await mail.lend(now=datetime.now(UTC), lease=timedelta(days=1), limit=10)
    assert {one.message.to for one in told if "address" in one.message.subject} == {CLERK, "new@tenon.local"}
    again = user_pb2.User(name=desk.user, email=CLERK)
    request = user_service_pb2.UpdateUserRequest(user=again, update_mask=FieldMask(paths=["email"]))
    assert not (await desk.service.users.UpdateUser(request, **admin)).email_verified, "nor is the former one"


async def test_a_forgotten_password_is_replaced_by_a_link_and_ends_all_sessions(desk: Desk) -> None:
    """Auth statements 37 and 41."""
    opened = await desk.sign_in()
    for email in (CLERK, "nobody@tenon.local"):
        await desk.recovery.RequestPasswordReset(recovery_pb.RequestPasswordResetRequest(email=email))
    link = await desk.letter("reset")
    weak = recovery_pb.CompletePasswordResetRequest(link=link, new_password="clerk@tenon.local")
    assert await reason_of(desk.recovery.CompletePasswordReset(weak)) == "INVALID_ARGUMENT PASSWORD_UNSUITABLE"
    strong = recovery_pb.CompletePasswordResetRequest(link=link, new_password=NEW)
    done = await asyncio.gather(
        *(desk.recovery.CompletePasswordReset(strong) for _ in range(4)), return_exceptions=True
    )
    assert sum(not isinstance(one, BaseException) for one in done) == 1
    assert (await desk.sign_in(NEW)).user == desk.user
    assert await reason_of(desk.sign_in()) == "UNAUTHENTICATED SIGN_IN_FAILED"
    renew = sessions_pb.RefreshSessionRequest(refresh_token=opened.refresh_token)
    assert await reason_of(desk.sessions.RefreshSession(renew)) == "UNAUTHENTICATED REFRESH_TOKEN_INVALID"
    assert "password was replaced" in await desk.letter("change")


async def test_stepping_up_gives_a_stronger_token_to_the_same_session(desk: Desk) -> None:
    """Auth statement 40, of step-up."""
    opened = await desk.sign_in()
    caller = bearing(opened.access_token)
    seed = await desk.set_up_totp()
    begun = await desk.sessions.StepUp(sessions_pb.StepUpRequest(acr="aal2"), **caller)
    assert list(begun.challenge.factors) == [TOTP]
    shown = sessions_pb.StepUpRequest(attempt=begun.challenge.attempt, totp=code_at(seed, step_at(time.time())))
    foreign = await desk.service.bearer()
    assert await reason_of(desk.sessions.StepUp(shown, **foreign)) == "UNAUTHENTICATED SIGN_IN_EXPIRED"
    stronger = claims_of((await desk.sessions.StepUp(shown, **caller)).access_token)
    before = claims_of(opened.access_token)
    assert (before["acr"], stronger["acr"]) == ("aal1", "aal2")
    assert (stronger["sid"], stronger["grant"]) == (before["sid"], before["grant"])
    renew = sessions_pb.RefreshSessionRequest(refresh_token=opened.refresh_token)
    assert claims_of((await desk.sessions.RefreshSession(renew)).access_token)["acr"] == "aal2"


async def test_sessions_are_listed_with_device_and_address_and_ended(desk: Desk) -> None:
    """Auth statement 41."""
    first, second = await desk.sign_in(), await desk.sign_in()
    caller = bearing(first.access_token)
    found = (await desk.sessions.ListSessions(sessions_pb.ListSessionsRequest(), **caller)).sessions
    assert len(found) == 2
    assert {(one.agent, one.acr, one.current) for one in found} == {
        ("test browser", "aal1", True),
        ("test browser", "aal1", False),
    }
    other = next(one.name for one in found if not one.current)
    await desk.sessions.EndSession(sessions_pb.EndSessionRequest(name=other), **caller)
    renew = sessions_pb.RefreshSessionRequest(refresh_token=second.refresh_token)
    assert await reason_of(desk.sessions.RefreshSession(renew)) == "UNAUTHENTICATED REFRESH_TOKEN_INVALID"
    assert (
        await reason_of(desk.sessions.EndSession(sessions_pb.EndSessionRequest(name=other), **caller))
        == "NOT_FOUND SESSION_UNKNOWN"
    )
    await desk.sign_in()
    assert (await desk.sessions.EndOtherSessions(sessions_pb.EndOtherSessionsRequest(), **caller)).ended == 1
    admin = await desk.service.bearer()
    listed = await desk.sessions.ListUserSessions(sessions_pb.ListUserSessionsRequest(user=desk.user), **admin)
    assert [one.name for one in listed.sessions] == [one.name for one in found if one.current]
    refused = desk.sessions.ListUserSessions(sessions_pb.ListUserSessionsRequest(user=desk.user), **caller)
    assert (await reason_of(refused)).startswith("PERMISSION_DENIED")
    ended = await desk.sessions.EndUserSessions(sessions_pb.EndUserSessionsRequest(user=desk.user), **admin)
    assert ended.ended == 1


async def test_a_deleted_user_leaves_nothing_to_sign_in_by(desk: Desk) -> None:
    """Auth statement 41, of factors."""
    await desk.set_up_totp()
    caller = await desk.service.bearer()
    await desk.service.users.DeleteUser(user_service_pb2.DeleteUserRequest(name=desk.user), **caller)
    for table in ("authenticators", "recovery_codes", "enrolments", "verified_addresses", "credentials"):
        rows = await desk.database.fetch(f"SELECT 1 FROM auth.{table} WHERE user_name = $1", [desk.user])
        assert rows == [], table


async def test_a_weak_password_is_refused_with_the_reason(desk: Desk) -> None:
    """Auth statements 33 and 34."""
    caller = await desk.bearer()
    for new in ("short", "passwordpassword", "clerk-tenon-local"):
        request = user_service_pb2.ChangePasswordRequest(current_password=desk.password, new_password=new)
        answer = await reason_of(desk.service.users.ChangePassword(request, **caller))
        assert answer == "INVALID_ARGUMENT PASSWORD_UNSUITABLE", new
    request = user_service_pb2.ChangePasswordRequest(current_password="wrong", new_password=NEW)
    assert await reason_of(desk.service.users.ChangePassword(request, **caller)) == (
        "PERMISSION_DENIED CURRENT_PASSWORD_WRONG"
    )
