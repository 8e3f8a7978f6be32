"""How an access model is written into its column."""

from __future__ import annotations

import json
from functools import lru_cache

from services.auth.domain.access.model import Condition, ModelText, ParameterType, RelationText, TypeText


def encode_model(model: ModelText) -> str:
    """Return a model as JSON."""
    return json.dumps(
        {
            "types": [
                {
                    "name": one.name,
                    "relations": [[entry.name, entry.subjects, entry.expression] for entry in one.relations],
                    "permissions": [[entry.name, entry.expression] for entry in one.permissions],
                }
                for one in model.types
            ],
            "conditions": [
                {
                    "name": one.name,
                    "expression": one.expression,
                    "parameters": {name: kind.value for name, kind in one.parameters.items()},
                }
                for one in model.conditions
            ],
        },
        separators=(",", ":"),
    )


@lru_cache(maxsize=64)
def decode_model(text: str) -> ModelText:
    """Return the model that was written as JSON."""
    said = json.loads(text)
    return ModelText(
        types=tuple(
            TypeText(
                name=one["name"],
                relations=tuple(
                    RelationText(name=name, subjects=tuple(subjects), expression=expression)
                    for name, subjects, expression in one["relations"]
                ),
                permissions=tuple(
                    RelationText(name=name, expression=expression) for name, expression in one["permissions"]
                ),
            )
            for one in said["types"]
        ),
        conditions=tuple(
            Condition(
                name=one["name"],
                expression=one["expression"],
                parameters={name: ParameterType(kind) for name, kind in one["parameters"].items()},
            )
            for one in said["conditions"]
        ),
    )
