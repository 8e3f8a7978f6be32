"""Drives a gRPC server as another service would: one channel, mutual TLS, answers decoded.

A request is the message in JSON; the job's kind is the method's path.
"""

from __future__ import annotations

import asyncio
import time
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import uvloop
from google.protobuf import json_format
from grpc_health.v1 import health_pb2
from tenon.flightops.v1 import flight_pb2, flightops_service_pb2

from tests.load.job import NUMBER, Counter, Job, numbers, read_job, write_outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

MESSAGES: dict[str, tuple[Any, Any]] = {
    "Check": (health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse),
    "GetFlight": (flightops_service_pb2.GetFlightRequest, flight_pb2.Flight),
    "ListFlights": (flightops_service_pb2.ListFlightsRequest, flightops_service_pb2.ListFlightsResponse),
    "CreateFlight": (flightops_service_pb2.CreateFlightRequest, flight_pb2.Flight),
}
"""Request and response of the methods that are measured."""


def open_channel(job: Job) -> grpc.aio.Channel:
    """Open a channel under the identity of the `tenon` command."""
    folder = Path(job.certificates)
    credentials = grpc.ssl_channel_credentials(
        root_certificates=(folder / "ca.pem").read_bytes(),
        private_key=(folder / "key.pem").read_bytes(),
        certificate_chain=(folder / "cert.pem").read_bytes(),
    )
    options = (("grpc.ssl_target_name_override", job.server_name),)
    return grpc.aio.secure_channel(job.target, credentials, options=options)


def build_requests(job: Job, request_type: Any) -> Iterator[Any]:
    """Return the requests without end; numbers are filled in as they are sent."""
    messages = [json_format.Parse(request, request_type()) for request in job.requests]
    if NUMBER not in job.requests[0]:
        return cycle(messages)
    return _numbered(cycle(messages))


def _numbered(messages: Iterator[Any]) -> Iterator[Any]:
    fresh = numbers()
    for message in messages:
        # A message of its own for each call: gRPC encodes it later, when the next call has its number already.
        numbered = type(message)()
        numbered.CopyFrom(message)
        numbered.flight_id = next(fresh)
        yield numbered


async def drive(job: Job) -> Counter:
    """Do the job."""
    request_type, response_type = MESSAGES[job.kind.rpartition("/")[2]]
    requests = build_requests(job, request_type)
    metadata = (("authorization", f"Bearer {job.token}"),)
    async with open_channel(job) as channel:
        call = channel.unary_unary(
            job.kind,
            request_serializer=request_type.SerializeToString,
            response_deserializer=response_type.FromString,
        )
        counter = Counter(job)

        async def work() -> None:
            going = True
            while going:
                started, failure = time.perf_counter(), ""
                try:
                    await call(next(requests), metadata=metadata, timeout=15)
                except grpc.aio.AioRpcError as error:
                    failure = f"{error.code().name}: {error.details()}"
                going = counter.count(started, failure)

        async with asyncio.timeout(job.patience):
            await asyncio.gather(*(work() for _ in range(job.connections)))
    return counter


if __name__ == "__main__":
    write_outcome(uvloop.run(drive(read_job())).outcome())
