"""Drives a gRPC server as another service of ours would: the chassis's client, answers decoded.

A request is the message in JSON; the job's kind is the method's path.
"""

from __future__ import annotations

import asyncio
import time
from itertools import cycle
from typing import TYPE_CHECKING, Any

import grpc.aio
import uvloop
from google.protobuf import json_format
from google.protobuf.empty_pb2 import Empty
from tenon.flightops.v1 import flight_pb2, flightops_service_pb2

from services.chassis.clients import Clients
from services.chassis.contract import read_contract
from services.chassis.settings import Settings
from services.chassis.tls import CertificateFolder
from tests.load.job import NUMBER, Counter, Job, numbers, read_job, write_outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

MESSAGES: dict[str, tuple[Any, Any]] = {
    "Pass": (Empty, Empty),
    "GetFlight": (flightops_service_pb2.GetFlightRequest, flight_pb2.Flight),
    "ListFlights": (flightops_service_pb2.ListFlightsRequest, flightops_service_pb2.ListFlightsResponse),
    "CreateFlight": (flightops_service_pb2.CreateFlightRequest, flight_pb2.Flight),
}
"""Request and response of the methods that are measured."""


def open_clients(job: Job) -> Clients:
    """Return the chassis's clients under the identity of the `tenon` command; the job's target is data."""
    environ = {
        "TENON_CONTRACT": job.contract,
        "TENON_LISTEN": "unix:/nowhere",
        "TENON_CERTS": job.certificates,
        "TENON_PEERS": f"data={job.target}",
    }
    settings = Settings.from_environ(environ)
    assert settings.certs is not None
    return Clients(settings, read_contract(settings.contract), CertificateFolder(settings.certs))


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


def count_rows(response: Any) -> int:
    """Return how many flights an answer holds."""
    return len(response.flights) if hasattr(response, "flights") else int(bool(response.etag))


async def drive(job: Job) -> Counter:
    """Do the job."""
    request_type, response_type = MESSAGES[job.kind.rpartition("/")[2]]
    requests = build_requests(job, request_type)
    metadata = (("authorization", f"Bearer {job.token}"),)
    clients = open_clients(job)
    call = clients.channel("data").unary_unary(
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
                response = await call(next(requests), metadata=metadata, timeout=15)
                if job.rows and count_rows(response) != job.rows:
                    failure = f"{count_rows(response)} rows"
            except grpc.aio.AioRpcError as error:
                failure = f"{error.code().name}: {error.details()}"
            going = counter.count(started, failure)

    async with asyncio.timeout(job.patience):
        await asyncio.gather(*(work() for _ in range(job.connections)))
    await clients.close()
    return counter


if __name__ == "__main__":
    write_outcome(uvloop.run(drive(read_job())).outcome())
