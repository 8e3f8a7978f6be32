"""A method may ask for a stronger or a more recent sign-in, and says so in a way that clients can act on (RFC 9470)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from services.chassis.call import Caller, CallerKind
from services.chassis.contract import Access, Authenticated, Permission, Rule, StepUp
from services.chassis.interceptors.errors import ErrorsInterceptor
from services.chassis.interceptors.rule import (
    PermissionMissing,
    RuleInterceptor,
    StepUpRequired,
    TokenMissing,
    WorkloadNotAllowed,
    check_of,
)
from services.chassis.transport import StatusError
from tests.fakes.chassis_frame import fake_call, fake_caller, fake_handler, fake_method

if TYPE_CHECKING:
    from services.chassis.errors import TenonError

NOW = 1_800_000_000.0
READ = Permission(name="library.books.get")
SIGNED_IN = Authenticated(reason="A test.")


def attempt(
    step_up: StepUp, *, acr: str = "aal3", age: float = 0.0, access: Access = READ, caller: Caller | None = None
) -> None:
    """Ask whether a caller who has signed in so many seconds ago may call."""
    who = replace(caller or fake_caller(), acr=acr, authenticated=NOW - age)
    check = check_of(Rule(access=access, step_up=step_up), clock=lambda: NOW)
    assert check is not None
    check(fake_call(caller=who))


@pytest.mark.parametrize("access", [READ, SIGNED_IN])
@pytest.mark.parametrize("wanted", ["aal1", "aal2", "aal3"])
@pytest.mark.parametrize("acr", ["", "aal0", "aal1", "aal2", "aal3", "aal10", "AAL3", "2"])
def test_a_level_is_reached_by_itself_and_by_stronger_ones(access: Access, wanted: str, acr: str) -> None:
    levels = ["aal1", "aal2", "aal3"]
    if acr in levels and levels.index(acr) >= levels.index(wanted):
        attempt(StepUp(acr=wanted), acr=acr, access=access)
        return
    with pytest.raises(StepUpRequired):
        attempt(StepUp(acr=wanted), acr=acr, access=access)


@pytest.mark.parametrize(("age", "good"), [(0, True), (300, True), (300.5, False), (1e9, False), (-2, True)])
def test_a_sign_in_is_recent_for_as_long_as_the_method_says(age: float, good: bool) -> None:
    if good:
        attempt(StepUp(max_age=300), age=age)
        return
    with pytest.raises(StepUpRequired):
        attempt(StepUp(max_age=300), age=age)


def test_who_has_never_signed_in_is_not_recent() -> None:
    robot = Caller(
        kind=CallerKind.SERVICE_ACCOUNT, subject="serviceAccounts/r", organization="o", permissions=frozenset({"*"})
    )
    with pytest.raises(StepUpRequired):
        attempt(StepUp(max_age=300), acr="", age=NOW, caller=robot)


@pytest.mark.parametrize(
    ("caller", "error"),
    [
        (Caller(kind=CallerKind.NOBODY), TokenMissing),
        (Caller(kind=CallerKind.WORKLOAD, workload="data"), WorkloadNotAllowed),
        (fake_caller(permissions=frozenset()), PermissionMissing),
    ],
)
def test_who_may_not_call_at_all_is_not_asked_to_sign_in_anew(caller: Caller, error: type[TenonError]) -> None:
    with pytest.raises(error):
        attempt(StepUp(acr="aal2"), acr="aal1", caller=caller)


@pytest.mark.parametrize(
    ("step_up", "metadata", "challenge"),
    [
        (
            StepUp(acr="aal2", max_age=300.0),
            {"acr": "aal2", "max_age": "300"},
            'Bearer error="insufficient_user_authentication", acr_values="aal2", max_age="300"',
        ),
        (StepUp(acr="aal3"), {"acr": "aal3"}, 'Bearer error="insufficient_user_authentication", acr_values="aal3"'),
        (StepUp(max_age=60), {"max_age": "60"}, 'Bearer error="insufficient_user_authentication", max_age="60"'),
    ],
)
async def test_a_client_is_told_what_to_sign_in_with(step_up: StepUp, metadata: Any, challenge: str) -> None:
    async def function(request: Any, call: Any) -> Any:
        return request

    method = fake_method(access=READ, step_up=step_up)
    handler = fake_handler(function, method)
    run = ErrorsInterceptor().unary(handler, RuleInterceptor().unary(handler, function))
    call = fake_call(method)
    with pytest.raises(StatusError) as caught:
        await run(None, call)
    assert caught.value.code == 16
    refusal = StepUpRequired(step_up)
    assert (refusal.reason, refusal.metadata) == ("STEP_UP_REQUIRED", metadata)
    transport: Any = call.transport
    assert transport.headers == [("www-authenticate", challenge)]


def test_a_step_up_names_the_levels_that_will_do() -> None:
    assert StepUp(acr="aal2").levels == ("aal2", "aal3")
    assert StepUp(max_age=1).levels == ("aal1", "aal2", "aal3")
