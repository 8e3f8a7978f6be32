"""Enforces the rule that the contract gives a method, again, since nobody should trust the edge alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.chassis.call import CallerKind
from services.chassis.contract import Authenticated, Internal, Permission, Public
from services.chassis.errors import PermissionDenied, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from services.chassis.call import Call
    from services.chassis.contract import Access
    from services.chassis.transport.handlers import Handler, Stream, Unary


class TokenMissing(Unauthenticated):
    """The method needs a token and none was sent."""

    reason = "TOKEN_MISSING"


class PermissionMissing(PermissionDenied):
    """The caller is known and lacks the method's permission."""

    reason = "PERMISSION_MISSING"


class WorkloadNotAllowed(PermissionDenied):
    """A process of the mesh calls what it may not, or somebody from outside calls what is internal."""

    reason = "WORKLOAD_NOT_ALLOWED"


class RuleInterceptor:
    """Decides by the rule what there is to check, once per method, and checks only that per call."""

    name = "rule"
    after = ("errors", "telemetry", "caller")

    def unary(self, handler: Handler, proceed: Unary) -> Unary:
        """Check a call before it is served."""
        check = check_of(handler.method.rule.access)
        if check is None:
            return proceed

        async def run(request: Any, call: Call) -> Any:
            check(call)
            return await proceed(request, call)

        return run

    def stream(self, handler: Handler, proceed: Stream) -> Stream:
        """Check a stream before its first message."""
        check = check_of(handler.method.rule.access)
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


def check_of(access: Access) -> Callable[[Call], None] | None:
    """Return what raises where a caller may not call, or None where everyone may."""
    match access:
        case Public():
            return None
        case Authenticated():
            return _check_token
        case Permission():
            return _permission_check(access)
        case Internal():
            return _workload_check(access)


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

    def check(call: Call) -> None:
        workload = call.caller.workload
        if workload not in callers:
            raise WorkloadNotAllowed(
                "This method is internal, and the caller's certificate is not one of those that may call it.",
                metadata={"workload": workload},
            )

    return check
