"""Signs people in by their passwords, directly at auth, under the certificate of the edge.

A request is the message in JSON. Each comes from an address of its own, as people do.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from pathlib import Path

import grpc.aio
import uvloop
from google.protobuf import json_format
from tenon.auth.v1 import session_service_pb2, session_service_pb2_grpc

from tests.load.job import Counter, Job, read_job, write_outcome


async def drive(job: Job) -> Counter:
    """Do the job."""
    counter = Counter(job)
    requests = [json_format.Parse(text, session_service_pb2.SignInRequest()) for text in job.requests]
    folder = Path(job.certificates)
    credentials = grpc.ssl_channel_credentials(
        *((folder / name).read_bytes() for name in ("ca.pem", "key.pem", "cert.pem"))
    )
    options = [("grpc.ssl_target_name_override", "auth")]
    async with grpc.aio.secure_channel(job.target, credentials, options) as channel:
        stub = session_service_pb2_grpc.SessionServiceStub(channel)

        async def sign_in(place: int) -> None:
            metadata = (("x-forwarded-for", f"10.1.{place // 250}.{place % 250 + 1}"),)
            for request in itertools.cycle(requests[place % len(requests) :] + requests[: place % len(requests)]):
                started, failure = time.perf_counter(), ""
                try:
                    await stub.SignIn(request, metadata=metadata, timeout=job.patience)
                except grpc.aio.AioRpcError as error:
                    failure = f"{error.code().name}: {error.details()}"
                if not counter.count(started, failure):
                    return

        async with asyncio.timeout(job.patience):
            await asyncio.gather(*(sign_in(place) for place in range(job.connections)))
    return counter


if __name__ == "__main__":
    write_outcome(uvloop.run(drive(read_job())).outcome())
