"""Writes down each call that is denied, each token that is refused, and all calls of a method whose rule says so."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from services.chassis.audit import AuditEvent
from services.chassis.contract import Audit
from services.chassis.errors import PermissionDenied, TenonError
from services.chassis.interceptors.caller import EDGE
from services.chassis.interceptors.rule import StepUpRequired
from services.chassis.tokens import TokenRefused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.chassis.audit import AuditTrail
    from services.chassis.call import Call
    from services.chassis.transport.handlers import Handler, Stream, Unary

ACCESS_DENIED = "access.denied"
TOKEN_REFUSED = "token.refused"  # noqa: S105 - the kind of an event
CALL_MADE = "call.made"

LONGEST_TEXT = 100
"""Characters that are kept of what a token or a header says."""

LONGEST_AGENT = 200
"""Characters that are kept of a `User-Agent`."""

LONGEST_DETAIL = 256
"""Characters that are kept of a variable of an error."""


class AuditInterceptor:
    """Sees how each call ends, and hands what is to be written down to the trail, which never makes it wait.

    Writes need nothing here: the event of a change is written with it, in one transaction.
    """

    name = "audit"
    after = ("errors", "telemetry")

    def __init__(self, trail: AuditTrail) -> None:
        """Take where events go."""
        self._trail = trail

    def unary(self, handler: Handler, proceed: Unary) -> Unary:
        """Watch how a call ends."""
        whole = handler.method.rule.audit is Audit.ALL
        trail = self._trail

        async def run(request: Any, call: Call) -> Any:
            try:
                response = await proceed(request, call)
            except (Exception, asyncio.CancelledError) as error:
                note_failure(trail, call, error, whole=whole)
                raise
            if whole:
                trail.write(event_of(call, CALL_MADE, "success"))
            return response

        return run

    def stream(self, handler: Handler, proceed: Stream) -> Stream:
        """Watch how a stream begins: it may go on for hours, and once it has, its caller was let in."""
        whole = handler.method.rule.audit is Audit.ALL
        trail = self._trail

        async def run(request: Any, call: Call) -> AsyncIterator[Any]:
            responses: Any = proceed(request, call)
            begun = not whole
            try:
                async for response in responses:
                    if not begun:
                        begun = True
                        trail.write(event_of(call, CALL_MADE, "success"))
                    yield response
                if not begun:
                    trail.write(event_of(call, CALL_MADE, "success"))
            except (Exception, asyncio.CancelledError) as error:
                note_failure(trail, call, error, whole=not begun)
                raise
            finally:
                await responses.aclose()

        return run


def event_of(call: Call, kind: str, outcome: str, error: BaseException | None = None) -> AuditEvent:
    """Return the event of a call that has ended, with an error or without."""
    typed = error if isinstance(error, TenonError) else None
    claims = getattr(error, "claims", None) or call.caller
    workload = call.caller.workload
    through_edge = workload == EDGE
    return AuditEvent(
        kind=kind,
        outcome=outcome,
        method=call.method.path,
        reason=typed.reason if typed else _reason_of(error),
        organization=_plain(claims.organization),
        actor=_plain(claims.subject) or ("" if through_edge or not workload else f"workloads/{workload}"),
        session=_plain(claims.session),
        client=_plain(claims.client),
        level=_plain(claims.acr),
        address=_address_of(call) if through_edge else "",
        agent=_plain(call.metadata.get("user-agent", ""), LONGEST_AGENT),
        request_id=call.request_id,
        detail={name: _plain(value, LONGEST_DETAIL) for name, value in typed.metadata.items()} if typed else {},
    )


def note_failure(trail: AuditTrail, call: Call, error: BaseException, *, whole: bool) -> None:
    """Write down a refusal and, where the method is audited whole, any other failure."""
    if isinstance(error, PermissionDenied | StepUpRequired):
        trail.write(event_of(call, ACCESS_DENIED, "denied", error))
    elif isinstance(error, TokenRefused):
        trail.write(event_of(call, TOKEN_REFUSED, "denied", error))
    elif whole:
        trail.write(event_of(call, CALL_MADE, "failure", error))


def _reason_of(error: BaseException | None) -> str:
    """Return the reason of what is no error of ours, as the caller is told it."""
    if error is None:
        return ""
    return "CANCELLED" if isinstance(error, asyncio.CancelledError) else "INTERNAL"


def _address_of(call: Call) -> str:
    """Return the client's address as the edge tells it: what stands before its own words is what a client says."""
    metadata = call.metadata
    seen = metadata.get("x-envoy-external-address") or metadata.get("x-forwarded-for", "").rsplit(",", 1)[-1]
    return _plain(seen.strip())


def _plain(text: str, limit: int = LONGEST_TEXT) -> str:
    """Return a text as the trail takes it, so that no caller can have a whole batch refused."""
    return (text if text.isprintable() else "".join(filter(str.isprintable, text)))[:limit]
