"""Drives a REST server as another service would: httpx, answers validated by pydantic.

A request is a path; the job's kind is the model of the answer.
"""

from __future__ import annotations

import asyncio
import time
from itertools import cycle
from typing import TYPE_CHECKING

import httpx
import uvloop

from tests.load.job import Counter, Job, read_job, write_outcome
from tests.load.rival.model import Flight, Page

if TYPE_CHECKING:
    from pydantic import BaseModel

MODELS: dict[str, type[BaseModel]] = {"Flight": Flight, "Page": Page}
"""What answers are read as."""


def count_rows(answer: BaseModel) -> int:
    """Return how many flights an answer holds."""
    return len(answer.flights) if isinstance(answer, Page) else 1


async def drive(job: Job) -> Counter:
    """Do the job."""
    model = MODELS[job.kind]
    paths = cycle(job.requests)
    limits = httpx.Limits(max_connections=job.connections, max_keepalive_connections=job.connections)
    headers = {"authorization": f"Bearer {job.token}"}
    async with httpx.AsyncClient(
        base_url=f"http://{job.target}", limits=limits, headers=headers, timeout=15, trust_env=False
    ) as client:
        counter = Counter(job)

        async def work() -> None:
            going = True
            while going:
                started, failure = time.perf_counter(), ""
                response = await client.get(next(paths))
                if response.is_success:
                    answer = model.model_validate_json(response.content)
                    if job.rows and count_rows(answer) != job.rows:
                        failure = f"{count_rows(answer)} rows"
                else:
                    failure = f"{response.status_code}: {response.text[:300]}"
                going = counter.count(started, failure)

        async with asyncio.timeout(job.patience):
            await asyncio.gather(*(work() for _ in range(job.connections)))
    return counter


if __name__ == "__main__":
    write_outcome(uvloop.run(drive(read_job())).outcome())
