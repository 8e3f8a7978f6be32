"""Hands calls on to the record engine, which serves users and roles as it serves any contract."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from google.protobuf.message import Message

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from services.chassis.call import Call

    Function = Callable[[Message, Call], Awaitable[Message | bytes]]

M = TypeVar("M", bound=Message)


class Records(Protocol):
    """Serves the standard methods of the AIPs."""

    async def serve(self, request: Message, call: Call) -> Message | bytes:
        """Return what the engine answers to the method that is called."""

    async def ask(self, path: str, request: Message, call: Call, answer: type[M]) -> M:
        """Return what the engine answers to another method, for the same caller."""


class EngineRecords:
    """The record engine (port `Records`)."""

    def __init__(self, find: Callable[[str], Function]) -> None:
        """Take what finds the engine's function by the path of a method."""
        self._find = find

    async def serve(self, request: Message, call: Call) -> Message | bytes:
        """Return what the engine answers to the method that is called."""
        return await self._find(call.method.path)(request, call)

    async def ask(self, path: str, request: Message, call: Call, answer: type[M]) -> M:
        """Return what the engine answers to another method, for the same caller."""
        found = await self._find(path)(request, call)
        return answer.FromString(found if isinstance(found, bytes) else found.SerializeToString())


def in_organization(call: Call, organization: str) -> Call:
    """Return the same call of the same caller, as one who acts in another organization."""
    other = copy.copy(call)
    other.caller = replace(call.caller, organization=organization)
    return other
