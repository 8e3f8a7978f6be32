"""Holds what people do with their own account to people: neither an API key nor a client of its own does it for them.

In auth a method without a permission is about the caller's own account: passwords, factors, sessions, consents, keys.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from services.auth.domain.errors import SessionNeeded
from services.auth.domain.scopes import EVERYTHING_HELD, split_scope
from services.chassis.contract import Authenticated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.chassis.call import Call
    from services.chassis.transport import Handler

MACHINES_MAY: frozenset[str] = frozenset()
"""Paths of methods without a permission that machines may call too."""


def for_persons(handlers: Mapping[str, Handler]) -> dict[str, Handler]:
    """Return the handlers, of which those for people alone raise `SessionNeeded` for everybody else."""
    return {path: _guarded(handler) if _is_personal(handler) else handler for path, handler in handlers.items()}


def require_session(call: Call) -> None:
    """Refuse whoever is no person with a session: an API key, a client, a workload. Raises `SessionNeeded`.

    A client that was let in for less than everything has a token of the person's session too, and still is no person.
    """
    caller = call.caller
    if not caller.session or not caller.subject.startswith("users/"):
        raise SessionNeeded
    if EVERYTHING_HELD not in split_scope(caller.scope):
        raise SessionNeeded


def _is_personal(handler: Handler) -> bool:
    return isinstance(handler.method.rule.access, Authenticated) and handler.method.path not in MACHINES_MAY


def _guarded(handler: Handler) -> Handler:
    function: Any = handler.function
    if handler.method.server_streaming:

        async def stream(request: Any, call: Call) -> Any:
            require_session(call)
            async for response in function(request, call):
                yield response

        return replace(handler, function=stream)

    async def run(request: Any, call: Call) -> Any:
        require_session(call)
        return await function(request, call)

    return replace(handler, function=run)
