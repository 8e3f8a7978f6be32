"""How long after a change many watchers know of it: `python -m tests.load.watch`, all through the edge.

The delay of a change is from the moment at which its writer sends it until a watcher has the message with it. Writers
and watchers are one process, so its own work is in every figure.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc.aio
import uvloop
from google.protobuf import json_format
from google.protobuf.field_mask_pb2 import FieldMask
from tenon.flightops.v1 import flight_pb2, flightops_service_pb2
from tenon.records.v1 import watch_pb2

from services.cli.settings import read_settings
from services.cli.supervision.control import ask_status
from tests.load.cases import SERVICE, new_flight
from tests.load.cpu import read_cpu
from tests.load.machine import describe_machine, warn_if_busy
from tests.load.stack import Stack, environ_of, run_command

if TYPE_CHECKING:
    from collections.abc import Iterator

FLIGHTS = 50
"""Flights that change in turn, of a day on which there are no others."""

DAY = "9999-01-01"
"""The day; what a bench has created is of the far future."""

STREAMS = 80
"""Watchers that share a connection; the edge takes 100 calls at once on each."""

SETTLE = 2.0
"""Seconds at the beginning that are not counted."""

KEPT = 1000
"""Messages whose changes are remembered."""

CONNECT_SECONDS = 120.0
"""Seconds in which all watchers must have their first picture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchFigures:
    """What the watchers have seen."""

    watchers: int
    """How many there were."""
    changes: int
    """Changes that were counted."""
    rate: float
    """Changes per second, as they were answered."""
    connect: float
    """Seconds until all watchers were live."""
    p50: float
    """Milliseconds after which half of all changes were known to a watcher, over all watchers."""
    p99: float
    """Milliseconds after which 99 of 100 were."""
    longest: float
    """Milliseconds that the slowest took."""
    missed: int
    """Changes that some watcher was not told, or was told more than once."""
    messages: float
    """Messages per watcher and second: changes that come together are one."""
    cores: dict[str, float] = field(default_factory=dict)
    """Cores that each process kept busy."""

    def __str__(self) -> str:
        cores = ", ".join(f"{name} {value:.2f}" for name, value in self.cores.items())
        return (
            f"{self.watchers:,} watchers, {self.rate:.0f} changes/s: known after {self.p50:.0f} ms (p50), "
            f"{self.p99:.0f} ms (p99), {self.longest:.0f} ms (longest); {self.messages:.1f} messages/s each; "
            f"{self.missed} missed or double of {self.changes * self.watchers:,}; all live after {self.connect:.1f} s; "
            f"cores busy: {cores}"
        )


@dataclass
class Watchers:
    """All watchers, what they were told, and when."""

    sent: dict[int, float] = field(default_factory=dict)
    """When each change was sent."""
    delays: list[float] = field(default_factory=list)
    """Delays of the changes that are counted, over all watchers."""
    told: int = 0
    """Changes that were told, over all watchers."""
    doubles: int = 0
    """Changes that came again, or after a later one of the same flight."""
    messages: int = 0
    """Messages that were read, over all watchers."""
    known: dict[bytes, list[tuple[str, int]]] = field(default_factory=dict)
    """The changes in a message; watchers of the same see the same bytes, which are read once."""

    async def watch(self, stub: Any, metadata: Any, live: asyncio.Semaphore) -> None:
        """Be one watcher until cancelled."""
        request = flightops_service_pb2.WatchFlightsRequest(filter=f'date = "{DAY}"')
        latest: dict[str, int] = {}
        async for raw in stub(request, metadata=metadata):
            now = time.perf_counter()
            found = self.known.get(raw)
            if found is None:
                if len(self.known) > KEPT:
                    self.known.clear()
                message = flightops_service_pb2.WatchFlightsResponse.FromString(raw)
                if message.state == watch_pb2.WATCH_STATE_LIVE and not message.changes:
                    live.release()
                updated = watch_pb2.CHANGE_TYPE_UPDATED
                found = [(c.flight.name, c.flight.distance) for c in message.changes if c.type == updated]
                if message.changes:
                    self.known[raw] = found
            self.messages += 1
            for name, number in found:
                self.told += 1
                self.doubles += latest.get(name, 0) >= number
                latest[name] = number
                if number in self.sent:
                    self.delays.append(now - self.sent[number])


