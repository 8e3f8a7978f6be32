"""One RPC under one REST path as an operation of an OpenAPI document."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from services.chassis.contract import Authenticated, Idempotency, Permission, Public, StandardKind
from services.chassis.step_up import wish_of
from services.meshgen.envoy.exchange import API_KEY_HEADER
from services.meshgen.openapi.comments import first_sentence, other_sentences
from services.meshgen.openapi.errors import failures_of
from services.meshgen.openapi.parameters import field_at, path_parameters, query_parameters
from services.meshgen.openapi.shapes import Mode, Node
from services.meshgen.openapi.streams import stream_content

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from services.chassis.contract import Binding, Limit, Method, StepUp
    from services.meshgen.openapi.paths import Path
    from services.meshgen.openapi.schemas import Schemas

BEARER, API_KEY, OPEN_ID = "bearer", "apiKey", "openIdConnect"
"""The names of the security schemes, any one of which will do."""

DISCOVERY_PATH = "/.well-known/openid-configuration"
"""Where OpenID Connect clients find the rest (OIDC Discovery §4)."""

HTTP_BODY = "google.api.HttpBody"

JSON = "application/json"

_LIMIT_HEADERS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


def operation(method: Method, number: int, path: Path, schemas: Schemas) -> Node:
    """Return the operation of a method's binding of that number, the main one being 0."""
    binding = method.bindings[number]
    rpc = schemas.pool.FindServiceByName(method.service).methods_by_name[method.name]
    suffix = f"-{number + 1}" if number else ""
    body = _request_body(method, binding, rpc.input_type, path, schemas)
    parameters = path_parameters(path, rpc.input_type, schemas)
    if binding.body != "*":
        taken = path.fields | ({binding.body} if binding.body else frozenset())
        parameters += query_parameters(method, rpc.input_type, taken, schemas)
    has_query = any(parameter["in"] == "query" for parameter in parameters)
    return {
        "operationId": f"{method.service}.{method.name}{suffix}",
        "tags": [method.service],
        "summary": first_sentence(method.comment) or method.name,
        "description": _description(method),
        **({"deprecated": True} if rpc.GetOptions().deprecated else {}),
        **({"parameters": parameters} if parameters else {}),
        **({"requestBody": body} if body else {}),
        "responses": _responses(method, binding, rpc.output_type, schemas, has_query=has_query),
        **_policy(method),
        "x-grpc-method": method.path,
    }


def _description(method: Method) -> str:
    parts = [other_sentences(method.comment)]
    match method.rule.access:
        case Permission(name=name):
            parts.append(f"Needs the permission `{name}`.")
        case Authenticated(reason=reason):
            parts.append(f"Needs a token and no permission: {_as_clause(reason)}")
        case Public(reason=reason):
            parts.append(f"Needs no token: {_as_clause(reason)}")
    if method.rule.step_up is not None:
        parts.append(_step_up_in_words(method.rule.step_up))
    if method.rule.limit is not None:
        parts.append(_limit_in_words(method.rule.limit))
    return "\n\n".join(part for part in parts if part)


def _as_clause(reason: str) -> str:
    text = reason[:1].lower() + reason[1:]
    return text if text.endswith(".") else f"{text}."


def _step_up_in_words(step_up: StepUp) -> str:
    return f"Needs {wish_of(step_up)}; a 401 with `insufficient_user_authentication` asks for it (RFC 9470)."


def _limit_in_words(limit: Limit) -> str:
    return (
        f"Limited to {limit.requests} calls in {limit.window:g} s for each {limit.per.value}, "
        f"{limit.burst} of them at once."
    )


def security_schemes() -> Node:
    """Return the ways to show who calls."""
    return {
        BEARER: {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "An access token, as signing in returns it, or `tenon token`; an API key will do as well.",
        },
        API_KEY: {
            "type": "apiKey",
            "in": "header",
            "name": API_KEY_HEADER,
            "description": "An API key of a service account or of a user, for what its scopes cover.",
        },
        OPEN_ID: {
            "type": "openIdConnect",
            "openIdConnectUrl": DISCOVERY_PATH,
            "description": "An access token that a client gets by OAuth 2.1; a permission is a scope.",
        },
    }


def _any_scheme(*roles: str) -> list[Node]:
    return [{scheme: list(roles)} for scheme in (BEARER, API_KEY, OPEN_ID)]


