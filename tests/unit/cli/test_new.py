"""`tenon new resource`: a contract that compiles, lints, meets all conventions, and overwrites nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.chassis.contract import StandardKind, compile_protos, load_contract, own_files, service_folders
from services.cli.commands.new import name_resource, plural_of, run_new
from services.cli.errors import CommandError
from services.meshgen.judge import find_unformatted, lint

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["shop.Product", "acme.shop.v2.StockLevel", "city.Entry", "commerce.Product"])
def test_what_is_written_is_well_formed_and_has_all_standard_methods(tmp_path: Path, name: str) -> None:
    said: list[str] = []
    assert run_new(name, into=None, plural="", directory=tmp_path, write=said.append) == 0
    root = tmp_path / "contracts"
    image = compile_protos([root])
    assert lint(image) == ()
    assert find_unformatted(root) == ()
    contract = load_contract(image, services=service_folders(), own=own_files(), custom=())
    names = name_resource(name)
    methods = [each for each in contract.methods.values() if each.service.startswith(f"{names.package}.")]
    found = {each.standard.kind for each in methods if each.standard is not None}
    assert found == set(StandardKind) - {StandardKind.UNDELETE, StandardKind.EXPUNGE, StandardKind.TRANSITION}
    assert all(each.standard is not None for each in methods)
    assert "tenon up --watch --contracts contracts" in said[-1]


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    run_new("shop.Product", into=None, plural="", directory=tmp_path, write=lambda _: None)
    path = tmp_path / "contracts" / "shop" / "v1" / "product.proto"
    path.write_text("mine")
    with pytest.raises(CommandError, match="is there already"):
        run_new("shop.Product", into=None, plural="", directory=tmp_path, write=lambda _: None)
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    "name", ["Product", "shop.product", "shop.v1", "Shop.Product", "shop..Product", "shop.v1.v2.X"]
)
def test_what_is_no_name_is_refused_with_one_that_is(tmp_path: Path, name: str) -> None:
    with pytest.raises(CommandError, match=r"shop\.Product"):
        run_new(name, into=None, plural="", directory=tmp_path, write=lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_packages_of_tenons_own_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"Tenon's own"):
        run_new("tenon.shop.Product", into=None, plural="", directory=tmp_path, write=lambda _: None)


def test_a_name_of_tenons_own_service_is_set_apart(tmp_path: Path) -> None:
    said: list[str] = []
    run_new("auth.Thing", into=tmp_path / "x", plural="", directory=tmp_path, write=said.append)
    assert (tmp_path / "x" / "my_auth" / "v1" / "thing.proto").is_file()
    assert "my_auth.v1" in said[0]


def test_the_parts_of_a_name_are_found() -> None:
    names = name_resource("acme.shop.v2.StockLevel")
    assert (names.package, names.type, names.singular, names.plural) == (
        *("acme.shop.v2", "StockLevel", "stock_level", "stock_levels"),
    )
    assert name_resource("shop.Person", plural="people").plural == "people"


@pytest.mark.parametrize(
    ("one", "many"), [("box", "boxes"), ("city", "cities"), ("day", "days"), ("book", "books"), ("dish", "dishes")]
)
def test_plurals_are_those_of_most_nouns(one: str, many: str) -> None:
    assert plural_of(one) == many
