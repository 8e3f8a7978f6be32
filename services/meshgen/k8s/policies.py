"""Who may call what in a cluster: the same rules as at the edge, for the sidecar of each service."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from services.chassis.contract import ANY_WORKLOAD, Authenticated, Internal, Permission, Public
from services.chassis.revocations import REVOCATIONS_PATH
from services.meshgen.envoy.denials import DENIALS_PATH
from services.meshgen.envoy.exchange import EXCHANGE_PATH
from services.meshgen.envoy.http_pages import HTTP_PAGES
from services.meshgen.envoy.routes import HEALTH, JWKS_PATH, REFLECTION
from services.meshgen.k8s.manifest import PART_LABEL, Manifest, manifest, object_name, selector
from services.meshgen.k8s.workloads import EDGE
from services.meshgen.topology import EDGE_PORT, HTTP_PORT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.chassis.contract import Contract, Method
    from services.meshgen.topology import Topology

_API = "security.istio.io/v1"


def mesh_manifests(topology: Topology) -> list[Manifest]:
    """Return what holds for all: mTLS alone, tokens checked, and nothing allowed that no policy allows."""
    keys = topology.jwks_service
    jwt = {
        "issuer": topology.issuer,
        "audiences": [topology.audience],
        "jwksUri": f"http://{topology.http[keys][0]}{JWKS_PATH}",
        "forwardOriginalToken": True,
        "fromHeaders": [{"name": "authorization", "prefix": "Bearer "}],
    }
    services = {"matchLabels": {PART_LABEL: "service"}}
    return [
        manifest(_API, "PeerAuthentication", "default", spec={"mtls": {"mode": "STRICT"}}),
        # The control plane fetches the keys, and clients reach the edge, without a certificate of the mesh.
        manifest(_API, "PeerAuthentication", keys, keys, spec=_open_port(keys, HTTP_PORT)),
        manifest(_API, "PeerAuthentication", EDGE, EDGE, spec=_open_port(EDGE, EDGE_PORT)),
        manifest(_API, "RequestAuthentication", "tokens", spec={"selector": services, "jwtRules": [jwt]}),
        manifest(_API, "AuthorizationPolicy", "deny-all", spec={}),
        _allow("edge", EDGE, [{"to": [{"operation": {"ports": [str(EDGE_PORT)]}}]}]),
        _allow(
            "token-keys",
            keys,
            [{"to": [{"operation": {"ports": [str(HTTP_PORT)], "methods": ["GET"], "paths": [JWKS_PATH]}}]}],
        ),
        _allow("http-pages", keys, [_http_rule(_principals(topology, [EDGE]), _http_pages())]),
        _allow("exchange", keys, [_http_rule(_principals(topology, [EDGE]), [f"{EXCHANGE_PATH}/*"])]),
        _allow("denials", keys, [_http_rule(_principals(topology, [EDGE]), [DENIALS_PATH])]),
        # A principal is proven by a certificate alone, so that the open port above opens nothing here.
        _allow("revocations", keys, [_http_rule(_principals(topology, sorted(topology.grpc)), [REVOCATIONS_PATH])]),
    ]


def _http_pages() -> list[str]:
    """Return the paths of auth's pages as Istio writes them: a star at the end stands for all that follows."""
    return sorted({f"{page.path.partition('{}')[0]}*" if page.is_family else page.path for page in HTTP_PAGES})


def _http_rule(source: Manifest, paths: list[str]) -> Manifest:
    operation = {"ports": [str(HTTP_PORT)], "paths": paths}
    return {"from": [{"source": source}], "to": [{"operation": operation}]}


