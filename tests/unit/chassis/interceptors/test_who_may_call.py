"""Who calls is found out by token and certificate, and the contract's rule decides what they may."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from services.chassis.call import NOBODY, CallerKind
from services.chassis.contract import Access, Authenticated, Internal, Permission, Public
from services.chassis.errors import PermissionDenied, TenonError, Unauthenticated
from services.chassis.interceptors import ORDER, Chain
from services.chassis.interceptors.caller import CallerInterceptor, ProofMissing
from services.chassis.interceptors.errors import ErrorsInterceptor
from services.chassis.interceptors.rule import PermissionMissing, RuleInterceptor, TokenMissing, WorkloadNotAllowed
from services.chassis.interceptors.telemetry import TelemetryInterceptor
from services.chassis.tokens import TokenRevoked
from tests.fakes.chassis_frame import (
    FakeClaims,
    FakeVerifier,
    fake_call,
    fake_chain,
    fake_handler,
    fake_method,
    fake_telemetry,
)

CLERK = "clerk-token"
ROBOT = "robot-token"
AUTH = "spiffe://tenon.local/ns/tenon/sa/auth"
EDGE = "spiffe://tenon.local/ns/tenon/sa/edge"
PUBLIC = Public(reason="A test.")
SIGNED_IN = Authenticated(reason="A test.")
READ = Permission(name="library.books.get")
INSIDE = Internal(callers=("auth",))
EVERYWHERE = Internal(callers=("*",))
BOUND = "bound-token"


def verifier() -> FakeVerifier:
    return FakeVerifier(
        tokens={
            CLERK: FakeClaims(subject="users/clerk", permissions=frozenset({"library.books.*"})),
            BOUND: FakeClaims(confirmation="thumbprint"),
            ROBOT: FakeClaims(subject="serviceAccounts/robot", permissions=frozenset({"other.things.get"})),
        }
    )


async def attempt(access: Access, token: str | None = None, peer: str = "", streams: bool = False) -> Any:
    """Make a call through the caller and rule interceptors, and return the caller that the servicer sees."""
    method = fake_method(access=access, server_streaming=streams)

    async def unary(request: Any, call: Any) -> Any:
        return call.caller

    async def stream(request: Any, call: Any) -> Any:
        yield call.caller

    handler = fake_handler(stream if streams else unary, method)
    metadata = {} if token is None else {"authorization": token if " " in token else f"Bearer {token}"}
    call = fake_call(method, metadata=metadata, peer=peer, caller=NOBODY)
    outer, inner = CallerInterceptor(verifier(), trust_domain="tenon.local"), RuleInterceptor()
    if streams:
        bound: Any = outer.stream(handler, inner.stream(handler, stream))
        return await anext(bound(None, call))
    return await outer.unary(handler, inner.unary(handler, unary))(None, call)


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("access", "token", "peer", "error"),
    [
        (PUBLIC, None, "", None),
        (PUBLIC, CLERK, "", None),
        (PUBLIC, "forged", "", None),
        (PUBLIC, None, AUTH, None),
        (SIGNED_IN, CLERK, "", None),
        (SIGNED_IN, ROBOT, EDGE, None),
        (SIGNED_IN, CLERK, AUTH, None),
        (SIGNED_IN, None, "", TokenMissing),
        (SIGNED_IN, None, EDGE, TokenMissing),
        (SIGNED_IN, None, AUTH, WorkloadNotAllowed),
        (SIGNED_IN, "forged", "", Unauthenticated),
        (SIGNED_IN, "Basic abc", "", Unauthenticated),
        (SIGNED_IN, "Bearer ", "", Unauthenticated),
        (READ, CLERK, EDGE, None),
        (READ, ROBOT, EDGE, PermissionMissing),
        (READ, None, EDGE, TokenMissing),
        (READ, None, AUTH, WorkloadNotAllowed),
        (READ, "forged", AUTH, Unauthenticated),
        (INSIDE, None, AUTH, None),
        (INSIDE, CLERK, AUTH, None),
        (INSIDE, "forged", AUTH, Unauthenticated),
        (INSIDE, CLERK, EDGE, WorkloadNotAllowed),
        (INSIDE, CLERK, "", WorkloadNotAllowed),
        (INSIDE, None, "", WorkloadNotAllowed),
        (INSIDE, None, "spiffe://elsewhere/ns/tenon/sa/auth", WorkloadNotAllowed),
        (INSIDE, None, "spiffe://tenon.local/ns/elsewhere/sa/auth", WorkloadNotAllowed),
        (INSIDE, None, "spiffe://tenon.local/ns/tenon/sa/auth/more", WorkloadNotAllowed),
        (INSIDE, None, "spiffe://tenon.local/ns/tenon/sa/", WorkloadNotAllowed),
        (INSIDE, None, "spiffe://tenon.local/ns/tenon/sa/*", WorkloadNotAllowed),
        (EVERYWHERE, None, AUTH, None),
        (EVERYWHERE, CLERK, AUTH, None),
        (EVERYWHERE, None, EDGE, WorkloadNotAllowed),
        (EVERYWHERE, CLERK, EDGE, WorkloadNotAllowed),
        (EVERYWHERE, None, "", WorkloadNotAllowed),
        (EVERYWHERE, None, "spiffe://elsewhere/ns/tenon/sa/auth", WorkloadNotAllowed),
        (SIGNED_IN, BOUND, EDGE, ProofMissing),
        (READ, BOUND, AUTH, ProofMissing),
        (INSIDE, BOUND, AUTH, ProofMissing),
        (PUBLIC, BOUND, EDGE, None),
    ],
)
async def test_a_rule_lets_in_whom_it_names_and_nobody_else(
    access: Access, token: str | None, peer: str, error: type[TenonError] | None, streams: bool
) -> None:
    if error is None:
        await attempt(access, token, peer, streams)
        return
    with pytest.raises(error):
        await attempt(access, token, peer, streams)


async def test_a_user_behind_the_edge_is_the_user() -> None:
    caller = await attempt(READ, CLERK, EDGE)
    assert (caller.kind, caller.subject, caller.organization, caller.workload) == (
        CallerKind.USER,
        "users/clerk",
        "default",
        "edge",
    )


async def test_a_service_account_is_told_from_a_user() -> None:
    assert (await attempt(SIGNED_IN, ROBOT)).kind is CallerKind.SERVICE_ACCOUNT


async def test_a_public_method_still_knows_a_good_token() -> None:
    assert (await attempt(PUBLIC, CLERK)).subject == "users/clerk"


async def test_a_public_method_forgets_a_bad_token() -> None:
    caller = await attempt(PUBLIC, "forged", AUTH)
    assert (caller.kind, caller.subject, caller.workload) == (CallerKind.WORKLOAD, "", "auth")


async def test_a_refusal_names_the_permission() -> None:
    with pytest.raises(PermissionDenied) as caught:
        await attempt(READ, ROBOT)
    assert caught.value.metadata == {"permission": "library.books.get"}


async def test_bearer_may_be_written_in_any_case() -> None:
    assert (await attempt(READ, f"bearer {CLERK}")).subject == "users/clerk"


class Fickle(FakeVerifier):
    """Takes tokens back."""

    gone: frozenset[str] = frozenset()

    async def verify(self, token: str) -> FakeClaims:
        if token in self.gone:
            raise TokenRevoked("gone")
        return await super().verify(token)


async def test_a_stream_ends_when_its_token_is_taken_back_and_no_other_does() -> None:
    """Auth statement 41: what ends takes streams along that have begun."""
    fickle = Fickle(tokens=verifier().tokens)
    interceptor = CallerInterceptor(fickle, trust_domain="tenon.local", period=0.01)
    method = fake_method(access=SIGNED_IN, server_streaming=True)
    begun = asyncio.Event()

    async def stream(request: Any, call: Any) -> Any:
        yield "first"
        begun.set()
        await asyncio.Event().wait()

    async def follow(token: str) -> None:
        call = fake_call(method, metadata={"authorization": f"Bearer {token}"}, caller=NOBODY)
        bound: Any = interceptor.stream(fake_handler(stream, method), stream)
        async for _ in bound(None, call):
            pass

    ended, other = asyncio.create_task(follow(CLERK)), asyncio.create_task(follow(ROBOT))
    async with asyncio.timeout(5):
        await begun.wait()
        fickle.gone = frozenset({CLERK})
        with pytest.raises(TokenRevoked):
            await ended
    assert not other.done()
    other.cancel()
    with pytest.raises(asyncio.CancelledError):
        await other


def test_the_chain_refuses_an_order_in_which_one_lacks_what_it_builds_on() -> None:
    with pytest.raises(ValueError, match="Interceptor rule needs telemetry, caller before it"):
        Chain([ErrorsInterceptor(), RuleInterceptor()])
    with pytest.raises(ValueError, match="Interceptor telemetry needs errors before it"):
        Chain([TelemetryInterceptor(fake_telemetry()), ErrorsInterceptor()])


def test_the_standard_chain_is_in_order() -> None:
    assert fake_chain().names == ORDER


def test_a_public_method_pays_nothing_for_its_rule() -> None:
    async def function(request: Any, call: Any) -> Any:
        return request

    handler = fake_handler(function, fake_method(access=PUBLIC))
    assert RuleInterceptor().unary(handler, function) is function
