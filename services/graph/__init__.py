"""GraphQL over contracts: one schema from all of them, each of whose root fields is one RPC."""

from services.graph.engine import INTROSPECT, Graph
from services.graph.schema import build_schema

__all__ = ["INTROSPECT", "Graph", "build_schema"]