def service_policies(contract: Contract, topology: Topology, host: str) -> list[Manifest]:
    """Return the policies of one service: one per permission, and one per other kind of rule."""
    granted: dict[tuple[str, tuple[str, ...]], list[Method]] = defaultdict(list)
    internal: dict[tuple[str, ...], list[Method]] = defaultdict(list)
    authenticated: dict[tuple[str, ...], list[str]] = defaultdict(list)
    public = [*HEALTH]
    if host == topology.reflection_service:
        public += REFLECTION
    for method in (method for service in contract.hosted_by(host) for method in service.methods):
        match method.rule.access:
            case Permission(name=name):
                granted[name, _levels_of(method)].append(method)
            case Internal(callers=callers):
                internal[callers].append(method)
            case Public():
                public.append(method.path)
            case Authenticated():
                authenticated[_levels_of(method)].append(method.path)
    peers = _principals(topology, (EDGE, *sorted(topology.grpc)))
    policies = [_allow(object_name(host, "public"), host, [_rule(peers, public)])]
    if authenticated:
        source = _signed_in(topology, peers)
        rules = [_when(_rule(source, paths), _level(levels)) for levels, paths in sorted(authenticated.items())]
        policies.append(_allow(object_name(host, "authenticated"), host, rules))
    if internal:
        rules = [
            _rule(_principals(topology, _workloads(topology, callers)), _paths(methods))
            for callers, methods in sorted(internal.items())
        ]
        policies.append(_allow(object_name(host, "internal"), host, rules))
    for name in sorted({name for name, _ in granted}):
        rules = [
            _when(_rule(_signed_in(topology, peers), _paths(methods)), [*conditions, *_level(levels)])
            for (_, levels), methods in sorted((key, found) for key, found in granted.items() if key[0] == name)
            for conditions in _holds(Permission(name=name))
        ]
        policies.append(_allow(object_name(host, name), host, rules))
    return policies


def _levels_of(method: Method) -> tuple[str, ...]:
    """Return the levels of sign-in that will do, none where any token will. Their age the service alone can tell."""
    return () if method.rule.step_up is None else method.rule.step_up.levels


def _level(levels: tuple[str, ...]) -> list[Manifest]:
    return [{"key": "request.auth.claims[acr]", "values": list(levels)}] if levels else []


def _when(rule: Manifest, conditions: list[Manifest]) -> Manifest:
    return {**rule, "when": conditions} if conditions else rule


def _workloads(topology: Topology, callers: tuple[str, ...]) -> tuple[str, ...]:
    """Return the workloads by name where they are all of them but the edge."""
    return tuple(sorted(topology.grpc)) if ANY_WORKLOAD in callers else callers


def _holds(permission: Permission) -> list[list[Manifest]]:
    """Return the conditions, any of which says that the token grants the permission.

    Istio reads a star at an end of a value as a wildcard and has no way to write a plain one. A value that *begins*
    with a star is compared by its end, and there a star stands for itself: so `*a.b.*` finds `a.b.*` in the list, where
    `a.b.*` would let in `a.b.x`. `**` finds whatever ends with a star; it counts where nothing ends with `.*`, which
    leaves `*` alone (auth puts nothing beside it in a token). What stays too wide, that `xdata.*` passes for `data.*`,
    the edge before and the service behind decide exactly.
    """
    exact, of_resource, of_service, _ = permission.patterns
    key = "request.auth.claims[permissions]"
    return [
        [{"key": key, "values": [exact, f"*{of_resource}", f"*{of_service}"]}],
        [{"key": key, "values": ["**"], "notValues": ["*.*"]}],
    ]


def _open_port(app: str, port: int) -> Manifest:
    return {
        "selector": selector(app),
        "mtls": {"mode": "STRICT"},
        "portLevelMtls": {str(port): {"mode": "PERMISSIVE"}},
    }


def _principals(topology: Topology, workloads: Iterable[str]) -> Manifest:
    return {"principals": [topology.identity(workload).removeprefix("spiffe://") for workload in workloads]}


def _signed_in(topology: Topology, source: Manifest) -> Manifest:
    return {**source, "requestPrincipals": [f"{topology.issuer}/*"]}


def _paths(methods: Iterable[Method]) -> list[str]:
    return sorted(method.path for method in methods)


def _rule(source: Manifest, paths: Iterable[str]) -> Manifest:
    operation = {"methods": ["POST"], "paths": sorted(paths)}
    return {"from": [{"source": source}], "to": [{"operation": operation}]}


def _allow(name: str, app: str, rules: list[Manifest]) -> Manifest:
    spec = {"selector": selector(app), "action": "ALLOW", "rules": rules}
    return manifest(_API, "AuthorizationPolicy", name, app, spec=spec)
