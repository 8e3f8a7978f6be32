"""Asks at a steady pace, as those do who go about their work while others flood the server; the job says how often.

What is asked is as `drive_form` has it where the job's kind is POST, and as `drive_rest` has it else.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import uvloop

from tests.load import drive_form, drive_rest
from tests.load.job import Counter, Job, read_job, write_outcome

if TYPE_CHECKING:
    from collections.abc import Callable


class _Paced:
    """Sends a request once in so many seconds, or as soon as the last one is answered where that takes longer."""

    pace = 0.0
    _due = 0.0
    _send: Callable[[], None]

    def pause(self, send: Callable[[], None]) -> None:
        """Send when it is time."""
        loop = asyncio.get_running_loop()
        self._due = max(loop.time(), (self._due or loop.time()) + self.pace)
        loop.call_at(self._due, send)


class FormConnection(_Paced, drive_form.Connection):
    """One connection that posts forms."""

    def _send(self) -> None:
        self.pause(super()._send)


class RestConnection(_Paced, drive_rest.Connection):
    """One connection that reads records."""

    def _send(self) -> None:
        self.pause(super()._send)


async def drive(job: Job) -> Counter:
    """Do the job."""
    loop = asyncio.get_running_loop()
    counter, requests = Counter(job), drive_rest.render_requests(job)
    done: list[asyncio.Future[None]] = [loop.create_future() for _ in range(job.connections)]
    made: list[FormConnection | RestConnection] = [
        FormConnection(asking, counter, partial(future.set_result, None))
        if job.kind == "POST"
        else RestConnection(requests, counter, job.rows, partial(future.set_result, None))
        for asking, future in zip(drive_form.askings(job), done, strict=True)
    ]
    for connection in made:
        connection.pace = job.pace
        await drive_form.connect(job, connection)
    async with asyncio.timeout(job.patience):
        await asyncio.gather(*done)
    return counter


if __name__ == "__main__":
    write_outcome(uvloop.run(drive(read_job())).outcome())
