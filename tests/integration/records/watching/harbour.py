"""A harbour that is watched: watchers as clients are, who know only what they are told."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf.message_factory import GetMessageClass

from services.chassis.call import Call, Caller, CallerKind
from services.chassis.contract import Contract, compile_protos, load_contract
from tests.integration.records.library import Library, NoTransport, user

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from services.records.engine import Engine

CONTRACTS = Path(__file__).parent / "contracts"
PACKAGE = "test.harbour.v1"
SERVICE = f"/{PACKAGE}.HarbourService/"

SHOWN, CREATED, UPDATED, DELETED, REMOVED = 1, 2, 3, 4, 5
"""Numbers of `tenon.records.v1.ChangeType`."""
PICTURE, LIVE, HEARTBEAT, RESET, FAILED = 1, 2, 3, 4, 5
"""Numbers of `tenon.records.v1.WatchState`."""

PATIENCE = 30.0
"""Seconds after which what should have come has not."""


@cache
def harbour_contract() -> Contract:
    """Compile the harbour's contract, once."""
    return load_contract(compile_protos([CONTRACTS]), services=("auth", "data"))


def holder(*permissions: str, organization: str = "acme", subject: str = "users/1") -> Caller:
    """Return a user with these permissions alone."""
    return Caller(kind=CallerKind.USER, subject=subject, organization=organization, permissions=frozenset(permissions))


class Watching:
    """One client of a Watch: what it has been told, over as many streams as it took."""

    def __init__(self, harbour: Harbour, method: str, caller: Caller | None = None, **fields: Any) -> None:
        self.harbour, self.method, self.caller, self.fields = harbour, method, caller, fields
        self.token = ""
        self.known: dict[str, Any] = {}
        """The records that it knows, by name."""
        self.told: list[tuple[int, str, Any]] = []
        """All changes that it was told: what, of which record, and the record."""
        self.states: list[int] = []
        self.messages: list[Any] = []
        self.call: Call | None = None
        self._stream: AsyncGenerator[bytes, None] | None = None
        found = harbour.contract.methods[harbour.service + method]
        self._answer = GetMessageClass(harbour.contract.pool.FindMessageTypeByName(found.output))
        self._request = GetMessageClass(harbour.contract.pool.FindMessageTypeByName(found.input))
        self._singular = harbour.contract.records_by_message[str(found.standard and found.standard.record)].singular

    def open(self) -> None:
        """Begin a stream where the last one ended."""
        self.call = self.harbour.call(self.method, self.caller)
        request = self._request(resume_token=self.token, **self.fields)
        serve: Any = self.harbour.engine.handlers()[self.call.method.path]
        self._stream = serve(request, self.call)

    async def next(self) -> Any:
        """Return the next message, or None where the stream is over."""
        try:
            await self.next_bytes()
        except StopAsyncIteration:
            self._stream = None
            return None
        return self.messages[-1]

    async def next_bytes(self) -> bytes:
        """Return the bytes of the next message."""
        if self._stream is None:
            self.open()
        assert self._stream is not None
        async with asyncio.timeout(PATIENCE):
            raw = await anext(self._stream)
        self._take(self._answer.FromString(raw))
        return raw

    def _take(self, message: Any) -> None:
        self.messages.append(message)
        self.states.append(message.state)
        self.token = message.resume_token
        if message.state == RESET:
            self.known.clear()
        for change in message.changes:
            record = getattr(change, self._singular)
            self.told.append((change.type, record.name, record))
            if change.type in (DELETED, REMOVED):
                del self.known[record.name]
            else:
                assert change.type != CREATED or record.name not in self.known, record.name
                assert change.type != UPDATED or record.name in self.known, record.name
                self.known[record.name] = record

    async def until(self, state: int) -> Any:
        """Read until a message of a state, and return it."""
        async with asyncio.timeout(PATIENCE):
            while True:
                message = await self.next()
                assert message is not None, "the stream is over"
                if message.state == state:
                    return message

    async def until_known(self, **titles: str | None) -> None:
        """Read until records have these titles, or are gone (None); named by the last part of their name."""

        def is_so() -> bool:
            known = {name.rpartition("/")[2]: record.title for name, record in self.known.items()}
            return all(known.get(name) == title for name, title in titles.items())

        async with asyncio.timeout(PATIENCE):
            while not is_so():
                assert await self.next() is not None, "the stream is over"

    async def close(self) -> None:
        """Go away, as a client does whose connection breaks."""
        if self._stream is not None:
            await self._stream.aclose()
            self._stream = None


class Harbour(Library):
    """The engine, and what a test asks of it."""

    def __init__(self, engine: Engine, contract: Contract) -> None:
        super().__init__(engine, contract, PACKAGE, SERVICE)

    def call(self, method: str, caller: Caller | None = None) -> Call:
        call = Call(method=self.contract.methods[self.service + method], metadata={}, transport=NoTransport())
        call.caller = caller or user()
        return call

    def watch(self, method: str = "WatchBerths", caller: Caller | None = None, **fields: Any) -> Watching:
        """Return a watcher that has not begun."""
        return Watching(self, method, caller, **fields)

    async def berth(self, name: str, title: str = "", caller: Caller | None = None, **fields: Any) -> Any:
        """Create a berth."""
        return await self.do("CreateBerth", caller, berth_id=name, berth={"title": title, **fields})

    async def retitle(self, name: str, title: str, caller: Caller | None = None, **fields: Any) -> Any:
        """Change a berth."""
        return await self.do(
            "UpdateBerth",
            caller,
            berth={"name": f"berths/{name}", "title": title, **fields},
            update_mask={"paths": ["title", *fields]},
        )
