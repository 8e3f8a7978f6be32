"""What of auth is HTTP itself (OAuth, OpenID Connect, SAML, AuthZEN, pages): paths that lead to its HTTP endpoint.

Neither token nor permission is checked on the way, since these pages are where tokens come from: auth asks for what
each of its standards asks for. Whatever lies beside the listed paths is answered by the edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.chassis.contract import Limit, Per
from services.chassis.contract.packages import PAGE_FOLDERS
from services.meshgen.envoy.clusters import PUBLIC_BUDGET, http_cluster
from services.meshgen.envoy.policy import LOCAL_LIMIT, address_limit, public_policy
from services.meshgen.envoy.render import FILTER_CONFIG, Node, duration, typed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.meshgen.topology import Topology

TRANSCODER = "envoy.filters.http.grpc_json_transcoder"
CORS = "envoy.filters.http.cors"

FORM_BYTES = 64 * 1024
"""The largest form or JSON document that these standards need."""

ASSERTION_BYTES = 512 * 1024
"""The largest form with a SAML response: signed XML with certificates and claims."""

BODY_LIMITS = {
    FORM_BYTES: "envoy.filters.http.body_size_limit.form",
    ASSERTION_BYTES: "envoy.filters.http.body_size_limit.assertion",
}
"""The filters that bound a body to so many bytes. They know no bound of a route's own: there is a filter for each."""

PERSON = Limit(per=Per.ADDRESS, requests=50, window=1.0, burst=300)
"""How often a house full of people loads pages; what may be guessed is limited by auth itself, more narrowly."""

MACHINE = Limit(per=Per.ADDRESS, requests=4000, window=1.0, burst=4000)
"""How often the servers behind one address fetch tokens: a bound for floods, far above an honest fleet."""

READ = ("GET", "HEAD")
FORM = ("GET", "HEAD", "POST")
POST = ("POST",)


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpPage:
    """A path, or a family of paths, that auth serves over HTTP."""

    path: str
    """The exact path; one that ends in `/` stands for all below it, and `{}` in it for one segment."""
    methods: tuple[str, ...]
    """The HTTP methods that it has; all others are answered with 405."""
    limit: Limit | None = PERSON
    """How often one address may ask; None where whoever asks is authenticated first."""
    cross_origin: bool = False
    """Whether scripts of other origins may read it: never where a browser's cookie speaks for a person."""
    max_bytes: int = FORM_BYTES
    """The largest body."""
    timeout: float = 15.0
    """Seconds until an answer has to be there."""

    @property
    def name(self) -> str:
        """The name of its route."""
        return f"http{self.path}"

    @property
    def is_family(self) -> bool:
        """Whether it stands for more than one path."""
        return self.path.endswith("/") or "{}" in self.path

    @property
    def match(self) -> Node:
        """What tells its path in a request, after the edge has normalised it."""
        if "{}" in self.path:
            return {"safe_regex": {"regex": self.path.replace(".", r"\.").replace("{}", "[^/]+")}}
        return {"prefix": self.path} if self.path.endswith("/") else {"path": self.path}


HTTP_PAGES = (
    HttpPage(path="/.well-known/openid-configuration", methods=READ, limit=MACHINE, cross_origin=True),
    HttpPage(path="/.well-known/oauth-authorization-server", methods=READ, limit=MACHINE, cross_origin=True),
    HttpPage(path="/.well-known/authzen-configuration", methods=READ, limit=MACHINE, cross_origin=True),
    # A browser arrives here with its cookie: no other origin may read what it is answered (RFC 9700 §2.6).
    HttpPage(path="/oauth2/authorize", methods=FORM),
    HttpPage(path="/oauth2/continue", methods=READ),
    HttpPage(path="/oauth2/logout", methods=FORM),
    HttpPage(path="/oauth2/token", methods=POST, limit=MACHINE, cross_origin=True),
    HttpPage(path="/oauth2/par", methods=POST, limit=MACHINE, cross_origin=True),
    HttpPage(path="/oauth2/revoke", methods=POST, limit=MACHINE, cross_origin=True),
    HttpPage(path="/oauth2/introspect", methods=POST, limit=None),
    HttpPage(path="/oauth2/userinfo", methods=FORM, limit=None, cross_origin=True),
    HttpPage(path="/oauth2/device_authorization", methods=POST),
    HttpPage(path="/oauth2/register", methods=POST, cross_origin=True),
    HttpPage(path="/oauth2/register/{}", methods=("GET", "PUT", "DELETE"), cross_origin=True),
    HttpPage(path="/account", methods=FORM),
    HttpPage(path="/account/", methods=FORM),
    HttpPage(path="/federation/saml/{}/acs", methods=POST, max_bytes=ASSERTION_BYTES),
    HttpPage(path="/federation/", methods=FORM),
    HttpPage(path="/access/v1/", methods=POST, limit=None),
)
"""The one list of them. The first that fits a path is meant."""

