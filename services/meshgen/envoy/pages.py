"""What the edge serves without any service behind it: the OpenAPI document, and the files of `meshgen.pages`.

Each file is a route of its own: Envoy holds the file in memory, and no path leads to any other. Envoy's file server is
not used, since it is declared to be work in progress and outside of Envoy's threat model.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from services.meshgen import openapi, pages
from services.meshgen.envoy.policy import public_policy
from services.meshgen.envoy.render import FILTER_CONFIG, Node, typed
from services.meshgen.pages.vendor import read_vendor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from services.chassis.contract import Contract
    from services.meshgen.topology import Topology

TRANSCODER = "envoy.filters.http.grpc_json_transcoder"

FOLDER = "pages"
"""Where a run keeps the documents of its contracts, below the folder of the edge's own files."""

GRAPHIQL = "graphiql/"
"""The page of those who develop: it is served where the topology says where GraphiQL itself is."""

LARGEST = 16 * 1024 * 1024
"""The most bytes of one file: the edge keeps all of them in memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """One file that the edge serves."""

    path: str
    """The path in a URL."""
    file: str
    """Where Envoy finds it."""
    content: bytes
    """What it holds."""

    @property
    def etag(self) -> str:
        """Its entity tag, without quotes."""
        return hashlib.sha256(self.content).hexdigest()[:20]

    @property
    def folder(self) -> str:
        """The first part of its path, or nothing."""
        return self.path.strip("/").partition("/")[0] if self.path.count("/") > 1 else ""


def documents(contract: Contract, topology: Topology) -> dict[str, str]:
    """Return the documents that a run keeps beside the edge's own files; a cluster has them in its image."""
    if topology.documents != str(PurePath(topology.folder, FOLDER)):
        return {}
    return {f"{FOLDER}/{name}": text for name, text in openapi.generate(contract).items()}


def page_routes(
    contract: Contract, topology: Topology, *, static: bool = False, texts: Mapping[str, str] | None = None
) -> list[Node]:
    """Return the routes of all pages. `static` gives what `--mode validate` can check: no file is opened.

    `texts` are the documents where they are not to be those of the contract: they cost more than all else.
    """
    served = [
        Page(path=f"/{name}", file=str(PurePath(topology.documents, name)), content=text.encode())
        for name, text in (openapi.generate(contract) if texts is None else texts).items()
    ]
    for name, content in pages.read_pages().items():
        if topology.graphiql or not name.startswith(GRAPHIQL):
            file = str(PurePath(topology.root, pages.FOLDER, name))
            served.append(Page(path=_path_of(name), file=file, content=content))
    if topology.graphiql:
        for name, content in read_vendor(topology.graphiql).items():
            file = str(PurePath(topology.graphiql, name))
            served.append(Page(path=f"/{GRAPHIQL}vendor/{name}", file=file, content=content))
    routes = [route for page in served for route in (_unchanged(page), _whole(page, static=static))]
    return routes + [_redirect(page) for page in served if page.path.endswith("/")]


def _path_of(name: str) -> str:
    return f"/{name.removesuffix('index.html')}"


def _unchanged(page: Page) -> Node:
    """Return the route of a client that has the file already. Compression weakens the tag, and changes nothing else."""
    known = {"name": "if-none-match", "string_match": {"contains": page.etag}}
    route = _route(page, f"{_name(page)}-unchanged", {"status": 304})
    route["match"]["headers"].append(known)
    # Envoy takes every 3xx for a redirect, and would name a place.
    route["response_headers_to_remove"] = ["location"]
    return route


def _whole(page: Page, *, static: bool) -> Node:
    body = {"inline_string": ""} if static else {"filename": page.file}
    return _route(page, _name(page), {"status": 200, "body": body}, content_type=pages.type_of(page.file))


def _redirect(page: Page) -> Node:
    """Return the route of the path without its last slash. Its target has no host, since the edge drops the port."""
    route = _route(page, f"{_name(page)}-redirect", {"status": 308}, location=page.path)
    route["match"]["path"] = page.path.removesuffix("/")
    return route


def _route(page: Page, name: str, response: Node, **headers: str) -> Node:
    values = {name.replace("_", "-"): value for name, value in headers.items()} | dict(_headers(page))
    return {
        "name": name,
        "match": {
            "path": page.path,
            "headers": [{"name": ":method", "string_match": {"safe_regex": {"regex": "GET|HEAD"}}}],
        },
        "direct_response": response,
        "response_headers_to_add": [
            {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
            for key, value in values.items()
        ],
        "typed_per_filter_config": {TRANSCODER: typed(FILTER_CONFIG, disabled=True), **public_policy()},
    }


def _headers(page: Page) -> Iterator[tuple[str, str]]:
    yield "etag", f'"{page.etag}"'
    # Asked for anew each time, and answered with 304 where nothing has changed.
    yield "cache-control", "no-cache"
    yield "x-content-type-options", "nosniff"
    if page.file.endswith(".html"):
        yield "content-security-policy", pages.POLICIES.get(page.folder, pages.POLICY)
        yield "referrer-policy", "no-referrer"
        yield "cross-origin-opener-policy", "same-origin"


def _name(page: Page) -> str:
    return f"page{page.path}"
