"""Serves `tenon.data.v1.GraphService`: a body on the outside, GraphQL within."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.api import httpbody_pb2
from tenon.data.v1 import graph_service_pb2

if TYPE_CHECKING:
    from services.chassis.call import Call
    from services.graph import Graph

REQUEST = graph_service_pb2.ExecuteRequest
"""What `Execute` takes; its stub has to be loaded before its class is looked for."""


class GraphServicer:
    """Answers GraphQL."""

    def __init__(self, graph: Graph) -> None:
        """Take what executes it."""
        self._graph = graph

    async def Execute(self, request: graph_service_pb2.ExecuteRequest, call: Call) -> httpbody_pb2.HttpBody:
        """Execute one request; raises RequestMalformed."""
        content_type, data = await self._graph.execute(request.body.content_type, request.body.data, call)
        return httpbody_pb2.HttpBody(content_type=content_type, data=data)