def main() -> int:
    """Run it on a stack of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.watch", description=__doc__)
    parser.add_argument("--watchers", type=int, default=1000, help="how many watch (1,000)")
    parser.add_argument("--rate", type=float, default=100, help="changes per second (100)")
    parser.add_argument("--seconds", type=float, default=10, help="how long it is counted (10)")
    parser.add_argument("--home", type=Path, default=Path(".tenon/bench-watch"), help="the state folder")
    arguments = parser.parse_args()
    sys.stdout.write(f"{describe_machine()}\n{warn_if_busy()}\n")
    with _stack(arguments.home.absolute()) as stack, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        figures = runner.run(
            measure_watch(stack, watchers=arguments.watchers, rate=arguments.rate, seconds=arguments.seconds)
        )
    sys.stdout.write(f"{figures}\n")
    return 1 if figures.missed else 0


@contextmanager
def _stack(home: Path) -> Iterator[Stack]:
    environ = environ_of(home, TENON_AUTH_WORKERS="1", TENON_DATA_WORKERS="1")
    run_command(environ, "up", "--detach")
    try:
        settings = read_settings(environ, directory=Path.cwd())
        pids = {each["name"]: each["pid"] for each in ask_status(settings)["processes"]}
        yield Stack(settings=settings, pids=pids)
    finally:
        run_command(environ, "down")


async def measure_watch(stack: Stack, *, watchers: int = 1000, rate: float = 100, seconds: float = 10) -> WatchFigures:
    """Watch and write, and return what was seen; `rate` is in changes per second."""
    metadata = [("authorization", f"Bearer {await stack.token()}")]
    target = stack.settings.url.removeprefix("http://")
    count = -(-watchers // STREAMS) + 1
    options = [("grpc.use_local_subchannel_pool", 1)]
    channels = [grpc.aio.insecure_channel(target, options=options) for _ in range(count)]
    crowd, live = Watchers(), asyncio.Semaphore(0)
    watching: list[asyncio.Task[None]] = []
    try:
        await _create(channels[0], metadata)
        begun = time.perf_counter()
        for number in range(watchers):
            stub = _stub(channels[1 + number // STREAMS], "WatchFlights")
            watching.append(asyncio.create_task(crowd.watch(stub, metadata, live)))
        async with asyncio.timeout(CONNECT_SECONDS):
            for _ in range(watchers):
                await live.acquire()
        connect = time.perf_counter() - begun
        await _write(channels[0], metadata, crowd, first=1, count=int(SETTLE * rate), rate=rate, counted=False)
        messages, before = crowd.messages, _cpu(stack)
        begun = time.perf_counter()
        changes = int(seconds * rate)
        await _write(channels[0], metadata, crowd, first=1 + int(SETTLE * rate), count=changes, rate=rate, counted=True)
        spent = time.perf_counter() - begun
        cores = {name: (value - before[name]) / spent for name, value in _cpu(stack).items()}
        written = (changes + int(SETTLE * rate)) * watchers
        await _wait_until_told(crowd, written)
        return WatchFigures(
            watchers=watchers,
            changes=changes,
            rate=changes / spent,
            connect=connect,
            missed=abs(written - crowd.told) + crowd.doubles,
            messages=(crowd.messages - messages) / watchers / spent,
            cores=cores,
            **_percentiles(crowd.delays),
        )
    finally:
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        for channel in channels:
            await channel.close()


def _percentiles(delays: list[float]) -> dict[str, float]:
    ordered = sorted(delays)
    return {
        name: ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000
        for name, share in (("p50", 0.5), ("p99", 0.99), ("longest", 1.0))
    }


def _cpu(stack: Stack) -> dict[str, float]:
    return {name: read_cpu(stack.cpu_of(name)) for name in ("data-0", "envoy", "postgres")}


def _stub(channel: Any, method: str) -> Any:
    if method == "WatchFlights":
        encode = flightops_service_pb2.WatchFlightsRequest.SerializeToString
        return channel.unary_stream(f"/{SERVICE}/{method}", request_serializer=encode)
    request = getattr(flightops_service_pb2, f"{method}Request")
    return channel.unary_unary(f"/{SERVICE}/{method}", request_serializer=request.SerializeToString)


def _name(number: int) -> str:
    return f"{DAY}-UA-{number + 1}-EWR"


async def _create(channel: Any, metadata: Any) -> None:
    """Make the flights that change, where they are not there from a run before."""
    create = _stub(channel, "CreateFlight")
    flight: Any = json_format.ParseDict({**new_flight(), "date": DAY}, flight_pb2.Flight())
    flight.ClearField("aircraft")
    for number in range(FLIGHTS):
        request = flightops_service_pb2.CreateFlightRequest(flight=flight, flight_id=_name(number))
        try:
            await create(request, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
                raise


async def _write(
    channel: Any, metadata: Any, crowd: Watchers, *, first: int, count: int, rate: float, counted: bool
) -> None:
    """Change flights at a steady rate, whether or not the answers keep up."""
    update, begun = _stub(channel, "UpdateFlight"), time.perf_counter()

    async def change(number: int) -> None:
        flight = flight_pb2.Flight(name=f"flights/{_name(number % FLIGHTS)}", distance=number)
        request = flightops_service_pb2.UpdateFlightRequest(flight=flight, update_mask=FieldMask(paths=["distance"]))
        if counted:
            crowd.sent[number] = time.perf_counter()
        await update(request, metadata=metadata)

    async with asyncio.TaskGroup() as group:
        for place in range(count):
            await asyncio.sleep(max(0.0, begun + place / rate - time.perf_counter()))
            group.create_task(change(first + place))


async def _wait_until_told(crowd: Watchers, wanted: int) -> None:
    """Wait for the last changes, for as long as any come."""
    seen = -1
    while crowd.told < wanted and seen != crowd.told:
        seen = crowd.told
        await asyncio.sleep(3)


if __name__ == "__main__":
    sys.exit(main())
