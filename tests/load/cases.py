"""What is measured: four operations over several ways to call them."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.load.job import NUMBER, Job

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.load.floor import Floor
    from tests.load.rival.launch import Rivals
    from tests.load.stack import Stack

FLIGHTS = "/flightops/v1/flights"
SERVICE = "/tenon.flightops.v1.FlightopsService"
PAGE = 50
"""Records of a page."""


class Way(enum.Enum):
    """A way to call, as the report names it."""

    FLOOR = "gRPC client → grpcio alone"
    GRPC = "gRPC client → service"
    HTTPX = "httpx → FastAPI, no gateway"
    HTTPX_EQUAL = "httpx → Envoy → FastAPI, equal duties"
    REST = "REST client → edge → service"
    BARE = "REST client → FastAPI, no gateway"
    EQUAL = "REST client → Envoy → FastAPI, equal duties"
    EQUAL_TLS = "REST client → Envoy → mTLS → FastAPI, equal duties"


class Operation(enum.Enum):
    """What is done by one request, as the report names it."""

    NOOP = "no-op"
    GET = "Get"
    LIST = "List 50"
    CREATE = "Create"


@dataclass(frozen=True, slots=True)
class Key:
    """Names a case."""

    way: Way
    """How it is called."""
    operation: Operation
    """What is done."""
    level: int
    """Requests under way at once."""

    def __str__(self) -> str:
        """Return the name in one line."""
        return f"{self.operation.value}, {self.way.value}, {self.level} at once"


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One operation over one way."""

    key: Key
    """Which it is."""
    driver: str
    """The module that calls."""
    job: Job
    """What the driver does."""
    service: frozenset[int]
    """Processes of the service."""
    edge: frozenset[int]
    """Processes of the edge, or none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """How hard and how long each case is driven."""

    level: int
    """Requests under way at once."""
    levels: tuple[int, ...]
    """Further levels for calls between services, where the client's own cost changes with them."""
    warm_up: float
    """Seconds before the counting begins."""
    seconds: float
    """Seconds of counting."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Subjects:
    """Everything that can be called."""

    stack: Stack
    """Ours."""
    floor: Floor
    """The no-op."""
    rivals: Rivals
    """FastAPI."""
    names: tuple[str, ...]
    """Flights that exist."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What one operation sends."""

    kind: str
    """The verb, the RPC's path or the model of the answer, as the driver reads it."""
    texts: tuple[str, ...]
    """What is sent, in turn."""
    rows: int = 1
    """Records that must come back, or 0 for none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Whom a way calls."""

    way: Way
    """The way."""
    driver: str
    """The driver's module."""
    address: str
    """Where the driver connects."""
    service: frozenset[int]
    """Processes of the service."""
    edge: frozenset[int] = field(default_factory=frozenset)
    """Processes of the edge, or none."""


def build_cases(subjects: Subjects, load: Load, token: str) -> tuple[Case, ...]:
    """Return every case, those that are compared side by side."""
    found = []
    for operation, target, request in _combinations(subjects):
        between = target.way in {Way.GRPC, Way.HTTPX} and operation in {Operation.GET, Operation.LIST}
        for level in (*load.levels, load.level) if between else (load.level,):
            job = Job(
                target=target.address,
                kind=request.kind,
                requests=request.texts,
                token=token,
                connections=level,
                warm_up=load.warm_up,
                seconds=load.seconds,
                rows=request.rows,
                certificates=str(subjects.stack.settings.certificates("cli")),
                contract=str(subjects.stack.settings.contract),
            )
            key = Key(target.way, operation, level)
            found.append(Case(key=key, driver=target.driver, job=job, service=target.service, edge=target.edge))
    order = list(Operation)
    return tuple(sorted(found, key=lambda case: (order.index(case.key.operation), case.key.level)))


