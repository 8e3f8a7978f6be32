"""A no-op served by grpcio alone, over the same mutual TLS: the floor under the floor."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import uvloop
from google.protobuf.empty_pb2 import Empty
from grpc_health.v1 import health_pb2

from services.chassis.tls import CertificateFolder

PATH = "/tenon.data.v1.BenchService/Pass"
HEALTH = "/grpc.health.v1.Health/Check"


class Handlers(grpc.GenericRpcHandler):
    """The no-op, and the health that says when it can be called."""

    def __init__(self) -> None:
        """Make what serves both."""
        serving = health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)
        self._handlers = {PATH: _answer(Empty()), HEALTH: _answer(serving)}

    def service(self, handler_call_details: Any) -> Any:
        """Find what serves a call (grpc's interface)."""
        return self._handlers.get(handler_call_details.method)


def _answer(response: Any) -> Any:
    async def serve(request: Any, context: Any) -> Any:
        return response

    return grpc.unary_unary_rpc_method_handler(
        serve, request_deserializer=Empty.FromString, response_serializer=type(response).SerializeToString
    )


async def main(endpoint: str, certificates: Path) -> None:
    """Serve until asked to end."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Handlers(),))
    server.add_secure_port(endpoint, CertificateFolder(certificates).server_credentials())
    await server.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await server.stop(0)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], Path(sys.argv[2])))
