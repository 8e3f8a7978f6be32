"""Which permissions the contract asks for, and which roles hold them by which pattern."""

from __future__ import annotations

import pytest

from services.auth.domain.access.catalogue import Catalogue, MethodRule, Selection, deciding_pattern
from tests.fakes.auth_access import FakeRoleBook


def method(name: str, access: str, detail: str, host: str = "shop") -> MethodRule:
    return MethodRule(
        path=f"/tenon.{host}.v1.{name}", service=f"tenon.{host}.v1.S", host=host, access=access, detail=detail
    )


RULES = (
    method("S/GetOrder", "permission", "shop.orders.get"),
    method("S/WatchOrders", "permission", "shop.orders.get"),
    method("S/CreateOrder", "permission", "shop.orders.create"),
    method("S/GetItem", "permission", "shop.items.get"),
    method("S/Ping", "public", "Anybody may."),
    method("S/Mint", "internal", "cli", host="auth"),
)
ROLES = [
    ("roles/administrator", "Administrator", frozenset({"*"})),
    ("roles/clerk", "Clerk", frozenset({"shop.*", "shop.orders.get", "shop.items.*"})),
    ("roles/guest", "Guest", frozenset({"pages.*"})),
]
CATALOGUE = Catalogue(rules=lambda: RULES, roles=FakeRoleBook(ROLES))


def test_each_permission_names_all_methods_that_ask_for_it() -> None:
    found = CATALOGUE.list_permissions(Selection())
    assert list(found) == ["shop.items.get", "shop.orders.create", "shop.orders.get"]
    assert [one.path for one in found["shop.orders.get"]] == [
        "/tenon.shop.v1.S/GetOrder",
        "/tenon.shop.v1.S/WatchOrders",
    ]


@pytest.mark.parametrize(
    ("selection", "count"),
    [
        (Selection(service="shop"), 5),
        (Selection(service="auth"), 1),
        (Selection(permission="shop.orders.*"), 3),
        (Selection(permission="shop.orders.get"), 2),
        (Selection(permission="*"), 4),
        (Selection(method="Order"), 3),
        (Selection(service="shop", permission="shop.*", method="Get"), 2),
        (Selection(service="nothing"), 0),
    ],
)
def test_a_selection_means_what_all_of_its_parts_mean(selection: Selection, count: int) -> None:
    assert len(CATALOGUE.list_methods(selection)) == count


async def test_the_matrix_names_the_narrowest_pattern_that_decides() -> None:
    methods, rows = await CATALOGUE.list_roles("default", Selection(), ())
    assert len(methods) == len(RULES)
    grants = {row.role: dict(row.grants) for row in rows}
    assert grants["roles/clerk"] == {
        "shop.items.get": "shop.items.*",
        "shop.orders.create": "shop.*",
        "shop.orders.get": "shop.orders.get",
    }
    assert set(grants["roles/administrator"].values()) == {"*"}
    assert grants["roles/guest"] == {}
    _, rows = await CATALOGUE.list_roles("default", Selection(permission="shop.items.*"), ["roles/clerk"])
    assert [(row.role, dict(row.grants)) for row in rows] == [("roles/clerk", {"shop.items.get": "shop.items.*"})]


def test_no_pattern_decides_where_none_covers() -> None:
    assert deciding_pattern("shop.orders.get", ["shop.items.*", "pages.*"]) == ""
