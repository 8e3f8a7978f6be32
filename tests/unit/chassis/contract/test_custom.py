"""Python beside the contracts is found without being run, and what serves nothing is refused before anything starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.chassis.contract import (
    PROTO_ROOT,
    Contract,
    ContractError,
    compile_protos,
    load_contract,
    service_folders,
)
from services.chassis.contract.custom import Custom, find_custom

if TYPE_CHECKING:
    from pathlib import Path

PROTO = """
syntax = "proto3";
package desk.v1;
import "google/api/annotations.proto";
import "tenon/options/v1/options.proto";
service LoanService {
  rpc LendBook(LendBookRequest) returns (LendBookResponse) {
    option (google.api.http) = {post: "/desk/v1/{name=books/*}:lend" body: "*"};
    option (tenon.options.v1.rule) = {permission: "desk.books.lend"};
  }
}
message LendBookRequest { string name = 1; }
message LendBookResponse { string until = 1; }
"""
METHODS = """
from services.records.methods import Methods

raise SystemExit("nobody runs this")

class LoanServiceMethods(Methods):
    async def LendBook(self, request, call): ...
    def until(self): ...
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "desk" / "v1"
    folder.mkdir(parents=True)
    (folder / "desk.proto").write_text(PROTO)
    return tmp_path


def write(root: Path, text: str) -> Custom:
    (root / "desk" / "v1" / "methods.py").write_text(text)
    return find_custom([root])


def load(root: Path, custom: Custom) -> Contract:
    return load_contract(compile_protos([PROTO_ROOT, root]), services=service_folders(), custom=custom.names())


def test_a_method_that_python_serves_is_found_without_running_it(root: Path) -> None:
    custom = write(root, METHODS)
    assert "desk.v1.LoanService.LendBook" in custom.names()
    contract = load(root, custom)
    custom.check(contract)
    assert "/desk.v1.LoanService/LendBook" in contract.methods


def test_a_method_that_nothing_serves_stops_the_load(root: Path) -> None:
    with pytest.raises(ContractError, match=r"LoanService\.LendBook"):
        load(root, write(root, "class LoanServiceMethods: ..."))


def test_the_methods_of_this_repository_are_among_them() -> None:
    names = find_custom().names()
    assert "tenon.flightops.v1.FlightopsService.ReassignAircraft" in names


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            METHODS.replace("LendBook", "SellBook"),
            r"py:7: LoanServiceMethods\.SellBook: .* has no such method",
        ),
        (METHODS.replace("LoanServiceM", "ShopM"), r"methods\.py:6: ShopMethods: The class serves no service"),
        ("class Loans(records.Methods):\n  pass", r"Loans: The class serves no service .*Name it LoanServiceMethods"),
    ],
)
def test_python_that_serves_nothing_is_refused_with_its_place(root: Path, text: str, said: str) -> None:
    custom = write(root, text)
    contract = load(root, write(root, METHODS))
    with pytest.raises(ContractError, match=said):
        custom.check(contract)


def test_python_beside_no_contract_is_refused(root: Path) -> None:
    elsewhere = root / "other" / "v1"
    elsewhere.mkdir(parents=True)
    (elsewhere / "methods.py").write_text(METHODS)
    custom = write(root, METHODS)
    with pytest.raises(ContractError, match=r"other/v1/methods\.py.*serves no service of the package other\.v1"):
        custom.check(load(root, custom))


def test_a_file_that_is_not_python_is_refused_with_its_line(root: Path) -> None:
    with pytest.raises(ContractError, match=r"desk/v1/methods\.py:2: methods: The file is not Python"):
        write(root, "class A:\n  def (")


def test_hidden_folders_are_left_out(root: Path) -> None:
    hidden = root / ".venv" / "lib"
    hidden.mkdir(parents=True)
    (hidden / "methods.py").write_text("def (")
    assert write(root, METHODS).classes[-1].name == "LoanServiceMethods"