def _combinations(subjects: Subjects) -> Iterable[tuple[Operation, Target, Request]]:
    stack, floor, rivals = subjects.stack, subjects.floor, subjects.rivals
    data, edge = stack.cpu_of("data-0"), stack.cpu_of("envoy")
    worker, noop_edge, alone = (frozenset({floor.pids[name]}) for name in ("worker", "edge", "bare"))
    grpc, rest, httpx = (f"tests.load.drive_{name}" for name in ("grpc", "rest", "httpx"))

    noop = Request(kind="/tenon.data.v1.BenchService/Pass", texts=("{}",), rows=0)
    yield (
        Operation.NOOP,
        Target(way=Way.FLOOR, driver=grpc, address=f"unix:{floor.bare}", service=alone),
        noop,
    )
    yield Operation.NOOP, Target(way=Way.GRPC, driver=grpc, address=f"unix:{floor.worker}", service=worker), noop
    ours = Target(way=Way.GRPC, driver=grpc, address=f"unix:{stack.settings.socket('data-0')}", service=data)
    yield from ((operation, ours, request) for operation, request in _rpc_requests(subjects.names))

    passing = Request(kind="GET", texts=("/data/v1/pass",), rows=0)
    target = Target(way=Way.REST, driver=rest, address=floor.edge, service=worker, edge=noop_edge)
    yield Operation.NOOP, target, passing
    requests = dict(_rest_requests(subjects.names))
    address = stack.settings.url.removeprefix("http://")
    ours = Target(way=Way.REST, driver=rest, address=address, service=data, edge=edge)
    yield from ((operation, ours, request) for operation, request in requests.items())

    reading = {operation: requests[operation] for operation in (Operation.GET, Operation.LIST)}
    models = {Operation.GET: "Flight", Operation.LIST: "Page"}
    for way, rival in ((Way.BARE, rivals.bare), (Way.EQUAL, rivals.equal), (Way.EQUAL_TLS, rivals.tls)):
        target = Target(way=way, driver=rest, address=rival.target, service=rival.service, edge=rival.edge)
        if way is not Way.EQUAL_TLS:
            yield Operation.NOOP, target, Request(kind="GET", texts=("/noop",), rows=0)
        chosen = reading if way is Way.EQUAL_TLS else requests
        yield from ((operation, target, request) for operation, request in chosen.items())
    for way, rival in ((Way.HTTPX, rivals.bare), (Way.HTTPX_EQUAL, rivals.equal)):
        target = Target(way=way, driver=httpx, address=rival.target, service=rival.service, edge=rival.edge)
        for operation, request in reading.items():
            yield operation, target, Request(kind=models[operation], texts=request.texts, rows=request.rows)


def _rest_requests(names: tuple[str, ...]) -> Iterable[tuple[Operation, Request]]:
    yield Operation.GET, Request(kind="GET", texts=tuple(f"/flightops/v1/{name}" for name in names))
    yield Operation.LIST, Request(kind="GET", texts=(f"{FLIGHTS}?pageSize={PAGE}",), rows=PAGE)
    create = f"{FLIGHTS}?flightId={NUMBER}\n{json.dumps(new_flight())}"
    yield Operation.CREATE, Request(kind="POST", texts=(create,))


def _rpc_requests(names: tuple[str, ...]) -> Iterable[tuple[Operation, Request]]:
    texts = tuple(json.dumps({"name": name}) for name in names)
    yield Operation.GET, Request(kind=f"{SERVICE}/GetFlight", texts=texts)
    yield Operation.LIST, Request(kind=f"{SERVICE}/ListFlights", texts=(f'{{"pageSize": {PAGE}}}',), rows=PAGE)
    create = json.dumps({"flightId": NUMBER, "flight": new_flight()})
    yield Operation.CREATE, Request(kind=f"{SERVICE}/CreateFlight", texts=(create,))


def new_flight() -> dict[str, object]:
    """Return a flight to create, in the JSON that ours and the rivals read alike."""
    return {
        "date": "2013-01-01",
        "airline": "airlines/UA",
        "number": 1545,
        "tailNumber": "N14228",
        "aircraft": "aircraft/N14228",
        "origin": "airports/EWR",
        "destinationCode": "IAH",
        "destination": "airports/IAH",
        "outcome": "FLIGHT_OUTCOME_ARRIVED",
        "departureDelay": 2,
        "arrivalDelay": 11,
        "scheduledDepartureTime": "2013-01-01T10:15:00Z",
        "departureTime": "2013-01-01T10:17:00Z",
        "scheduledDepartureMinute": 315,
        "departureMinute": 317,
        "scheduledArrivalMinute": 499,
        "arrivalMinute": 510,
        "airTime": 227,
        "distance": 1400,
    }
