"""How values are written in Envoy's configuration: typed messages, durations and resources."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from services.meshgen.yaml_text import dump

if TYPE_CHECKING:
    from collections.abc import Iterable

Node = dict[str, Any]
"""A message of Envoy's API as YAML has it."""

FILTER_CONFIG = "envoy.config.route.v3.FilterConfig"


def typed(message: str, **fields: Any) -> Node:
    """Return a message as an `Any`: its full name and its fields."""
    return {"@type": f"type.googleapis.com/{message}", **fields}


def extension(name: str, message: str, **fields: Any) -> Node:
    """Return a named extension with its typed configuration."""
    return {"name": name, "typed_config": typed(message, **fields)}


def duration(seconds: float) -> str:
    """Return seconds as protobuf's JSON has a Duration: to the millisecond, with an `s`."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"


def resources(items: Iterable[Node]) -> str:
    """Return a file of file-based xDS. Its version is a hash of what it holds, so that equal files are one version."""
    listed = list(items)
    digest = hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()[:16]
    return dump({"version_info": digest, "resources": listed})
