"""The contract as OpenAPI 3.1: what the edge answers over REST, operation by operation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from services.meshgen.openapi.document import Node, document
from services.meshgen.yaml_text import dump_long

if TYPE_CHECKING:
    from services.chassis.contract import Contract

__all__ = ["JSON_FILE", "YAML_FILE", "Node", "document", "generate"]

YAML_FILE = "openapi.yaml"
"""The document for people and for tools that read either."""

JSON_FILE = "openapi.json"
"""The same document for browsers, which have no parser of YAML."""


def generate(contract: Contract) -> dict[str, str]:
    """Return the files that describe the public methods of a contract; the same text for the same contract."""
    whole = document(contract)
    return {
        YAML_FILE: dump_long(whole),
        JSON_FILE: json.dumps(whole, ensure_ascii=False, separators=(",", ":")) + "\n",
    }
