"""Calls of RPCs on behalf of a call: in this process where it serves them, else through their channels."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, Any

from services.chassis.allowance import Allowances
from services.chassis.audit import AuditTrail
from services.chassis.call import Call
from services.chassis.errors import DeadlineExceeded, TenonError
from services.chassis.interceptors.audit import AuditInterceptor, note_failure
from services.chassis.interceptors.rule import RuleInterceptor, check_of
from services.chassis.interceptors.telemetry import TelemetryInterceptor
from services.chassis.interceptors.validation import ValidationInterceptor
from services.chassis.transport.handlers import encode, messages_of
from services.chassis.transport.remote import RemoteCalls

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from google.protobuf.message import Message

    from services.chassis.call import Transport
    from services.chassis.clients import Clients
    from services.chassis.contract import Contract, Method
    from services.chassis.telemetry import Telemetry
    from services.chassis.transport.handlers import Handler, Unary


class Dispatcher:
    """Calls any unary RPC of a contract as the caller of another call.

    What is served here goes through the same interceptors as a call from outside: telemetry, rule and validation; its
    caller is known by then, and errors are raised as they are. What others serve is called with the caller's token, so
    they check it again. The limits of the rules are counted here for both.
    """

    def __init__(
        self,
        contract: Contract,
        handlers: Mapping[str, Handler],
        *,
        telemetry: Telemetry,
        clients: Clients,
        allowances: Allowances | None = None,
        audit: AuditTrail | None = None,
    ) -> None:
        """Take what the contract promises, what serves it here, and the channels to those who serve the rest.

        `audit` is told of what is denied here; what others deny they tell themselves.
        """
        self._contract, self._handlers = contract, handlers
        self._messages = messages_of(contract.pool)
        # From the innermost outwards: the order of `interceptors.ORDER`.
        self._audit = AuditTrail(None) if audit is None else audit
        watch = AuditInterceptor(self._audit)
        self._inwards = (ValidationInterceptor(), RuleInterceptor(), watch, TelemetryInterceptor(telemetry))
        self._bound: dict[str, Unary] = {}
        self._remote = RemoteCalls(clients)
        # One without callers is false, and still the one to count in.
        self._allowances = Allowances() if allowances is None else allowances

    def request_type(self, path: str) -> type[Message]:
        """Return the class of an RPC's requests, as `invoke` takes them."""
        handler = self._handlers.get(path)
        return self._messages(self._contract.methods[path].input) if handler is None else handler.request_type

    def check(self, path: str, call: Call) -> None:
        """Raise what the rule of an RPC has against the caller of `call`, without calling it."""
        if (check := check_of(self._contract.methods[path].rule)) is not None:
            check(call)

    async def invoke(self, path: str, request: Message, call: Call) -> bytes:
        """Call an RPC and return its response, encoded.

        It has the shorter of its own rule's time and what is left of the call's.

        Raises:
            TenonError: what the RPC raises or answers.
        """
        method = self._contract.methods[path]
        try:
            self.check(path, call)
        except TenonError as error:
            note_failure(self._audit, _child_of(call, method, math.inf), error, whole=False)
            raise
        self._allowances.take(method, call)
        remaining = call.remaining()
        timeout = method.rule.timeout if remaining is None else min(method.rule.timeout, remaining)
        handler = self._handlers.get(path)
        if handler is None:
            return await self._remote.invoke(path, request.SerializeToString(), call, timeout)
        run = self._bound.get(path)
        if run is None:
            run = self._bound[path] = self._bind(handler)
        child = _child_of(call, method, time.monotonic() + timeout)
        if remaining is not None and remaining <= method.rule.timeout:
            # The call's own timer comes first.
            return encode(await run(request, child))
        try:
            async with asyncio.timeout(timeout):
                return encode(await run(request, child))
        except TimeoutError as error:
            raise DeadlineExceeded(
                f"{method.name} took longer than the {timeout:g} s that it may.", metadata={"timeout": f"{timeout:g}s"}
            ) from error

    def _bind(self, handler: Handler) -> Unary:
        proceed: Any = handler.function
        for interceptor in self._inwards:
            proceed = interceptor.unary(handler, proceed)
        bound: Unary = proceed
        return bound


class Unheard:
    """Stands for the transport of a call that nobody but another call hears: its headers and trailers go nowhere."""

    __slots__ = ("_transport",)

    def __init__(self, transport: Transport) -> None:
        """Take the transport of the call that it is made for."""
        self._transport = transport

    def send_initial_metadata(self, name: str, value: str) -> None:
        """Drop a header."""

    def send_trailer(self, name: str, value: str | bytes) -> None:
        """Drop a trailer."""

    def is_cancelled(self) -> bool:
        """Whether the client of the outer call has gone away."""
        return self._transport.is_cancelled()

    def on_done(self, callback: Callable[[], None]) -> None:
        """Have `callback` called when the outer call ends."""
        self._transport.on_done(callback)


def _child_of(call: Call, method: Method, deadline: float) -> Call:
    # The request id and the trace that the outer call was given, which its own metadata need not have.
    metadata = {**call.metadata, "x-request-id": call.request_id}
    if call.traceparent:
        metadata["traceparent"] = call.traceparent
    child = Call(
        method=method,
        metadata=metadata,
        transport=Unheard(call.transport),
        peer=call.peer,
        deadline=deadline,
        request_id=call.request_id,
    )
    child.caller, child.token = call.caller, call.token
    return child
