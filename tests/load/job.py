"""One measurement, as the bench hands it to a driver and gets it back: JSON on a pipe."""

from __future__ import annotations

import itertools
import json
import math
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NUMBER = "{number}"
"""Stands in a request for a number that no other request has: twelve digits, cut as a flight's id has them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What a driver does: the same kind of request, over and over, on several connections."""

    target: str
    """`host:port` or `unix:/path` of the server."""
    requests: tuple[str, ...]
    """What is sent, in turn: path and body, as the driver knows to read them."""
    kind: str
    """What is called, as the driver names it: a REST verb or an RPC."""
    token: str = field(repr=False)
    """The access token."""
    connections: int
    """How many requests are under way at once."""
    warm_up: float
    """Seconds before the counting begins."""
    seconds: float
    """Seconds of counting."""
    rows: int
    """How many records each answer must hold, or 0 where that is no matter."""
    content_type: str = "application/json"
    """What the body of a REST request is."""
    certificates: str = ""
    """The folder with the driver's own certificate, where the server wants one."""
    contract: str = ""
    """The compiled contract, for a driver that is a client of ours."""
    pace: float = 0.0
    """Seconds from one request of a connection to the next, for a driver that keeps a pace."""

    @property
    def patience(self) -> float:
        """Seconds after which a driver that is not done has been forgotten by its server."""
        return self.warm_up + self.seconds + 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a driver counted."""

    answers: int
    """Good answers within the window."""
    failures: int
    """Other answers within the window."""
    seconds: float
    """How long the window was."""
    p50: float
    """Seconds that half of the answers took at most."""
    p99: float
    """Seconds that 99 of 100 took at most."""
    failure: str = ""
    """What the first failure said."""


class Counter:
    """Counts answers within a window, and tells the bench when the window opens and closes."""

    def __init__(self, job: Job) -> None:
        """Take the job; the clock starts now."""
        self._opens = time.perf_counter() + job.warm_up
        self._closes = self._opens + job.seconds
        self._opened = 0.0
        self._closed = 0.0
        self._durations: list[float] = []
        self._failures = 0
        self._failure = ""

    def count(self, started: float, failure: str = "") -> bool:
        """Count one answer to a request that was sent at that time; return whether to go on."""
        now = time.perf_counter()
        if now < self._opens:
            return True
        if not self._opened:
            self._opened = _tell("open")
        if now >= self._closes:
            self._closed = self._closed or _tell("close")
            return False
        if failure:
            self._failures += 1
            self._failure = self._failure or failure
        else:
            self._durations.append(now - started)
        return True

    def outcome(self) -> Outcome:
        """Return what was counted."""
        ordered = sorted(self._durations) or [math.nan]
        return Outcome(
            answers=len(self._durations),
            failures=self._failures,
            seconds=self._closed - self._opened,
            p50=ordered[len(ordered) // 2],
            p99=ordered[len(ordered) * 99 // 100],
            failure=self._failure,
        )


def numbers() -> Iterator[str]:
    """Return numbers that no other call of this function gives, as the first part of a flight's id.

    They begin with 9, by which the rows are found again and deleted.
    """
    # Microseconds since the epoch, of which the last eleven digits come round after a day.
    first = time.time_ns() // 1000 % 10**11
    for number in itertools.count(first):
        digits = f"9{number % 10**11:011}"
        yield f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}-ZZ-{digits[8:]}-XXX"


def read_job() -> Job:
    """Return the job that the bench wrote to the standard input."""
    content = json.loads(sys.stdin.readline())
    return Job(**{**content, "requests": tuple(content["requests"])})


def write_job(job: Job) -> str:
    """Return a job as a line of JSON."""
    return json.dumps(asdict(job)) + "\n"


def write_outcome(outcome: Outcome) -> None:
    """Hand an outcome to the bench."""
    sys.stdout.write(json.dumps(asdict(outcome)) + "\n")
    sys.stdout.flush()


def _tell(event: str) -> float:
    sys.stdout.write(f"{event}\n")
    sys.stdout.flush()
    return time.perf_counter()
