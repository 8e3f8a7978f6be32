"""What is measured: four operations over five ways to call them."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.load.job import NUMBER, Job

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.load.processes import Rivals, Stack

FLIGHTS = "/flightops/v1/flights"
SERVICE = "/tenon.flightops.v1.FlightopsService"
EMPTY_GRPC_WEB = "\0" * 5
"""A frame of gRPC-Web with an empty message."""


class Way(enum.Enum):
    """A way to call, as the report names it."""

    GRPC = "gRPC client → service"
    REST = "REST client → edge → service"
    BARE = "REST client → FastAPI, no gateway"
    EQUAL = "REST client → Envoy → FastAPI, equal duties"
    HTTPX = "httpx → FastAPI, no gateway"
    HTTPX_EQUAL = "httpx → Envoy → FastAPI, equal duties"


class Operation(enum.Enum):
    """What is done by one request, as the report names it."""

    NOOP = "no-op"
    GET = "Get"
    LIST = "List 50"
    CREATE = "Create"


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One operation over one way."""

    way: Way
    """How it is called."""
    operation: Operation
    """What is done."""
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

    connections: int
    """Requests under way at once."""
    warm_up: float
    """Seconds before the counting begins."""
    seconds: float
    """Seconds of counting."""


def build_cases(stack: Stack, rivals: Rivals, names: tuple[str, ...], load: Load, token: str) -> tuple[Case, ...]:
    """Return every case; `names` are flights that exist."""
    rest = dict(_rest_requests(names))
    rpcs = dict(_rpc_requests(names))
    data, edge = stack.cpu_of("data-0"), stack.cpu_of("envoy")
    bare, equal, rival_edge = (frozenset({rivals.pids[name]}) for name in ("bare", "equal", "edge"))
    # gRPC-Web is how a client of HTTP/1.1 reaches the no-op, which has no REST door.
    check = ("POST", ("/grpc.health.v1.Health/Check\n" + EMPTY_GRPC_WEB,))
    sides = (
        (Way.REST, stack.settings.url.removeprefix("http://"), data, edge, {**rest, Operation.NOOP: check}),
        (Way.BARE, rivals.bare, bare, frozenset[int](), rest),
        (Way.EQUAL, rivals.equal, equal, rival_edge, rest),
        (Way.HTTPX, rivals.bare, bare, frozenset[int](), _httpx_requests(rest)),
        (Way.HTTPX_EQUAL, rivals.equal, equal, rival_edge, _httpx_requests(rest)),
    )
    cases = [
        Case(
            way=Way.GRPC,
            operation=operation,
            driver="tests.load.drive_grpc",
            job=_job(load, token, str(_socket(stack)), *rpc, certificates=str(stack.settings.certificates("cli"))),
            service=data,
            edge=frozenset(),
        )
        for operation, rpc in rpcs.items()
    ]
    for way, target, service, gateway, requests in sides:
        driver = "tests.load.drive_httpx" if way in {Way.HTTPX, Way.HTTPX_EQUAL} else "tests.load.drive_rest"
        for operation, request in requests.items():
            kind = "application/grpc-web+proto" if request is check else "application/json"
            job = _job(load, token, target, *request, content_type=kind)
            cases.append(Case(way=way, operation=operation, driver=driver, job=job, service=service, edge=gateway))
    return tuple(cases)


def _job(load: Load, token: str, target: str, kind: str, requests: tuple[str, ...], **more: str) -> Job:
    return Job(
        target=target,
        kind=kind,
        requests=requests,
        token=token,
        connections=load.connections,
        warm_up=load.warm_up,
        seconds=load.seconds,
        server_name="data",
        **more,
    )


def _socket(stack: Stack) -> str:
    return f"unix:{stack.settings.socket('data-0')}"


def _rest_requests(names: tuple[str, ...]) -> Iterable[tuple[Operation, tuple[str, tuple[str, ...]]]]:
    yield Operation.NOOP, ("GET", ("/noop",))
    yield Operation.GET, ("GET", tuple(f"/flightops/v1/{name}" for name in names))
    yield Operation.LIST, ("GET", (f"{FLIGHTS}?pageSize=50",))
    yield Operation.CREATE, ("POST", (f"{FLIGHTS}?flightId={NUMBER}\n{json.dumps(new_flight())}",))


def _rpc_requests(names: tuple[str, ...]) -> Iterable[tuple[Operation, tuple[str, tuple[str, ...]]]]:
    yield Operation.NOOP, ("/grpc.health.v1.Health/Check", ("{}",))
    yield Operation.GET, (f"{SERVICE}/GetFlight", tuple(json.dumps({"name": name}) for name in names))
    yield Operation.LIST, (f"{SERVICE}/ListFlights", ('{"pageSize": 50}',))
    flight = {"flightId": NUMBER, "flight": {**new_flight(), "outcome": "FLIGHT_OUTCOME_ARRIVED"}}
    yield Operation.CREATE, (f"{SERVICE}/CreateFlight", (json.dumps(flight),))


def _httpx_requests(
    rest: dict[Operation, tuple[str, tuple[str, ...]]],
) -> dict[Operation, tuple[str, tuple[str, ...]]]:
    return {
        Operation.GET: ("Flight", rest[Operation.GET][1]),
        Operation.LIST: ("Page", rest[Operation.LIST][1]),
    }


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
        "outcome": 1,
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
