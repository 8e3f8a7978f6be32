"""The schema of the studio's contract, kept in tests/golden: `python -m tests.unit.graph.golden` writes it."""

from __future__ import annotations

from pathlib import Path

from graphql import print_schema

from services.graph import build_schema
from tests.fakes.studio import only_studio

GOLDEN = Path(__file__).parents[2] / "golden" / "graph" / "studio.graphql"


def output() -> str:
    """Return the schema as text."""
    return print_schema(build_schema(only_studio())) + "\n"


if __name__ == "__main__":
    GOLDEN.parent.mkdir(parents=True, exist_ok=True)
    GOLDEN.write_text(output())
