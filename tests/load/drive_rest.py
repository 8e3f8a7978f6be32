"""Drives a REST server over HTTP/1.1 on kept-alive connections, with as little of its own as Python allows.

A request is `path` or `path<newline>body`; the job's kind is the verb.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING, cast

import uvloop

from tests.load.job import NUMBER, Counter, Job, numbers, read_job, write_outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

END_OF_HEADERS = b"\r\n\r\n"
END_OF_CHUNKS = b"0\r\n\r\n"

ROW = b'"etag":'
"""Stands once in each record."""


class Connection(asyncio.Protocol):
    """One connection, with one request under way."""

    def __init__(self, requests: Iterator[bytes], counter: Counter, rows: int, ended: Callable[[], None]) -> None:
        """Take what to send, what counts, how many rows are right, and whom to tell when there is no more to do."""
        self._rows = rows
        self._requests = requests
        self._counter = counter
        self._ended = ended
        self._buffer = b""
        self._length = -1
        self._started = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name
        self._send()

    def data_received(self, data: bytes) -> None:
        """Take a piece of an answer, and send the next request when the answer is whole."""
        self._buffer += data
        if self._length < 0 and not self._find_length():
            return
        if len(self._buffer) < self._length or (not self._length and not self._buffer.endswith(END_OF_CHUNKS)):
            return
        good = self._buffer[9:10] == b"2" and (not self._rows or self._buffer.count(ROW) == self._rows)
        failure = "" if good else self._buffer[:400].decode(errors="replace")
        self._buffer, self._length = b"", -1
        if self._counter.count(self._started, failure):
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        """Tell that this connection does no more."""
        self._ended()

    def _find_length(self) -> bool:
        """Find how long the answer is, or 0 where it comes in chunks; return whether its headers are whole."""
        end = self._buffer.find(END_OF_HEADERS)
        if end < 0:
            return False
        headers = self._buffer[:end].lower()
        at = headers.find(b"\r\ncontent-length:")
        if at < 0:
            self._length = 0
        else:
            value = headers[at + 17 :].split(b"\r\n", 1)[0]
            self._length = end + len(END_OF_HEADERS) + int(value)
        return True

    def _send(self) -> None:
        self._started = time.perf_counter()
        self._transport.write(next(self._requests))


def render_requests(job: Job) -> Iterator[bytes]:
    """Return the requests' bytes without end; numbers are filled in as they are sent."""
    fresh = numbers()
    templates = [_render(job, request) for request in job.requests]
    if NUMBER in job.requests[0]:
        mark = NUMBER.encode()
        return (template.replace(mark, next(fresh).encode()) for template in cycle(templates))
    return cycle(templates)


def _render(job: Job, request: str) -> bytes:
    path, _, body = request.partition("\n")
    lines = [
        f"{job.kind} {path} HTTP/1.1",
        "host: localhost",
        f"authorization: Bearer {job.token}",
        f"accept: {job.content_type}",
    ]
    if body:
        lines += [f"content-type: {job.content_type}", f"content-length: {len(body.encode())}"]
    return "\r\n".join((*lines, "", body)).encode()


def _same(connection: Connection) -> Connection:
    return connection


async def drive(job: Job) -> Counter:
    """Do the job."""
    loop = asyncio.get_running_loop()
    counter = Counter(job)
    requests = render_requests(job)
    done: list[asyncio.Future[None]] = [loop.create_future() for _ in range(job.connections)]
    host, _, port = job.target.rpartition(":")
    for future in done:
        connection = Connection(requests, counter, job.rows, partial(future.set_result, None))
        await loop.create_connection(partial(_same, connection), host, int(port))
    async with asyncio.timeout(job.patience):
        await asyncio.gather(*done)
    return counter


if __name__ == "__main__":
    write_outcome(uvloop.run(drive(read_job())).outcome())
