"""Methods that are written in Python are reached as any other: beside contracts from outside, and in services."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from tests.e2e.conftest import sign_in_new_user

if TYPE_CHECKING:
    import httpx

    from tests.e2e.stack import Stack


def post(client: httpx.Client, path: str, body: dict[str, Any], status: int = 200) -> Any:
    answer = client.post(path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_a_method_beside_a_contract_from_outside_is_served(stack: Stack) -> None:
    with stack.client(stack.token()) as client:
        post(client, "/library/v1/shelves?shelfId=tagged", {"theme": "Tags"})
        for number in range(3):
            post(client, f"/library/v1/shelves/tagged/books?bookId=b{number}", {"title": f"Book {number}"})
        sent = {"tag": "old", "requestId": str(uuid.uuid4())}
        assert post(client, "/library/v1/shelves/tagged:tag", sent) == {"tagged": 3}
        assert post(client, "/library/v1/shelves/tagged:tag", sent) == {"tagged": 3}, "a repeat has the first answer"
        assert post(client, "/library/v1/shelves/tagged:tag", {"tag": "old"}) == {"tagged": 0}
        assert client.get("/library/v1/shelves/tagged/books/b1").json()["tags"] == ["old"]
        missing = post(client, "/library/v1/shelves/none:tag", {"tag": "old"}, 404)
        assert missing["details"][0]["reason"] == "RECORD_NOT_FOUND"


def test_a_written_method_needs_its_permission(stack: Stack) -> None:
    token = sign_in_new_user(stack, "borrower@example.com", permissions=("library.books.get",))
    with stack.client(token) as client:
        post(client, "/library/v1/shelves/poetry:tag", {"tag": "old"}, 403)


def test_an_order_goes_its_way_over_rest(stack: Stack) -> None:
    base = "/commerce/v1"
    variant = "products/runner/variants/v42"
    with stack.client(stack.token()) as client:
        place = {"displayName": "Berlin", "kind": "LOCATION_KIND_WAREHOUSE"}
        post(client, f"{base}/locations?locationId=berlin", place)
        post(client, f"{base}/products?productId=runner", {"displayName": "Runner"})
        post(client, f"{base}/products/runner:activate", {})
        body = {"sku": "R-42", "currency": "EUR", "price": "9900"}
        post(client, f"{base}/products/runner/variants?variantId=v42", body)
        post(client, f"{base}/customers?customerId=ada", {"displayName": "Ada"})
        order = {
            "customer": "customers/ada",
            "location": "locations/berlin",
            "items": [{"variant": variant, "quantity": 2}],
        }
        post(client, f"{base}/orders?orderId=first", order)
        short = post(client, f"{base}/orders/first:place", {}, 400)
        reasons = {detail.get("reason") for detail in short["details"]}
        assert "STOCK_INSUFFICIENT" in reasons
        subjects = [each["subject"] for detail in short["details"] for each in detail.get("violations", [])]
        assert subjects == [f"{variant}/stockLevels/berlin"]
        post(client, f"{base}/{variant}:adjustStock", {"location": "locations/berlin", "quantity": "5"})
        placed = post(client, f"{base}/orders/first:place", {})["order"]
        assert (placed["state"], placed["total"]) == ("ORDER_STATE_PLACED", "19800")
        post(client, f"{base}/orders/first:confirm", {})
        assert post(client, f"{base}/orders/first:fulfil", {})["order"]["state"] == "ORDER_STATE_FULFILLED"
        level = client.get(f"{base}/{variant}/stockLevels/berlin").json()
        assert (level["onHand"], level["reserved"], level["available"]) == ("3", "0", "3")
