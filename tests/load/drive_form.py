"""Drives auth's endpoints of OAuth, through the edge or at its own listener: forms over HTTP/1.1 on kept connections.

A request is `path<newline>form`; the job's token is what a client proves itself by, as `Basic` has it. Where a form
holds a refresh token at its end, there is one such request for each connection, which goes on with the token that it
was answered.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, cast

import uvloop

from tests.load.drive_rest import END_OF_CHUNKS, END_OF_HEADERS
from tests.load.job import Counter, Job, read_job, write_outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GOOD = (b'"access_token":', b'"active":true')
"""What one of stands in a good answer."""

CHAIN = "&refresh_token="
"""What the token stands behind that is another one each time."""


@dataclass(kw_only=True, slots=True)
class Asking:
    """What one connection asks, over and over."""

    forms: Iterator[str]
    """The forms, in turn."""
    head: str
    """The line and the headers of the request, without the length."""
    token: str = ""
    """The refresh token to go on with, or empty where there is none."""

    def render(self) -> bytes:
        """Return the next request."""
        form = next(self.forms) + (CHAIN + self.token if self.token else "")
        return f"{self.head}content-length: {len(form)}\r\n\r\n{form}".encode()

    def learn(self, body: bytes) -> None:
        """Go on with the token that was answered."""
        if self.token:
            self.token = json.loads(body)["refresh_token"]


class Connection(asyncio.Protocol):
    """One connection, with one request under way."""

    def __init__(self, asking: Asking, counter: Counter, ended: Callable[[], None]) -> None:
        """Take what to ask, what counts, and whom to tell when there is no more to do."""
        self._asking = asking
        self._counter = counter
        self._ended = ended
        self._buffer = b""
        self._started = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name
        self._send()

    def data_received(self, data: bytes) -> None:
        """Take a piece of an answer, and send the next request when the answer is whole."""
        self._buffer += data
        body = body_of(self._buffer)
        if body is None:
            return
        good = self._buffer[9:10] == b"2" and any(mark in body for mark in GOOD)
        failure = "" if good else self._buffer[:600].decode(errors="replace")
        self._buffer = b""
        if good:
            self._asking.learn(body)
        if self._counter.count(self._started, failure):
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        """Tell that this connection does no more."""
        self._ended()

    def _send(self) -> None:
        self._started = time.perf_counter()
        self._transport.write(self._asking.render())


def body_of(answer: bytes) -> bytes | None:
    """Return the body of an answer, or None while it is not whole."""
    headers, found, body = answer.partition(END_OF_HEADERS)
    if not found:
        return None
    lower = headers.lower()
    at = lower.find(b"\r\ncontent-length:")
    if at < 0:
        return body.split(b"\r\n", 2)[1] if body.endswith(END_OF_CHUNKS) else None
    length = int(lower[at + 17 :].split(b"\r\n", 1)[0])
    return body if len(body) >= length else None


def askings(job: Job) -> list[Asking]:
    """Return what each connection asks."""
    path = job.requests[0].partition("\n")[0]
    head = (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Basic {job.token}\r\n"
        "content-type: application/x-www-form-urlencoded\r\n"
    )
    forms = [request.partition("\n")[2] for request in job.requests]
    if CHAIN not in forms[0]:
        return [Asking(forms=cycle(forms), head=head) for _ in range(job.connections)]
    chains = [form.partition(CHAIN)[::2] for form in forms[: job.connections]]
    return [Asking(forms=cycle([form]), head=head, token=token) for form, token in chains]


async def connect(job: Job, protocol: asyncio.Protocol) -> None:
    """Connect to the edge over TCP, or to auth under the certificate that the job names."""
    loop = asyncio.get_running_loop()
    if not job.target.startswith("unix:"):
        host, _, port = job.target.rpartition(":")
        await loop.create_connection(lambda: protocol, host, int(port))
        return
    folder = Path(job.certificates)
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    path = job.target.removeprefix("unix:")
    await loop.create_unix_connection(lambda: protocol, path, ssl=context, server_hostname="auth")


async def drive(job: Job) -> Counter:
    """Do the job."""
    loop = asyncio.get_running_loop()
    counter = Counter(job)
    done: list[asyncio.Future[None]] = []
    for asking in askings(job):
        done.append(loop.create_future())
        await connect(job, Connection(asking, counter, partial(done[-1].set_result, None)))
    async with asyncio.timeout(job.patience):
        await asyncio.gather(*done)
    return counter


if __name__ == "__main__":
    write_outcome(uvloop.run(drive(read_job())).outcome())
