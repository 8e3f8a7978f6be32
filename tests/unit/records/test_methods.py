"""Python beside the engine is loaded anew each time, and goes before what the engine derives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from services.chassis.contract import PROTO_ROOT, ContractError, compile_protos, load_contract, service_folders
from services.chassis.contract.custom import find_custom
from services.chassis.keyring import KEY_BYTES, Keyring, RootKey
from services.chassis.postgres import Pool
from services.records.engine import Engine
from services.records.methods import handlers_beside, load_methods

if TYPE_CHECKING:
    from pathlib import Path

    from services.chassis.transport import Handler

PATH = "/desk.v1.BookService/"
PROTO = """
syntax = "proto3";
package desk.v1;
import "google/api/annotations.proto";
import "google/api/field_behavior.proto";
import "google/api/resource.proto";
import "tenon/options/v1/options.proto";
service BookService {
  rpc GetBook(GetBookRequest) returns (Book) {
    option (google.api.http) = {get: "/desk/v1/{name=books/*}"};
    option (tenon.options.v1.rule) = {permission: "desk.books.get"};
  }
  rpc LendBook(LendBookRequest) returns (LendBookResponse) {
    option (google.api.http) = {post: "/desk/v1/{name=books/*}:lend" body: "*"};
    option (tenon.options.v1.rule) = {permission: "desk.books.lend"};
  }
  rpc FollowBook(LendBookRequest) returns (stream LendBookResponse) {
    option (google.api.http) = {get: "/desk/v1/{name=books/*}:follow"};
    option (tenon.options.v1.rule) = {permission: "desk.books.get"};
  }
}
message Book {
  option (google.api.resource) = {
    type: "desk.test/Book" pattern: "books/{book}" singular: "book" plural: "books"
  };
  option (tenon.options.v1.record) = {};
  string name = 1 [(google.api.field_behavior) = IDENTIFIER];
}
message GetBookRequest { string name = 1; }
message LendBookRequest { string name = 1; }
message LendBookResponse { string until = 1; }
"""
METHODS = """
from __future__ import annotations

from dataclasses import dataclass

from services.records.methods import Methods


@dataclass(frozen=True)
class Until:
    text: str


class BookServiceMethods(Methods):
    async def LendBook(self, request, call):
        return self.messages("desk.v1.LendBookResponse")(until=Until("Friday").text)

    async def FollowBook(self, request, call):
        yield self.messages("desk.v1.LendBookResponse")(until="now")
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "desk" / "v1"
    folder.mkdir(parents=True)
    (folder / "desk.proto").write_text(PROTO)
    (folder / "methods.py").write_text(METHODS)
    return tmp_path


def engine_of(root: Path) -> Engine:
    custom = find_custom([root])
    contract = load_contract(compile_protos([PROTO_ROOT, root]), services=service_folders(), custom=custom.names())
    keyring = Keyring([RootKey(id="k", secret=bytes(KEY_BYTES))])
    return Engine(contract, host="data", pool=Pool("postgresql:///"), keyring=keyring)


def load(root: Path) -> dict[str, Handler]:
    found = load_methods(find_custom([root]), engine_of(root))
    return {path: handler for path, handler in found.items() if path.startswith(PATH)}


async def lend(handlers: dict[str, Handler]) -> str:
    handler = handlers[PATH + "LendBook"]
    answer: Any = await handler.function(handler.request_type(), None)  # type: ignore[arg-type, misc]
    return str(answer.until)


async def test_methods_are_served_with_the_messages_of_the_contract(root: Path) -> None:
    handlers = load(root)
    assert set(handlers) == {PATH + "LendBook", PATH + "FollowBook"}
    assert await lend(handlers) == "Friday"


async def test_a_changed_file_is_served_once_it_is_loaded_again(root: Path) -> None:
    before = load(root)
    (root / "desk" / "v1" / "methods.py").write_text(METHODS.replace("Friday", "Monday"))
    assert (await lend(load(root)), await lend(before)) == ("Monday", "Friday")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("from dataclasses", "raise ValueError('no')\nfrom dataclasses", "fails as it is loaded: ValueError: no"),
        ("from dataclasses", "raise SystemExit(3)\nfrom dataclasses", "fails as it is loaded: SystemExit: 3"),
        ("    async def LendBook", "    def __init__(self, *_): 1 / 0\n\n    async def LendBook", "ZeroDivisionError"),
        ("(Methods)", "", "The class is no Methods"),
        (
            "    async def FollowBook",
            "    GetBook = LendBook\n\n    async def FollowBook",
            "GetBook is not a function of",
        ),
        ("yield", "return", "FollowBook is not the kind of function that its RPC is"),
        ("async def LendBook", "def LendBook", "LendBook is not the kind of function that its RPC is"),
    ],
)
def test_what_cannot_serve_is_refused_with_its_file(root: Path, old: str, new: str, said: str) -> None:
    (root / "desk" / "v1" / "methods.py").write_text(METHODS.replace(old, new))
    with pytest.raises(ContractError, match=said) as refused:
        load(root)
    assert refused.value.problems[0].file.startswith("desk/v1/methods.py:")


def test_a_servicer_goes_before_the_engine_which_serves_all_else(root: Path) -> None:
    engine = engine_of(root)

    class BookServicer:
        """Serves what no rule derives."""

        async def LendBook(self, request: Any, call: Any) -> bytes:
            return b""

        async def FollowBook(self, request: Any, call: Any) -> bytes:
            return b""

    others = {service.full_name: BookServicer() for service in engine.contract.hosted_by("data")}
    with pytest.raises(LookupError, match="ReassignAircraft"):
        handlers_beside(engine, "data", others)
    with pytest.raises(LookupError, match=r"no\.Service"):
        handlers_beside(engine, "data", {"no.Service": BookServicer()})


def test_a_misspelt_function_of_a_servicer_is_refused_and_does_not_leave_its_method_to_the_engine(root: Path) -> None:
    engine = engine_of(root)

    class BookServicer:
        """Means to go before UpdateBook."""

        async def UpdateBooks(self, request: Any, call: Any) -> bytes:
            return b""

    service = next(each.full_name for each in engine.contract.hosted_by("data") if "BookService" in each.full_name)
    with pytest.raises(LookupError, match=r"BookService\.UpdateBooks"):
        handlers_beside(engine, "data", {service: BookServicer()})
