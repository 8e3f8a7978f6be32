"""The one ordered chain that every call passes, host of nothing but its order."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Protocol

from services.chassis.interceptors.audit import AuditInterceptor
from services.chassis.interceptors.caller import CallerInterceptor, Verifier
from services.chassis.interceptors.errors import ErrorsInterceptor
from services.chassis.interceptors.rule import RuleInterceptor
from services.chassis.interceptors.telemetry import TelemetryInterceptor
from services.chassis.interceptors.validation import ValidationInterceptor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from services.chassis.audit import AuditTrail
    from services.chassis.call import Call
    from services.chassis.telemetry import Telemetry
    from services.chassis.transport.handlers import Handler, Stream, Unary

__all__ = ["ORDER", "Chain", "Interceptor", "Verifier", "standard_chain"]

ORDER = ("errors", "telemetry", "audit", "caller", "rule", "validation")
"""From the outermost to the one next to the servicer."""


class Interceptor(Protocol):
    """Does one thing around every call. Bound once per handler, so that what the contract decides costs nothing."""

    @property
    def name(self) -> str:
        """Its place in ORDER."""

    @property
    def after(self) -> tuple[str, ...]:
        """What must stand before it, since it builds on it."""

    def unary(self, handler: Handler, proceed: Unary) -> Unary:
        """Return `proceed` with this around it, or `proceed` itself where there is nothing to do."""

    def stream(self, handler: Handler, proceed: Stream) -> Stream:
        """Do the same for a handler whose server streams."""


class Chain:
    """Interceptors in an order in which each finds what it needs before it."""

    def __init__(self, interceptors: Sequence[Interceptor]) -> None:
        """Take them from the outermost to the innermost.

        Raises:
            ValueError: Where one stands before what it must come after.
        """
        seen: set[str] = set()
        for interceptor in interceptors:
            missing = [name for name in interceptor.after if name not in seen]
            if missing:
                raise ValueError(
                    f"Interceptor {interceptor.name} needs {', '.join(missing)} before it. Mend: reorder the chain."
                )
            seen.add(interceptor.name)
        self._inwards = tuple(reversed(interceptors))

    @property
    def names(self) -> tuple[str, ...]:
        """The interceptors' names, from the outermost to the innermost."""
        return tuple(interceptor.name for interceptor in reversed(self._inwards))

    def bind(self, handler: Handler) -> Unary | Stream:
        """Return the handler's function with every interceptor around it."""
        proceed: Any = handler.function
        if handler.method.server_streaming and not inspect.isasyncgenfunction(proceed):
            proceed = _as_generator(proceed)
        for interceptor in self._inwards:
            if handler.method.server_streaming:
                proceed = interceptor.stream(handler, proceed)
            else:
                proceed = interceptor.unary(handler, proceed)
        bound: Unary | Stream = proceed
        return bound


def _as_generator(function: Stream) -> Stream:
    """Return the function as an async generator: what stands around it closes it when the client goes away."""

    async def run(request: Any, call: Call) -> AsyncIterator[Any]:
        async for response in function(request, call):
            yield response

    return run


def standard_chain(
    *, telemetry: Telemetry, verifier: Verifier, audit: AuditTrail, trust_domain: str, namespace: str = "tenon"
) -> Chain:
    """Return the chain that every service has, in ORDER."""
    interceptors: tuple[Interceptor, ...] = (
        ErrorsInterceptor(),
        TelemetryInterceptor(telemetry),
        AuditInterceptor(audit),
        CallerInterceptor(verifier, trust_domain=trust_domain, namespace=namespace),
        RuleInterceptor(),
        ValidationInterceptor(),
    )
    return Chain(sorted(interceptors, key=lambda interceptor: ORDER.index(interceptor.name)))
