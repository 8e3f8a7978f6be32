"""What the edge serves by itself: which files, to whom, and what they may do in a browser."""

from __future__ import annotations

import re
from pathlib import Path, PurePath
from typing import Any

import pytest
import yaml

from services.chassis.repository import REPOSITORY
from services.meshgen import envoy, openapi, pages
from services.meshgen.pages.vendor import DIGESTS, PageAltered, graphiql_folder, read_vendor
from services.meshgen.topology import Topology
from tests.unit.meshgen.golden import laptop, toy_contract

DOCS = {name: content for name, content in pages.read_pages().items() if name.startswith("docs/")}


def page_routes(topology: Topology) -> dict[str, dict[str, Any]]:
    """Return the routes of the reference and of the document by name."""
    text = envoy.generate(toy_contract(), topology)["rds/routes.yaml"]
    routes = yaml.safe_load(text)["resources"][0]["virtual_hosts"][0]["routes"]
    return {route["name"]: route for route in routes if route["name"].startswith(("page/docs", "page/openapi"))}


def headers(route: dict[str, Any]) -> dict[str, str]:
    """Return the headers that a route adds."""
    return {item["header"]["key"]: item["header"]["value"] for item in route["response_headers_to_add"]}


def test_every_file_of_the_pages_has_a_path_and_no_path_leads_elsewhere() -> None:
    routes = page_routes(laptop())
    files = {
        PurePath(r["direct_response"]["body"]["filename"]) for r in routes.values() if "body" in r["direct_response"]
    }
    folder = PurePath("/opt/tenon/services/meshgen/pages")
    documents = {PurePath(laptop().documents, name) for name in openapi.generate(toy_contract())}
    assert files == {folder / name for name in DOCS} | documents
    assert all("path" in route["match"] for route in routes.values())


def test_the_index_of_a_folder_is_the_folder() -> None:
    routes = page_routes(laptop())
    assert routes["page/docs/"]["match"]["path"] == "/docs/"
    redirect = routes["page/docs/-redirect"]
    assert (redirect["match"]["path"], redirect["direct_response"]) == ("/docs", {"status": 308})
    assert headers(redirect)["location"] == "/docs/"


def test_pages_are_read_and_never_written() -> None:
    for route in page_routes(laptop()).values():
        assert {"name": ":method", "string_match": {"safe_regex": {"regex": "GET|HEAD"}}} in route["match"]["headers"]


def test_a_changed_document_changes_its_tag_and_so_the_routes() -> None:
    tags = {headers(route)["etag"] for route in page_routes(laptop()).values()}
    assert len(tags) == len(DOCS) + len(openapi.generate(toy_contract()))


def test_a_client_that_has_a_file_is_asked_before_it_is_sent() -> None:
    names = [name for name in page_routes(laptop()) if "openapi.yaml" in name]
    assert names == ["page/openapi.yaml-unchanged", "page/openapi.yaml"]


def test_every_page_of_ours_has_the_strict_policy() -> None:
    for name, route in page_routes(laptop()).items():
        if "docs" in name and name.endswith("/"):
            assert headers(route)["content-security-policy"] == pages.POLICY
        assert headers(route)["x-content-type-options"] == "nosniff"
    assert "unsafe" not in pages.POLICY
    assert "http" not in pages.POLICY


def test_a_run_keeps_its_documents_and_a_cluster_has_them_in_its_image() -> None:
    assert {"pages/openapi.yaml", "pages/openapi.json"} <= set(envoy.generate(toy_contract(), laptop()))
    cluster = Topology.cluster(hosts=("toy",))
    assert not [path for path in envoy.generate(toy_contract(), cluster) if path.startswith("pages/")]
    route = page_routes(cluster)["page/openapi.yaml"]
    assert route["direct_response"]["body"]["filename"] == "/app/gen/openapi.yaml"
    assert (REPOSITORY / "gen" / "openapi.yaml").is_file()
    assert (REPOSITORY / pages.FOLDER / "docs" / "index.html").is_file()


@pytest.mark.parametrize("name", sorted(DOCS))
def test_a_page_loads_nothing_from_elsewhere_and_needs_nothing_that_its_policy_forbids(name: str) -> None:
    text = DOCS[name].decode()
    addresses = set(re.findall(r"https?://[^\s\"'`)<>]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg", "https://example.com"}
    assert not re.search(
        r"\son[a-z]+=\"|\sstyle=\"|<style|<script(?![^>]*src=)|innerHTML|eval\(|insertAdjacentHTML", text
    )


def test_what_a_page_refers_to_is_there() -> None:
    for name, content in DOCS.items():
        text = content.decode()
        found = re.findall(r"(?:from|import) \"\./([^\"]+)\"", text)
        found += re.findall(r"(?:href|src)=\"([a-z][^\":]*)\"", text) if name.endswith(".html") else []
        assert {f"docs/{reference}" for reference in found} <= set(DOCS), name


def test_the_page_finds_all_elements_that_it_asks_for() -> None:
    html = DOCS["docs/index.html"].decode()
    wanted = {part for content in DOCS.values() for part in re.findall(r"\bat\(\"([a-z]+)\"\)", content.decode())}
    assert wanted
    assert not [name for name in wanted if f'id="{name}"' not in html]


def test_graphiql_is_what_its_authors_publish(tmp_path: Path) -> None:
    folder = Path(graphiql_folder())
    assert read_vendor(str(folder)).keys() == DIGESTS.keys()
    for name in DIGESTS:
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    altered = tmp_path / "graphiql.min.js"
    altered.write_bytes(altered.read_bytes().replace(b"fetch", b"fetsh", 1))
    with pytest.raises(PageAltered, match=r"graphiql\.min\.js is not the file"):
        read_vendor(str(tmp_path))
