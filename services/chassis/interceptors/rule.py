"""Enforces the rule that the contract gives a method, again, since nobody should trust the edge alone."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from services.chassis.call import CallerKind
from services.chassis.contract import Authenticated, Internal, Permission, Public
from services.chassis.errors import PermissionDenied, Unauthenticated
from services.chassis.interceptors.caller import EDGE
from services.chassis.step_up import challenge_of, metadata_of, wish_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from services.chassis.call import Call
    from services.chassis.contract import Access, Rule, StepUp
    from services.chassis.transport.handlers import Handler, Stream, Unary


class TokenMissing(Unauthenticated):
    """The method needs a token and none was sent."""

    reason = "TOKEN_MISSING"
    challenge = "Bearer"


class PermissionMissing(PermissionDenied):
    """The caller is known and lacks the method's permission."""

    reason = "PERMISSION_MISSING"


class WorkloadNotAllowed(PermissionDenied):
    """A process of the mesh calls what it may not, or somebody from outside calls what is internal."""

    reason = "WORKLOAD_NOT_ALLOWED"


class StepUpRequired(Unauthenticated):
    """The caller has not signed in as strongly or as recently as the method asks for (RFC 9470)."""

    reason = "STEP_UP_REQUIRED"

    def __init__(self, step_up: StepUp) -> None:
        """Take what the method asks for."""
        super().__init__(f"This method needs {wish_of(step_up)}. Sign in anew.", metadata=metadata_of(step_up))
        self.challenge = challenge_of(step_up)


class RuleInterceptor:
    """Decides by the rule what there is to check, once per method, and checks only that per call."""

    name = "rule"
    after = ("errors", "telemetry", "caller")

    def unary(self, handler: Handler, proceed: Unary) -> Unary:
        """Check a call before it is served."""
        check = check_of(handler.method.rule)
        if check is None:
            return proceed

        async def run(request: Any, call: Call) -> Any:
            check(call)
            return await proceed(request, call)

        return run

    def stream(self, handler: Handler, proceed: Stream) -> Stream:
        """Check a stream before its first message."""
        check = check_of(handler.method.rule)
        if check is None:
            return proceed

        async def run(request: Any, call: Call) -> AsyncIterator[Any]:
            check(call)
            responses: Any = proceed(request, call)
            try:
                async for response in responses:
                    yield response
            finally:
                await responses.aclose()

        return run


def check_of(rule: Rule, clock: Callable[[], float] = time.time) -> Callable[[Call], None] | None:
    """Return what raises where a caller may not call, or None where everyone may."""
    check = _check_of_access(rule.access)
    if check is None or rule.step_up is None:
        return check
    return _step_up_check(rule.step_up, check, clock)


def _check_of_access(access: Access) -> Callable[[Call], None] | None:
    match access:
        case Public():
            return None
        case Authenticated():
            return _check_token
        case Permission():
            return _permission_check(access)
        case Internal():
            return _workload_check(access)


def _step_up_check(
    step_up: StepUp, may_call: Callable[[Call], None], clock: Callable[[], float]
) -> Callable[[Call], None]:
    levels = frozenset(step_up.levels)
    max_age = math.inf if step_up.max_age is None else step_up.max_age

    def check(call: Call) -> None:
        may_call(call)
        caller = call.caller
        if caller.acr not in levels or clock() - caller.authenticated > max_age:
            raise StepUpRequired(step_up)

    return check


def _check_token(call: Call) -> None:
    kind = call.caller.kind
    if kind is CallerKind.USER or kind is CallerKind.SERVICE_ACCOUNT:
        return
    if kind is CallerKind.WORKLOAD:
        raise WorkloadNotAllowed(
            f"The workload {call.caller.workload} acts for nobody here. Send a user's or a service account's token.",
            metadata={"workload": call.caller.workload},
        )
    raise TokenMissing("This method needs an access token: send `authorization: Bearer <token>`.")


def _permission_check(access: Permission) -> Callable[[Call], None]:
    name = access.name
    patterns = frozenset(access.patterns)

    def check(call: Call) -> None:
        if patterns.isdisjoint(call.caller.permissions):
            _check_token(call)
            raise PermissionMissing(f"This method needs the permission {name}.", metadata={"permission": name})

    return check


def _workload_check(access: Internal) -> Callable[[Call], None]:
    callers = frozenset(access.callers)
    anyone = access.any_workload

    def check(call: Call) -> None:
        workload = call.caller.workload
        if workload in callers or (anyone and workload not in {"", EDGE}):
            return
        raise WorkloadNotAllowed(
            "This method is internal, and the caller's certificate is not one of those that may call it.",
            metadata={"workload": workload},
        )

    return check
