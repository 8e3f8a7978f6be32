"""The edge serves the OpenAPI document and the pages to anybody, and nothing beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from services.meshgen import openapi, pages
from services.meshgen.envoy import generate
from tests.integration.edge.rig import CONTRACTS, await_true, read_contract_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.edge.rig import Edge

MORE = """syntax = "proto3";
// More toys.
package tenon.toy.v2;
import "google/api/annotations.proto";
import "tenon/options/v1/options.proto";
// Answers later.
service MoreService {
  // Answers.
  rpc Answer(Question) returns (Question) {
    option (google.api.http) = {get: "/toy/v2/answers"};
    option (tenon.options.v1.rule) = {public: "A test asks."};
  }
}
// Is a question.
message Question {
  // Is its text.
  string text = 1;
}
"""


def test_the_document_is_served_as_it_was_generated(edge: Edge) -> None:
    for name, text in openapi.generate(edge.contract).items():
        answer = edge.rest.get(f"/{name}")
        assert (answer.status_code, answer.text) == (200, text)
        assert answer.headers["content-type"] == f"application/{name.rpartition('.')[2]}"


def test_every_file_of_the_pages_is_served_with_its_type(edge: Edge) -> None:
    found = {name: content for name, content in pages.read_pages().items() if name.startswith("docs/")}
    assert found
    for name, content in found.items():
        answer = edge.rest.get(f"/{name.removesuffix('index.html')}")
        assert (answer.status_code, answer.content) == (200, content), name
        assert answer.headers["content-type"] == pages.type_of(name)
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_page_may_load_from_this_edge_alone(edge: Edge) -> None:
    assert edge.rest.get("/docs/").headers["content-security-policy"] == pages.POLICY


def test_a_folder_without_its_slash_leads_to_it_on_the_same_port(edge: Edge) -> None:
    answer = edge.rest.get("/docs")
    assert (answer.status_code, answer.headers["location"]) == (308, "/docs/")
    assert edge.rest.get("/docs", follow_redirects=True).status_code == 200


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_what_a_client_has_is_not_sent_again(edge: Edge, encoding: str) -> None:
    first = edge.rest.get("/openapi.yaml", headers={"accept-encoding": encoding})
    assert first.headers.get("content-encoding", "identity") == encoding
    known = {"if-none-match": first.headers["etag"], "accept-encoding": encoding}
    again = edge.rest.get("/openapi.yaml", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"].removeprefix("W/") == first.headers["etag"].removeprefix("W/")
    assert "location" not in again.headers
    assert edge.rest.get("/openapi.yaml", headers={"if-none-match": '"else"'}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/docs/missing.js",
        "/docs/../bootstrap.yaml",
        "/docs/%2e%2e/routes.py",
        "/docs/__init__.py",
        "/pages/openapi.yaml",
        "/docs/index.html",
        "//docs/../../etc/passwd",
    ],
)
def test_nothing_else_is_served(edge: Edge, path: str) -> None:
    assert edge.rest.get(path).status_code in {401, 403, 404}


@pytest.mark.parametrize("verb", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_page_is_only_read(edge: Edge, verb: str) -> None:
    assert edge.rest.request(verb, "/openapi.yaml").status_code == 404
    assert edge.rest.head("/openapi.yaml").status_code == 200


def test_a_changed_contract_changes_the_document_of_the_running_edge(edge: Edge, tmp_path: Path) -> None:
    (tmp_path / "tenon/toy/v2").mkdir(parents=True)
    (tmp_path / "tenon/toy/v2/more.proto").write_text(MORE)
    grown = read_contract_of(CONTRACTS, tmp_path)
    before = edge.rest.get("/openapi.yaml")
    try:
        edge.write(generate(grown, edge.topology))
        await_true(lambda: "/toy/v2/answers" in edge.rest.get("/openapi.yaml").text, "the new document")
        after = edge.rest.get("/openapi.yaml", headers={"if-none-match": before.headers["etag"]})
        assert after.status_code == 200
        assert "/toy/v2/answers" in yaml.safe_load(after.text)["paths"]
    finally:
        edge.write(generate(edge.contract, edge.topology))
        await_true(lambda: edge.rest.get("/openapi.yaml").text == before.text, "the old document")
