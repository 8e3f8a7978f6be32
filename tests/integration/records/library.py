"""A library of books, kept by the record engine: its contract touches every kind of field and every scope."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf.message_factory import GetMessageClass

from services.chassis.call import Call, Caller, CallerKind
from services.chassis.contract import PROTO_ROOT, Contract, compile_protos, load_contract
from services.chassis.keyring import Keyring, RootKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

    from services.records.engine import Engine

PACKAGE = "test.library.v1"
SERVICE = f"/{PACKAGE}.LibraryService/"
CONTRACTS = Path(__file__).parent / "contracts"
KEYRING = Keyring([RootKey(id="test", secret=b"k" * 32)])


@cache
def library_contract() -> Contract:
    """Compile the library's contract, once."""
    return load_contract(compile_protos([PROTO_ROOT, CONTRACTS]), services=("auth", "data"), custom=None)


def user(organization: str = "acme", subject: str = "users/1") -> Caller:
    """Return a user who may do everything in one organization."""
    return Caller(kind=CallerKind.USER, subject=subject, organization=organization, permissions=frozenset({"*"}))


SYSTEM = user("system", "users/root")
WORKLOAD = Caller(kind=CallerKind.WORKLOAD, workload="edge")


class NoTransport:
    """A transport that keeps nothing."""

    def send_initial_metadata(self, name: str, value: str) -> None:
        """Drop a header."""

    def send_trailer(self, name: str, value: str | bytes) -> None:
        """Drop a trailer."""

    def is_cancelled(self) -> bool:
        """Nobody goes away."""
        return False

    def on_done(self, callback: Callable[[], None]) -> None:
        """Never be done."""


class Library:
    """Calls the engine as a transport would, by the simple names of methods and messages."""

    def __init__(self, engine: Engine, contract: Contract, package: str = PACKAGE, service: str = SERVICE) -> None:
        self.engine = engine
        self.contract = contract
        self.package = package
        self.service = service

    def type(self, name: str) -> Any:
        return GetMessageClass(self.contract.pool.FindMessageTypeByName(f"{self.package}.{name}"))

    def call(self, method: str, caller: Caller | None = None) -> Call:
        call = Call(
            method=self.contract.methods[self.service + method],
            metadata={"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
            transport=NoTransport(),
            request_id="request-1",
        )
        call.caller = caller or user()
        return call

    async def send(self, method: str, caller: Caller | None = None, **fields: Any) -> bytes:
        request = self.type(self.contract.methods[self.service + method].input.rpartition(".")[2])(**fields)
        return await self.engine.handlers()[self.service + method](request, self.call(method, caller))

    async def do(self, method: str, caller: Caller | None = None, **fields: Any) -> Any:
        answer = await self.send(method, caller, **fields)
        output = self.contract.pool.FindMessageTypeByName(self.contract.methods[self.service + method].output)
        return GetMessageClass(output).FromString(answer)

    def book(self, **fields: Any) -> Message:
        book: Message = self.type("Book")(**fields)
        return book

    async def shelf(self, caller: Caller | None = None, name: str = "s1") -> str:
        return str((await self.do("CreateShelf", caller, shelf_id=name, shelf={"title": name})).name)