def _policy(method: Method) -> Node:
    """Return who may call, how often and for how long; for tools in the standard's way where it has one."""
    rule = method.rule
    node: Node = {"security": []}
    if isinstance(rule.access, Permission):
        # A permission is a scope of OpenID Connect too; for the others it is a role, as OpenAPI 3.1 allows it.
        node = {"security": _any_scheme(rule.access.name), "x-permission": rule.access.name}
    elif isinstance(rule.access, Authenticated):
        node = {"security": _any_scheme()}
    if rule.step_up is not None:
        wants = {"acr": rule.step_up.acr, "maxAgeSeconds": rule.step_up.max_age and _plain(rule.step_up.max_age)}
        node["x-step-up"] = {name: value for name, value in wants.items() if value}
    if rule.limit is not None:
        node["x-limit"] = {
            "per": rule.limit.per.value,
            "requests": rule.limit.requests,
            "windowSeconds": _plain(rule.limit.window),
            "burst": rule.limit.burst,
        }
    if math.isfinite(rule.timeout):
        node["x-timeout-seconds"] = _plain(rule.timeout)
    if method.idempotency is not Idempotency.UNKNOWN:
        node["x-idempotent"] = True
    return node


def _plain(seconds: float) -> float:
    """Return a whole number where it is one."""
    return int(seconds) if seconds == int(seconds) else seconds


def _request_body(method: Method, binding: Binding, request: Descriptor, path: Path, schemas: Schemas) -> Node:
    """Return what the body holds, or nothing where there is none."""
    if not binding.body:
        return {}
    if binding.body == "*":
        return _whole_body(method, request, path, schemas)
    field = field_at(request, binding.body)
    if field is None:
        return {}
    required = field.name in schemas.required(request)
    if field.message_type is not None and field.message_type.full_name == HTTP_BODY:
        return {"required": required, "content": {"*/*": {}}}
    if field.message_type is None or field.is_repeated:
        return {"required": required, "content": {JSON: {"schema": schemas.value(field, Mode.INPUT)[0]}}}
    is_update = method.standard is not None and method.standard.kind is StandardKind.UPDATE
    mode = Mode.UPDATE if is_update else Mode.INPUT
    text = schemas.comments.get(field.full_name, "")
    described = {"description": text} if text else {}
    return {**described, "required": required, "content": {JSON: {"schema": schemas.message(field.message_type, mode)}}}


def _whole_body(method: Method, request: Descriptor, path: Path, schemas: Schemas) -> Node:
    """Return a body that is the request but for what the path fills."""
    if request.full_name == HTTP_BODY:
        return {"required": True, "content": {"*/*": {}}}
    bound = {name for name in path.fields if "." not in name}
    if bound:
        name = f"{request.full_name}-body"
        whole = schemas.whole(request, Mode.INPUT, without=bound)
        name = schemas.add(name, whole)
        schema: Node = {"$ref": f"#/components/schemas/{name}"}
    else:
        schema = schemas.message(request, Mode.INPUT)
    if method.client_streaming:
        return {"required": True, "content": {JSON: {"schema": {"type": "array", "items": schema}}}}
    required = schemas.required(request) - bound
    return {"required": bool(required), "content": {JSON: {"schema": schema}}}


def _responses(method: Method, binding: Binding, response: Descriptor, schemas: Schemas, *, has_query: bool) -> Node:
    names = ("x-request-id", *(_LIMIT_HEADERS if method.rule.limit is not None else ()))
    node: Node = {
        "200": {
            "description": first_sentence(schemas.comments.get(response.full_name, "")) or "Done",
            "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
            "content": _content(method, binding, response, schemas),
        }
    }
    for failure in failures_of(method, binding, has_query=has_query):
        node[failure.http] = {"$ref": f"#/components/responses/{failure.name}"}
    return node


def _content(method: Method, binding: Binding, response: Descriptor, schemas: Schemas) -> Node:
    """Return what a success looks like, by its media type."""
    shown = field_at(response, binding.response_body) if binding.response_body else None
    message = shown.message_type if shown is not None else response
    if message is not None and message.full_name == HTTP_BODY:
        # Whatever the service calls it.
        return {"*/*": {}}
    schema = schemas.message(response, Mode.ANSWER)
    return stream_content(schema) if method.server_streaming else {JSON: {"schema": schema}}
