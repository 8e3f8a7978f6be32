"""Hands calls on to the record engine, which serves users and roles as it serves any contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from google.protobuf.message import Message

    from services.chassis.call import Call

    Function = Callable[[Message, Call], Awaitable[Message | bytes]]


class Records(Protocol):
    """Serves the standard methods of the AIPs."""

    async def serve(self, request: Message, call: Call) -> Message | bytes:
        """Return what the engine answers to the method that is called."""


class EngineRecords:
    """The record engine (port `Records`)."""

    def __init__(self, find: Callable[[str], Function]) -> None:
        """Take what finds the engine's function by the path of a method."""
        self._find = find

    async def serve(self, request: Message, call: Call) -> Message | bytes:
        """Return what the engine answers to the method that is called."""
        return await self._find(call.method.path)(request, call)
