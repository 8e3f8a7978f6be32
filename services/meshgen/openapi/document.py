"""The whole OpenAPI document of a contract."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from services.meshgen.openapi.errors import error_responses, headers, reasons_of, status_schemas
from services.meshgen.openapi.operations import operation, security_schemes
from services.meshgen.openapi.paths import Paths
from services.meshgen.openapi.schemas import Schemas
from services.meshgen.openapi.shapes import Node

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.chassis.contract import Contract, Method, Service

__all__ = ["Node", "document"]

OPENAPI = "3.1.1"

TITLE = "Tenon"

ABOUT = """\
What this Tenon answers over REST. The same methods are served over gRPC and gRPC-Web at the same port.

- Send a token as `authorization: Bearer …`, or an API key as `x-api-key: …`. Each operation says which permission it
  needs.
- Answers print zero values, in lowerCamelCase; an `optional` field that is unset stays out.
- 64-bit integers are strings in answers, and strings or numbers in what is sent. Bytes are base64.
- An unknown query parameter is refused; an unknown field in a body is ignored.
- A query names a field inside a message as `a.b`, and gives a list by repeating its name.
- A PATCH without `updateMask` changes the fields that the body sets. To clear one, name it in the mask.
- Errors are a `google.rpc.Status` with exactly one `ErrorInfo`, whose `reason` is for programs.
- A path or method that nothing serves is 404, never 405.
"""

METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"})
"""The HTTP methods that OpenAPI knows."""


def document(contract: Contract) -> Node:
    """Return the OpenAPI document of the public methods that have a REST path."""
    schemas = Schemas(contract)
    schemas.components |= status_schemas(reasons_of(contract), schemas.comments)
    shown = [service for service in contract.services if any(_shown(method) for method in service.methods)]
    paths = _paths((method for service in shown for method in service.methods if _shown(method)), schemas)
    body: Node = {
        "servers": [{"url": "/", "description": "This edge."}],
        "tags": [_tag(service) for service in shown],
        "paths": paths,
        "components": {
            "securitySchemes": security_schemes(),
            "headers": headers(),
            "responses": error_responses(),
            "schemas": dict(sorted(schemas.components.items())),
        },
    }
    info = {"title": TITLE, "version": _digest(body), "description": ABOUT}
    return {"openapi": OPENAPI, "info": info, **body}


def _shown(method: Method) -> bool:
    return not method.is_internal and any(binding.verb in METHODS for binding in method.bindings)


def _paths(methods: Iterable[Method], schemas: Schemas) -> Node:
    paths = Paths(schemas.resources)
    found: dict[str, Node] = {}
    for method in methods:
        for number, binding in enumerate(method.bindings):
            if binding.verb in METHODS:
                path = paths.expand(binding.template)
                found.setdefault(path.text, {})[binding.verb.lower()] = operation(method, number, path, schemas)
    return dict(sorted(found.items()))


def _tag(service: Service) -> Node:
    described = {"description": service.comment} if service.comment else {}
    return {"name": service.full_name, **described, "x-displayName": service.full_name.rpartition(".")[2]}


def _digest(body: Node) -> str:
    """Return a version that changes with what the document says, and with nothing else."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:12]