SEALED = tuple(f"/{folder}/" for folder in sorted(PAGE_FOLDERS))
"""Below these nothing else is served, so that what is not listed is not found, rather than in want of a token."""


def http_page_routes(topology: Topology) -> list[Node]:
    """Return the routes of all these pages, those that refuse the wrong method among them."""
    cluster = http_cluster(topology.jwks_service)
    routes = [route for page in HTTP_PAGES for route in _routes(page, cluster, cors=bool(topology.cors_origins))]
    return routes + [_answered(f"http{path}-unknown", {"prefix": path}, 404) for path in SEALED]


def _routes(page: HttpPage, cluster: str, *, cors: bool) -> Iterator[Node]:
    # The CORS filter answers a preflight on a route alone, and not on a direct response.
    methods = (*page.methods, "OPTIONS") if page.cross_origin and cors else page.methods
    reads = tuple(method for method in methods if method in READ)
    writes = tuple(method for method in methods if method not in READ)
    if reads:
        yield _route(page, cluster, reads, {"retry_policy": _retries()})
    if writes:
        # What is posted may have been taken although no answer came: nobody posts it again but its sender.
        yield _route(page, cluster, writes, {}, suffix="-write" if reads else "")
    yield _answered(f"{page.name}-method", page.match, 405, allow=", ".join(page.methods))


def _route(page: HttpPage, cluster: str, methods: tuple[str, ...], more: Node, *, suffix: str = "") -> Node:
    return {
        "name": f"{page.name}{suffix}",
        "match": {**page.match, "headers": [_any_of(methods)]},
        "route": {"cluster": cluster, "priority": PUBLIC_BUDGET, "timeout": duration(page.timeout), **more},
        "typed_per_filter_config": _filters(page),
    }


def _filters(page: HttpPage) -> dict[str, Node]:
    configs = {
        TRANSCODER: typed(FILTER_CONFIG, disabled=True),
        # An empty configuration switches on a filter that is off elsewhere.
        BODY_LIMITS[page.max_bytes]: typed(FILTER_CONFIG, config={}),
        **public_policy(),
    }
    if page.limit is not None:
        configs[LOCAL_LIMIT] = address_limit(page.name, page.limit)
    if not page.cross_origin:
        configs[CORS] = typed(FILTER_CONFIG, disabled=True)
    return configs


def _answered(name: str, match: Node, status: int, **headers: str) -> Node:
    """Return a route that the edge answers itself."""
    route: Node = {
        "name": name,
        "match": match,
        "direct_response": {"status": status},
        "typed_per_filter_config": {TRANSCODER: typed(FILTER_CONFIG, disabled=True), **public_policy()},
    }
    if headers:
        route["response_headers_to_add"] = [
            {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
            for key, value in headers.items()
        ]
    return route


def _any_of(methods: tuple[str, ...]) -> Node:
    return {"name": ":method", "string_match": {"safe_regex": {"regex": "|".join(methods)}}}


def _retries() -> Node:
    """Return the retries of a page that is only read: while a worker restarts, another one answers.

    What may have reached the worker is not asked again: even a page that is read may use up a code.
    """
    return {
        "retry_on": "connect-failure,refused-stream,reset-before-request",
        "num_retries": 3,
        "retry_back_off": {"base_interval": "0.05s", "max_interval": "0.5s"},
    }
