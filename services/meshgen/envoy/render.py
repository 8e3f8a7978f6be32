"""How values are written in Envoy's configuration: typed messages, durations and files."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

Node = dict[str, Any]
"""A message of Envoy's API as YAML has it."""

FILTER_CONFIG = "envoy.config.route.v3.FilterConfig"


class _Dumper(yaml.SafeDumper):
    """Writes the same value twice rather than by anchor and alias, which readers and some tools trip over."""

    def ignore_aliases(self, data: Any) -> bool:
        """Say yes, for every value."""
        del data
        return True


def typed(message: str, **fields: Any) -> Node:
    """Return a message as an `Any`: its full name and its fields."""
    return {"@type": f"type.googleapis.com/{message}", **fields}


def extension(name: str, message: str, **fields: Any) -> Node:
    """Return a named extension with its typed configuration."""
    return {"name": name, "typed_config": typed(message, **fields)}


def duration(seconds: float) -> str:
    """Return seconds as protobuf's JSON has a Duration: to the millisecond, with an `s`."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"


def dump(value: Node, *, source: str) -> str:
    """Return YAML under a line that says what it was generated from."""
    text = yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
    return f"# Generated from {source} by `make gen`. Edits are lost.\n{text}"


def resources(items: Iterable[Node], *, source: str) -> str:
    """Return a file of file-based xDS. Its version is a hash of what it holds, so that equal files are one version."""
    listed = list(items)
    digest = hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()[:16]
    return dump({"version_info": digest, "resources": listed}, source=source)
