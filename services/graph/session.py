"""What one execution knows: who asks, what was read already, and what was denied."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from services.chassis.contract import Permission
from services.graph.batches import Loader, ask_for_all, ask_one_by_one
from services.graph.failures import AnswerTooLarge, FieldHidden, QueryTooCostly
from services.graph.limits import CALL_COST, MAX_CALLS, MAX_COST, MAX_READ, MAX_VALUES

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

    from services.chassis.call import Call
    from services.chassis.contract import Method
    from services.chassis.dispatch import Dispatcher
    from services.graph.messages import Plan, Readable

CALLS_AT_ONCE = 8
"""RPCs that one execution has under way at a time: one document never holds all of a process's connections."""


class Session:
    """One execution of one operation."""

    __slots__ = (
        "_answers",
        "_bytes",
        "_calls",
        "_denied",
        "_dispatcher",
        "_loaders",
        "_shown",
        "_slots",
        "_values",
        "call",
        "rows",
    )

    def __init__(self, call: Call, dispatcher: Dispatcher, answers: Callable[[str], type[Message]]) -> None:
        """Take the call, what makes other calls for it, and the classes of messages by their full names."""
        self.call = call
        self._values = self._calls = self._bytes = 0
        self.rows: dict[int, Any] = {}
        self._dispatcher, self._answers = dispatcher, answers
        self._loaders: dict[str, Loader] = {}
        self._slots = asyncio.Semaphore(CALLS_AT_ONCE)
        self._shown: dict[str, bool] = {}
        self._denied: set[str] = set()

    def request(self, method: Method) -> Any:
        """Return an empty request of a method."""
        return self._dispatcher.request_type(method.path)()

    async def invoke(self, method: Method, request: Message) -> Any:
        """Call a method as the caller of this execution and return its response.

        Raises:
            QueryTooCostly: where the execution has made as many calls as one may.
            AnswerTooLarge: where its calls ask and answer more together than one execution may hold.
        """
        self._calls += 1
        if self._calls > MAX_CALLS:
            raise QueryTooCostly(self._calls * CALL_COST, MAX_COST)
        # One long variable may be in every request of a document, and all of them wait at once.
        self._bytes += request.ByteSize()
        if self._bytes > MAX_READ:
            raise _too_much_read(self._bytes)
        async with self._slots:
            if self._bytes > MAX_READ:
                raise _too_much_read(self._bytes)
            answer = await self._dispatcher.invoke(method.path, request, self.call)
        self._bytes += len(answer)
        if self._bytes > MAX_READ:
            raise _too_much_read(self._bytes)
        return self._answers(method.output).FromString(answer)

    def count(self, values: int) -> None:
        """Count fields and items of the answer; raises QueryTooCostly where it has more than an answer may."""
        self._values += values
        if self._values > MAX_VALUES:
            raise QueryTooCostly(self._values, MAX_VALUES)

    def load(self, kind: Readable, name: str) -> Any:
        """Return what will be a record, or None where there is none; raises what its Get's rule has against it."""
        return self.loader(kind).load(name)

    def loader(self, kind: Readable) -> Loader:
        """Return what reads the records of a kind; raises what the rule of its Get has against the caller."""
        loader = self._loaders.get(kind.message)
        if loader is None:
            self._dispatcher.check((kind.get or kind.batch_get).path, self.call)  # type: ignore[union-attr]  # one is there
            loader = self._loaders[kind.message] = Loader(lambda names: self._read(kind, names))
        return loader

    async def _read(self, kind: Readable, names: list[str]) -> dict[str, Message]:
        async def batch(wanted: list[str]) -> list[Any]:
            assert kind.batch_get is not None  # noqa: S101 - asked where there is one
            request = self.request(kind.batch_get)
            request.names.extend(wanted)
            show_all(request)
            return list(getattr(await self.invoke(kind.batch_get, request), kind.plural))

        async def single(name: str) -> Any:
            assert kind.get is not None  # noqa: S101 - asked where there is one
            request = self.request(kind.get)
            request.name = name
            show_all(request)
            return await self.invoke(kind.get, request)

        if kind.batch_get is None or (len(names) == 1 and kind.get is not None):
            return await ask_one_by_one(names, single)
        if kind.get is None:
            return {record.name: record for record in await batch(names)}
        return await ask_for_all(names, batch, single)

    def shows(self, plan: Plan, info: Any) -> bool:
        """Whether the caller may see a field; the first time that it may not is an error.

        Raises:
            FieldHidden: once for each field of a type.
        """
        permission = plan.permission
        shown = self._shown.get(permission)
        if shown is None:
            shown = self._shown[permission] = self.call.caller.holds(Permission(name=permission))
        if shown:
            return True
        field = f"{info.parent_type.name}.{info.field_name}"
        if field not in self._denied:
            self._denied.add(field)
            raise FieldHidden(field, permission)
        return False

    def close(self) -> None:
        """End what is under way."""
        for loader in self._loaders.values():
            loader.close()


def _too_much_read(read: int) -> AnswerTooLarge:
    return AnswerTooLarge(
        f"What was asked for has more than {MAX_READ:,} bytes. Ask for less, or in several requests.",
        metadata={"bytes": str(read), "limit": str(MAX_READ)},
    )


def show_all(request: Any) -> None:
    """Ask for whole records, where the request lets its caller choose."""
    field = request.DESCRIPTOR.fields_by_name.get("view")
    if field is not None and field.enum_type is not None:
        full = next((value.number for value in field.enum_type.values if value.name.endswith("_FULL")), 0)
        setattr(request, "view", full)  # noqa: B010 - the field is known at run time alone
