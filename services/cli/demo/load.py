"""Loads records in batches, several in flight, so that no run, broken off or repeated, changes anything twice."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

import grpc
import grpc.aio
from tenon.flightops.v1 import flightops_service_pb2 as api

from services.cli.demo.edge import LoadFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from google.protobuf.message import Message

BATCH = 1000
"""How many records one batch may have by the contract."""

IN_FLIGHT = 4
"""How many batches are under way at once: enough to keep two workers of the service busy."""


class Server(Protocol):
    """What loading needs of a server: `Edge` is one, a fake is another."""

    async def call(self, method: str, request: Message, *, organization: str) -> bytes:
        """Return the answer's bytes; raises grpc.aio.AioRpcError for an error, LoadFailed where none comes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Collection:
    """One kind of record, and how it is called in the contract."""

    plural: str
    """As names begin, such as `flights`."""
    identifier: str
    """The field of the request to create one that has the last segment of its name, such as `flight_id`."""
    methods: str
    """As methods end, such as `Flights`."""
    organization: str
    """The organization that the rows belong to."""


AIRPORTS = Collection(plural="airports", identifier="airport_id", methods="Airports", organization="system")
AIRLINES = Collection(plural="airlines", identifier="airline_id", methods="Airlines", organization="system")
AIRCRAFT = Collection(plural="aircraft", identifier="aircraft_id", methods="Aircraft", organization="default")
FLIGHTS = Collection(plural="flights", identifier="flight_id", methods="Flights", organization="default")


@dataclass(kw_only=True, slots=True)
class Tally:
    """What became of the rows."""

    created: int = 0
    """Rows that were created."""
    found: int = 0
    """Rows that were there already."""

    @property
    def total(self) -> int:
        """All of them."""
        return self.created + self.found


async def load(server: Server, collection: Collection, rows: Iterable[Any], report: Callable[[int], None]) -> Tally:
    """Have all rows on the server and return what became of them; `report` is called with the number of rows done.

    Batches are atomic, so that a run that was broken off leaves whole batches. Raises LoadFailed where the server
    refuses a row.
    """
    tally = Tally()
    batches = _split(rows)
    empty = await _is_empty(server, collection)

    async def work() -> None:
        for batch in batches:
            await _settle(server, collection, batch, tally, hopeful=empty)
            report(tally.total)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(IN_FLIGHT):
                group.create_task(work())
    except ExceptionGroup as failures:
        # Not `except*`: early releases of Python 3.11 put what is raised there into a group once more.
        raise failures.exceptions[0] from None
    return tally


async def _settle(server: Server, collection: Collection, batch: list[Any], tally: Tally, *, hopeful: bool) -> None:
    """Have one batch on the server. A hopeful one is created unasked: on an empty server nothing is there."""
    if not hopeful and await _exist(server, collection, batch):
        tally.found += len(batch)
        return
    if await _create(server, collection, batch):
        tally.created += len(batch)
        return
    if hopeful:
        await _settle(server, collection, batch, tally, hopeful=False)
        return
    # Some are there and some are not: somebody deleted or made single rows. Halves find them in few calls.
    if len(batch) == 1:
        raise LoadFailed(
            f"{_name(collection, batch[0])} exists and cannot be read.",
            mend="somebody else writes the same rows just now; run the command again.",
        )
    middle = len(batch) // 2
    for half in (batch[:middle], batch[middle:]):
        await _settle(server, collection, half, tally, hopeful=False)


async def _is_empty(server: Server, collection: Collection) -> bool:
    request = getattr(api, f"List{collection.methods}Request")(page_size=1)
    try:
        return not await server.call(f"List{collection.methods}", request, organization=collection.organization)
    except grpc.aio.AioRpcError as error:
        raise _refused(collection, error) from error


async def _exist(server: Server, collection: Collection, batch: list[Any]) -> bool:
    method = f"BatchGet{collection.methods}"
    request = getattr(api, f"{method}Request")(names=[_name(collection, row) for row in batch])
    try:
        await server.call(method, request, organization=collection.organization)
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.NOT_FOUND:
            return False
        raise _refused(collection, error) from error
    return True


async def _create(server: Server, collection: Collection, batch: list[Any]) -> bool:
    method = f"BatchCreate{collection.methods}"
    # A new id for each batch, and the same for its retries: an answer that was lost is given again.
    request = getattr(api, f"{method}Request")(requests=batch, request_id=str(uuid.uuid4()))
    try:
        await server.call(method, request, organization=collection.organization)
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.ALREADY_EXISTS:
            return False
        raise _refused(collection, error) from error
    return True


def _refused(collection: Collection, error: grpc.aio.AioRpcError) -> LoadFailed:
    return LoadFailed(
        f"The server refused {collection.plural}: {error.code().name}: {error.details()}",
        mend="see `tenon status` and `tenon logs data`.",
    )


def _name(collection: Collection, row: Any) -> str:
    return f"{collection.plural}/{getattr(row, collection.identifier)}"


def _split(rows: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH)):
        yield batch
