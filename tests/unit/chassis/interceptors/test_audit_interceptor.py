"""Each denied call, each refused token, and each call of a method that is audited whole, is written down once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from services.chassis.audit import AuditTrail
from services.chassis.contract import Audit, Authenticated, Internal, Permission, Public, StepUp
from services.chassis.errors import NotFound, PermissionDenied, TenonError
from services.chassis.interceptors.audit import event_of
from services.chassis.tokens import AudienceMismatch, TokenRevoked
from services.chassis.transport import StatusError
from tests.fakes.chassis_frame import (
    FakeClaims,
    FakeRecorder,
    FakeVerifier,
    fake_call,
    fake_chain,
    fake_handler,
    fake_method,
)

if TYPE_CHECKING:
    from services.chassis.audit import AuditEvent
    from services.chassis.contract import Access

EDGE = "spiffe://tenon.local/ns/tenon/sa/edge"
DATA = "spiffe://tenon.local/ns/tenon/sa/data"
READ = Permission(name="library.books.get")
CLERK = FakeClaims(
    subject="users/clerk", permissions=frozenset(), session="s1", client="clients/web", acr="aal1", organization="acme"
)
BOUND = replace(CLERK, permissions=frozenset({"*"}), confirmation="thumb")


class Verifier(FakeVerifier):
    """Refuses some tokens in its own way."""

    async def verify(self, token: str) -> FakeClaims:
        if token == "revoked":
            error = TokenRevoked("gone")
            error.claims = CLERK
            raise error
        if token == "elsewhere":
            raise AudienceMismatch("for another")
        return await super().verify(token)


async def attempt(
    *,
    access: Access = READ,
    token: str | None = "admin",  # noqa: S107 - a made-up one
    peer: str = EDGE,
    step_up: StepUp | None = None,
    audit: Audit = Audit.WRITES,
    streams: bool = False,
    fails: BaseException | None = None,
) -> list[AuditEvent]:
    """Make one call through the whole chain, and return what was written down."""
    recorder = FakeRecorder()
    trail = AuditTrail(recorder)
    tokens = {"admin": FakeClaims(), "clerk": CLERK, "bound": BOUND}
    method = fake_method(access=access, step_up=step_up, audit=audit, server_streaming=streams)

    async def unary(request: Any, call: Any) -> Any:
        if fails is not None:
            raise fails
        return request

    async def stream(request: Any, call: Any) -> Any:
        yield request
        if fails is not None:
            raise fails

    handler = fake_handler(stream if streams else unary, method)
    metadata = {"user-agent": "curl/8", "x-envoy-external-address": "192.0.2.7"}
    metadata |= {} if token is None else {"authorization": f"Bearer {token}"}
    call = fake_call(method, metadata=metadata, peer=peer)
    bound: Any = fake_chain(Verifier(tokens=tokens), audit=trail).bind(handler)
    request = handler.request_type()
    try:
        if streams:
            async for _ in bound(request, call):
                pass
        else:
            await bound(request, call)
    except StatusError:
        pass
    await trail.flush()
    return recorder.events


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("kind", "reason", "how"),
    [
        ("access.denied", "PERMISSION_MISSING", {"token": "clerk"}),
        ("access.denied", "AUDIENCE_MISMATCH", {"token": "elsewhere"}),
        ("access.denied", "STEP_UP_REQUIRED", {"step_up": StepUp(acr="aal2")}),
        ("access.denied", "WORKLOAD_NOT_ALLOWED", {"token": None, "peer": DATA}),
        ("access.denied", "WORKLOAD_NOT_ALLOWED", {"access": Internal(callers=("auth",)), "peer": DATA}),
        ("token.refused", "TOKEN_INVALID", {"token": "forged"}),
        ("token.refused", "TOKEN_REVOKED", {"token": "revoked"}),
        ("token.refused", "PROOF_MISSING", {"token": "bound"}),
    ],
)
async def test_every_refusal_is_written_down_once(streams: bool, kind: str, reason: str, how: dict[str, Any]) -> None:
    """Auth statement 49: every failed authorization is logged."""
    (event,) = await attempt(streams=streams, **how)
    assert (event.kind, event.outcome, event.reason) == (kind, "denied", reason)
    assert event.method == "/tenon.toy.v1.ToyService/Do"


async def test_an_event_says_who_what_when_and_where() -> None:
    (event,) = await attempt(token="clerk")
    assert (event.actor, event.organization, event.session, event.client, event.level) == (
        *("users/clerk", "acme", "s1", "clients/web", "aal1"),
    )
    assert (event.address, event.agent, event.request_id) != ("", "", "")
    assert event.address == "192.0.2.7"
    assert event.detail == {"permission": "library.books.get"}
    assert event.event_id
    assert event.time > 1_700_000_000


@pytest.mark.parametrize("token", ["revoked", "bound"])
async def test_a_genuine_token_that_is_refused_still_says_whose_it_was(token: str) -> None:
    (event,) = await attempt(token=token)
    assert (event.actor, event.organization) == ("users/clerk", "acme")


async def test_no_event_holds_a_token() -> None:
    (event,) = await attempt(token="forged-and-secret")
    assert "secret" not in repr(event)


async def test_a_workload_is_named_and_its_headers_are_not_believed() -> None:
    (event,) = await attempt(token=None, peer=DATA)
    assert (event.actor, event.address) == ("workloads/data", "")


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"token": None},
        {"access": Public(reason="A test."), "token": "forged"},
        {"fails": NotFound("no such book")},
        {"access": Authenticated(reason="A test."), "token": "clerk"},
    ],
    ids=["allowed", "no token", "public", "not found", "authenticated"],
)
async def test_what_is_neither_denied_nor_to_be_audited_is_not_written_down(how: dict[str, Any]) -> None:
    assert await attempt(**how) == []


async def test_what_a_servicer_denies_is_written_down() -> None:
    class FieldGuarded(PermissionDenied):
        reason = "FIELD_GUARDED"

    (event,) = await attempt(fails=FieldGuarded("not this one"))
    assert (event.kind, event.reason) == ("access.denied", "FIELD_GUARDED")


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("fails", "outcome", "reason"),
    [(None, "success", ""), (NotFound("no"), "failure", "NOT_FOUND"), (KeyError("x"), "failure", "INTERNAL")],
)
async def test_a_method_that_is_audited_whole_has_every_call_written_down(
    streams: bool, fails: BaseException | None, outcome: str, reason: str
) -> None:
    (event,) = await attempt(audit=Audit.ALL, streams=streams, fails=fails)
    if streams:  # once it has begun, its caller was let in
        outcome, reason = "success", ""
    assert (event.kind, event.outcome, event.reason, event.actor) == ("call.made", outcome, reason, "users/admin")


async def test_a_denied_call_of_a_method_that_is_audited_whole_is_one_event() -> None:
    (event,) = await attempt(audit=Audit.ALL, token="clerk")
    assert event.kind == "access.denied"


async def test_a_missing_token_is_written_down_where_every_call_is() -> None:
    (event,) = await attempt(audit=Audit.ALL, token=None)
    assert (event.kind, event.outcome, event.reason, event.actor) == ("call.made", "failure", "TOKEN_MISSING", "")


async def test_a_trail_that_is_full_holds_no_call_up() -> None:
    trail = AuditTrail(None)
    method = fake_method(access=READ, audit=Audit.ALL)

    async def function(request: Any, call: Any) -> Any:
        return request

    handler = fake_handler(function, method)
    bound: Any = fake_chain(FakeVerifier(tokens={"admin": FakeClaims()}), audit=trail).bind(handler)
    request = handler.request_type()
    assert await bound(request, fake_call(method, metadata={"authorization": "Bearer admin"})) == request
    assert trail.dropped == 1


async def test_no_caller_can_make_an_event_that_the_trail_refuses() -> None:
    error = PermissionDenied("no", metadata={"what": "x\0\n\ud800" + "y" * 1000})
    (event,) = await attempt(fails=error)
    assert event.detail == {"what": "x" + "y" * 255}
    method = fake_method()
    call = fake_call(method, metadata={"user-agent": "a\0" * 1000, "x-envoy-external-address": "1\n2"}, peer=EDGE)
    call.caller = replace(call.caller, subject="users/" + "1" * 500, workload="edge")
    made = event_of(call, "call.made", "success")
    assert (len(made.agent), made.address, len(made.actor)) == (200, "12", 100)


def test_a_refusal_of_the_chain_is_an_error_of_ours() -> None:
    assert issubclass(TokenRevoked, TenonError)
