"""The routes of uploads: what takes a file piece by piece may take more than the edge lets a body have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from services.chassis.contract.template import ONE, parse_template
from services.meshgen.envoy.render import FILTER_CONFIG, Node, typed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.chassis.contract import Binding, Contract, Method

BODY_LIMIT = "envoy.filters.http.body_size_limit"
"""The filter that bounds what one request may bring."""

BODY = "google.api.HttpBody"
"""The message that is a piece of a file."""


def is_upload(contract: Contract, method: Method) -> bool:
    """Whether a method takes a file piece by piece. It is the service that bounds it then."""
    return method.client_streaming and any(_brings_file(contract, method, binding) for binding in method.bindings)


def without_limit() -> dict[str, Node]:
    """Return the filters' configuration of a route with no limit of the body."""
    return {BODY_LIMIT: typed(FILTER_CONFIG, disabled=True)}


def upload_matches(contract: Contract) -> Iterator[tuple[str, Node]]:
    """Yield what tells each upload's REST path: the limit is looked up before the path becomes the RPC's."""
    for path, method in sorted(contract.methods.items()):
        if method.is_internal or not is_upload(contract, method):
            continue
        for number, binding in enumerate(method.bindings):
            verb = {"name": ":method", "string_match": {"exact": binding.verb}}
            match = {"safe_regex": {"regex": _expression(binding)}, "headers": [verb]}
            yield f"upload {path.strip('/')} {number}", match


def _brings_file(contract: Contract, method: Method, binding: Binding) -> bool:
    field = contract.pool.FindMessageTypeByName(method.input).fields_by_name.get(binding.body)
    return field is not None and field.message_type is not None and field.message_type.full_name == BODY


def _expression(binding: Binding) -> str:
    template = parse_template(binding.template)
    parts = ["[^/]+" if part == ONE else ".+" if part == "**" else re.escape(part) for part in template.segments]
    verb = f":{re.escape(template.verb)}" if template.verb else ""
    return f"/{'/'.join(parts)}{verb}"
