"""Whatever is sent, the answer is a typed error that names what is wrong, and never a stack trace."""

from __future__ import annotations

import base64
import struct
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from tests.e2e.test_three_protocols import Rpc

if TYPE_CHECKING:
    import httpx

    from tests.e2e.stack import Stack

NUL = "a\0b"


def violations(answer: httpx.Response) -> dict[str, str]:
    """Return what is wrong by field, and check that the error is shaped as AIP-193 has it."""
    body = answer.json()
    kinds = [d["@type"].rsplit(".", 1)[1] for d in body["details"]]
    assert kinds.count("ErrorInfo") == 1, body
    assert "Traceback" not in answer.text
    bad: dict[str, Any] = next(
        (d for d in body["details"] if d["@type"].endswith("BadRequest")), {"fieldViolations": []}
    )
    return {v["field"]: v["description"] for v in bad["fieldViolations"]}


def nested_author(depth: int) -> dict[str, Any]:
    author: dict[str, Any] = {"displayName": "x"}
    for _ in range(depth):
        author = {"displayName": "x", "with": author}
    return author


BODIES: dict[str, tuple[dict[str, Any], str]] = {
    "a required field is missing": ({"isbn": "1"}, "book.title"),
    "a string is longer than its index allows": ({"title": "t" * 600}, "book.title"),
    "a number is below its bound": ({"title": "t", "pageCount": -1}, "book.page_count"),
    "an enum's value is not defined": ({"title": "t", "genre": 99}, "book.genre"),
    "a NUL byte at the top": ({"title": NUL}, "book.title"),
    "a NUL byte in a nested message": (
        {"title": "t", "author": {"displayName": "x", "with": {"displayName": NUL}}},
        "book.author.with.display_name",
    ),
    "a NUL byte in a list": ({"title": "t", "tags": ["fine", NUL]}, "book.tags[1]"),
    "a NUL byte in a map": ({"title": "t", "labels": {"k": NUL}}, 'book.labels["k"]'),
    "a nested rule is broken": ({"title": "t", "author": {"displayName": ""}}, "book.author.display_name"),
}


@pytest.mark.parametrize("case", BODIES)
def test_bad_input_names_the_fields_path(stack: Stack, shelf: str, case: str) -> None:
    body, field = BODIES[case]
    with stack.client(stack.token()) as client:
        answer = client.post(f"/library/v1/{shelf}/books?bookId=bad", json=body)
    assert answer.status_code == 400, answer.text
    assert field in violations(answer), answer.text


def test_all_that_is_wrong_comes_in_one_answer(stack: Stack, shelf: str) -> None:
    body = {"pageCount": -1, "tags": [NUL], "author": {"displayName": ""}}
    with stack.client(stack.token()) as client:
        answer = client.post(f"/library/v1/{shelf}/books", json=body)
    assert set(violations(answer)) >= {"book.title", "book.page_count", "book.tags[0]", "book.author.display_name"}


LISTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "an unknown field in a filter": ({"filter": "colour = 1"}, "filter", "colour"),
    "a filter that does not parse": ({"filter": "title = = 1"}, "filter", "9"),
    "a filter of the wrong type": ({"filter": 'page_count = "many"'}, "filter", "many"),
    "a filter with an unknown enum value": ({"filter": "genre = GENRE_COOKING"}, "filter", "GENRE_COOKING"),
    "a filter that is too deep": ({"filter": "(" * 200 + "title = 1" + ")" * 200}, "filter", ""),
    "a path in a filter that is too deep": ({"filter": "author" + ".with" * 200 + '.email = "x"'}, "filter", ""),
    "a filter that is too long": ({"filter": "title = " + "x" * 9000}, "filter", ""),
    "an unknown field in order_by": ({"orderBy": "colour desc"}, "order_by", "colour"),
    "a negative page": ({"pageSize": -1}, "page_size", ""),
    "a page token of the caller's making": ({"pageToken": "AAAA"}, "page_token", ""),
}


