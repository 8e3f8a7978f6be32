"""GraphQL through the edge: the same rows, rules and refusals as over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from google.api import httpbody_pb2
from tenon.data.v1 import graph_service_pb2

from tests.e2e.conftest import sign_in_new_user

if TYPE_CHECKING:
    import httpx

    from tests.e2e.stack import Stack

PATH = "/data/v1/graphql"
EXECUTE = "/tenon.data.v1.GraphService/Execute"


def post(stack: Stack, query: str, token: str | None = None, **more: Any) -> httpx.Response:
    with stack.client(stack.token() if token is None else token) as client:
        return client.post(PATH, json={"query": query, **more})


def ask(stack: Stack, query: str, **more: Any) -> Any:
    answer = post(stack, query, **more)
    assert answer.status_code == 200, answer.text
    assert "errors" not in answer.json(), answer.text
    return answer.json()["data"]


def test_a_page_has_the_same_rows_as_over_rest(stack: Stack) -> None:
    with stack.client(stack.token()) as client:
        rest = client.get("/flightops/v1/airports?pageSize=7&orderBy=altitude desc&filter=latitude > 40").json()
    fields = " ".join(key for key in rest["airports"][0])
    data = ask(
        stack, f'{{ airports(first: 7, orderBy: "altitude desc", filter: "latitude > 40") {{ nodes {{ {fields} }} }} }}'
    )
    shown = [{key: value for key, value in row.items() if value is not None} for row in data["airports"]["nodes"]]
    assert shown == rest["airports"]


def test_pages_follow_each_other_to_the_end(stack: Stack) -> None:
    with stack.client(stack.token()) as client:
        names = [airline["name"] for airline in client.get("/flightops/v1/airlines?pageSize=1000").json()["airlines"]]
    found: list[str] = []
    after, more = None, True
    while more:
        query = (
            "query($a: String) { airlines(first: 5, after: $a) { nodes { name } pageInfo { endCursor hasNextPage } } }"
        )
        page = ask(stack, query, variables={"a": after})["airlines"]
        found += [row["name"] for row in page["nodes"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert found == names


def test_one_answer_joins_what_several_services_keep(stack: Stack) -> None:
    data = ask(
        stack, "{ airlines(first: 1) { nodes { name } } users(first: 1) { nodes { name rolesRecords { name } } } }"
    )
    assert data["airlines"]["nodes"][0]["name"].startswith("airlines/")
    (user,) = data["users"]["nodes"]
    assert [role["name"] for role in user["rolesRecords"]] == ["roles/administrator"]


def test_a_contract_from_outside_is_in_it_with_its_parents(stack: Stack, book: str, shelf: str) -> None:
    data = ask(stack, f'{{ book(name: "{book}") {{ title parentRecord {{ name theme }} }} }}')
    assert data["book"] == {"title": "Odes", "parentRecord": {"name": shelf, "theme": "Poetry"}}
    data = ask(stack, f'{{ shelf(name: "{shelf}") {{ books {{ nodes {{ name }} }} }} }}')
    assert book in [row["name"] for row in data["shelf"]["books"]["nodes"]]


def test_what_is_written_is_there_over_rest(stack: Stack) -> None:
    data = ask(
        stack,
        'mutation($a: AirlineInput!) { createAirline(airlineId: "ZG", airline: $a) { name } }',
        variables={"a": {"displayName": "Zeppelin"}},
        token=stack.token("--organization", "system"),
    )
    name = data["createAirline"]["name"]
    with stack.client(stack.token()) as client:
        assert client.get(f"/flightops/v1/{name}").json()["displayName"] == "Zeppelin"
    gone = ask(stack, f'mutation {{ deleteAirline(name: "{name}") }}', token=stack.token("--organization", "system"))
    assert gone == {"deleteAirline": True}


def test_each_field_is_held_to_its_own_rule(stack: Stack) -> None:
    token = sign_in_new_user(stack, "grapher@example.com", permissions=("flightops.airports.list",))
    answer = post(
        stack, "{ airports(first: 1) { nodes { name } } airlines { nodes { name } } users { nodes { name } } }", token
    )
    assert answer.status_code == 200
    body = answer.json()
    assert len(body["data"]["airports"]["nodes"]) == 1
    assert body["data"]["airlines"] is body["data"]["users"] is None
    assert {tuple(error["path"]): error["extensions"]["reason"] for error in body["errors"]} == {
        ("airlines",): "PERMISSION_MISSING",
        ("users",): "PERMISSION_MISSING",
    }


def test_who_is_signed_in_and_may_nothing_sees_nothing_and_no_schema(stack: Stack, powerless: str) -> None:
    body = post(stack, "{ airports { nodes { name } } }", powerless).json()
    assert body["data"] == {"airports": None}
    body = post(stack, "{ __schema { types { name } } }", powerless).json()
    assert body["errors"][0]["extensions"]["reason"] == "INTROSPECTION_DENIED"


def test_without_a_token_nothing_is_read(stack: Stack) -> None:
    with stack.client() as client:
        assert client.post(PATH, json={"query": "{ __typename }"}).status_code == 401


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_what_a_form_can_send_is_refused(stack: Stack, content_type: str) -> None:
    with stack.client(stack.token()) as client:
        answer = client.post(PATH, content=b'{"query": "{ __typename }"}', headers={"content-type": content_type})
    assert answer.status_code == 400
    assert answer.json()["code"] == 3


def test_a_query_in_a_link_is_not_served(stack: Stack) -> None:
    with stack.client(stack.token()) as client:
        assert client.get(PATH, params={"query": "{ __typename }"}).status_code == 404


@pytest.mark.parametrize(("body", "reason"), [("{}", "GRAPH_REQUEST_MALFORMED"), ("{", "GRAPH_REQUEST_MALFORMED")])
def test_what_is_no_request_is_a_bad_request(stack: Stack, body: str, reason: str) -> None:
    with stack.client(stack.token()) as client:
        answer = client.post(PATH, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["details"][0]["reason"] == reason


def test_what_costs_too_much_is_refused_with_the_figures(stack: Stack) -> None:
    deep = (
        "{ airports(first: 1000) { nodes { name a: name b: name c: name d: name e: name f: name g: name h: name i: name"
    )
    deep += " j: name k: name l: name m: name n: name o: name p: name q: name r: name s: name t: name } } }"
    body = post(stack, deep).json()
    assert body["errors"][0]["extensions"]["metadata"] == {"cost": "22021", "limit": "20000"}


def test_a_large_document_is_refused_and_a_larger_one_by_the_edge(stack: Stack) -> None:
    body = post(stack, "{" + " __typename" * 10_000 + "}").json()
    assert body["errors"][0]["extensions"]["reason"] == "QUERY_TOO_LONG"
    with stack.client(stack.token()) as client:
        answer = client.post(PATH, content=b" " * (17 * 1024 * 1024), headers={"content-type": "application/json"})
    assert answer.status_code == 413


def test_the_answer_has_the_type_that_is_asked_for(stack: Stack) -> None:
    with stack.client(stack.token()) as client:
        asked = {"accept": "application/graphql-response+json, application/json;q=0.9"}
        newer = client.post(PATH, json={"query": "{ __typename }"}, headers=asked)
        older = client.post(PATH, json={"query": "{ __typename }"})
    assert newer.headers["content-type"] == "application/graphql-response+json"
    assert older.headers["content-type"] == "application/json"
    assert newer.json() == older.json() == {"data": {"__typename": "Query"}}


def test_a_grpc_client_can_ask_too(stack: Stack) -> None:
    request: Any = graph_service_pb2.ExecuteRequest()
    request.body.content_type, request.body.data = "application/json", b'{"query": "{ __typename }"}'
    with stack.channel() as channel:
        encode = type(request).SerializeToString
        call: Any = channel.unary_unary(EXECUTE, encode, httpbody_pb2.HttpBody.FromString)
        answer = call(request, metadata=(("authorization", f"Bearer {stack.token()}"),), timeout=20)
    assert answer.data == b'{"data":{"__typename":"Query"}}'


def test_graphiql_is_served_from_here_and_may_load_nothing_from_elsewhere(stack: Stack) -> None:
    with stack.client() as client:
        page = client.get("/graphiql/")
        assert page.status_code == 200
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "connect-src 'self'" in policy
        assert "http" not in policy
        assert "//" not in page.text.replace("<!doctype html>", "")
        for name in ("app.js", "style.css", "vendor/graphiql.min.js", "vendor/graphiql.min.css"):
            assert client.get(f"/graphiql/{name}").status_code == 200, name
