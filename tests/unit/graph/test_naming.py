"""Names: from the contract alone, none twice, and the same whatever the order."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.graph.naming import choose_names, root_names, type_names

NAMES = st.lists(st.sampled_from(["a", "b", "c", "aB", "bC"]), min_size=1, max_size=3)


def test_a_type_is_called_as_in_its_contract() -> None:
    assert type_names("tenon.flightops.v1", "Flight")[0] == "Flight"
    assert type_names("library.v1", "Book.Cover")[0] == "BookCover"


def test_types_that_share_a_name_are_called_by_their_packages() -> None:
    wanted = {package: type_names(package, "Order") for package in ("tenon.commerce.v1", "library.v1", "library.v2")}
    assert choose_names(wanted) == {
        "tenon.commerce.v1": "CommerceOrder",
        "library.v1": "LibraryV1Order",
        "library.v2": "LibraryV2Order",
    }


def test_a_name_that_is_taken_is_given_to_nobody() -> None:
    assert choose_names({"m": type_names("shop.v1", "Query")}, {"Query"}) == {"m": "ShopQuery"}


def test_root_fields_that_share_a_name_are_called_by_their_packages() -> None:
    wanted = {
        "a": root_names("a.shop.v1", "orders", "ListOrders"),
        "b": root_names("b.farm.v1", "orders", "ListOrders"),
    }
    assert choose_names(wanted) == {"a": "shopOrders", "b": "farmOrders"}


@given(st.dictionaries(st.integers(0, 9), NAMES, max_size=6))
def test_no_two_get_the_same_name(wanted: dict[int, list[str]]) -> None:
    names = choose_names(wanted, {"c"})
    assert len(set(names.values())) == len(wanted)
    assert "c" not in names.values()


@pytest.mark.parametrize("order", list(itertools.permutations("xyz")))
def test_names_do_not_depend_on_the_order(order: tuple[str, ...]) -> None:
    wanted = {"x": ["order", "shopOrder"], "y": ["order", "farmOrder"], "z": ["shopOrder", "seaOrder"]}
    assert choose_names({key: wanted[key] for key in order}) == {"x": "shopOrder_", "y": "farmOrder", "z": "seaOrder"}