@pytest.mark.parametrize("case", LISTS)
def test_a_bad_list_names_what_is_wrong_and_where(stack: Stack, shelf: str, case: str) -> None:
    params, field, word = LISTS[case]
    with stack.client(stack.token()) as client:
        answer = client.get(f"/library/v1/{shelf}/books", params=params)
    assert answer.status_code == 400, answer.text
    assert word in violations(answer)[field], answer.text


def test_a_page_token_that_was_changed_or_belongs_to_another_list_is_refused(stack: Stack) -> None:
    with stack.client(stack.token()) as client:
        token = client.get("/flightops/v1/airports?pageSize=2").json()["nextPageToken"]
        raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        raw[-1] ^= 1
        tampered = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        for params in (
            {"pageToken": tampered},
            {"pageToken": token, "orderBy": "name desc"},
            {"pageToken": token[:-4]},
        ):
            answer = client.get("/flightops/v1/airports", params=params)
            assert answer.status_code == 400, params
            assert "page_token" in violations(answer)
        assert client.get("/flightops/v1/airports", params={"pageToken": token, "pageSize": 5}).status_code == 200


def test_what_the_edge_refuses_is_json_with_one_error_info(stack: Stack, shelf: str) -> None:
    url = f"/library/v1/{shelf}/books"
    with stack.client(stack.token()) as client:
        for answer, status in (
            (client.post(url, json={"title": 5}), 400),
            (client.post(url, json={"title": "t", "pageCount": "many"}), 400),
            (client.post(url, json={"title": "t", "publishTime": "yesterday"}), 400),
            (client.post(url, content=b"{"), 400),
            (client.post(url, json={"title": "t", "author": nested_author(150)}), 400),
            (client.get(url, params={"colour": "red"}), 400),
            (client.get("/library/v1/nothing/here"), 404),
        ):
            assert answer.status_code == status, answer.text
            violations(answer)


def test_deep_nesting_over_grpc_is_a_typed_error(stack: Stack, shelf: str) -> None:
    rpc = Rpc(stack, "/library.v1.LibraryService/CreateBook")
    request = rpc.request_type(parent=shelf)
    request.book.title = "deep"
    author = request.book.author
    for _ in range(150):
        author.display_name = "x"
        author = getattr(author, "with")
    author.display_name = "x"
    with stack.channel() as channel:
        call = channel.unary_unary(rpc.path, rpc.request_type.SerializeToString, rpc.response_type.FromString)
        with pytest.raises(grpc.RpcError) as refused:
            call(request, metadata=(("authorization", f"Bearer {stack.token()}"),), timeout=20)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_bytes_that_are_no_message_are_a_typed_error(stack: Stack) -> None:
    headers = {"content-type": "application/grpc", "te": "trailers", "authorization": f"Bearer {stack.token()}"}
    body = b"\xff\xff\xff"
    with stack.client() as client:
        answer = client.post(
            "/library.v1.LibraryService/GetBook",
            headers=headers,
            content=struct.pack(">BI", 0, len(body)) + body,
        )
    assert answer.headers["grpc-status"] in {"3", "13"}
    assert "Traceback" not in answer.headers.get("grpc-message", "")


def test_a_body_of_twenty_megabytes_is_refused(stack: Stack, shelf: str) -> None:
    with stack.client(stack.token()) as client:
        answer = client.post(f"/library/v1/{shelf}/books", json={"title": "t" * 20_000_000})
    assert answer.status_code == 413
    violations(answer)


@pytest.mark.parametrize("name", ["UPPER_é", "a b", "-x", "x" * 80, "a%2Fb", "~", "x."])
def test_a_name_that_is_no_name_is_refused(stack: Stack, shelf: str, name: str) -> None:
    with stack.client(stack.token()) as client:
        answer = client.post(f"/library/v1/{shelf}/books", params={"bookId": name}, json={"title": "t"})
    assert answer.status_code == 400, answer.text
    assert "book_id" in violations(answer)
