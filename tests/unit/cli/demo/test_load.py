"""Loading, against a server that keeps names in memory."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from tenon.flightops.v1 import flightops_service_pb2 as api

from services.cli.demo.edge import LoadFailed
from services.cli.demo.load import BATCH, FLIGHTS, Tally, load

if TYPE_CHECKING:
    from collections.abc import Iterator


class FakeServer:
    """Flights as a set of names, with batches that are atomic."""

    def __init__(self, names: set[str] | None = None) -> None:
        self.names = names or set()
        self.calls: list[str] = []
        self.request_ids: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self.refusal: grpc.StatusCode | None = None

    async def call(self, method: str, request: Any, *, organization: str) -> bytes:
        assert organization == "default"
        self.calls.append(method)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        answer: bytes = getattr(self, f"_{method}")(request)
        return answer

    def _ListFlights(self, request: Any) -> bytes:
        assert request.page_size == 1
        return b"a page" if self.names else b""

    def _BatchGetFlights(self, request: Any) -> bytes:
        if not self.names.issuperset(request.names):
            raise _error(grpc.StatusCode.NOT_FOUND)
        return b"flights"

    def _BatchCreateFlights(self, request: Any) -> bytes:
        if self.refusal is not None:
            raise _error(self.refusal)
        assert len(request.requests) <= BATCH
        names = {f"flights/{each.flight_id}" for each in request.requests}
        if names & self.names:
            raise _error(grpc.StatusCode.ALREADY_EXISTS)
        self.request_ids.append(request.request_id)
        self.names |= names
        return b"flights"


async def _load(server: FakeServer, count: int) -> Tally:
    return await load(server, FLIGHTS, _rows(count), lambda _: None)


async def test_an_empty_server_gets_every_row_without_being_asked_for_any() -> None:
    server = FakeServer()
    assert await _load(server, 3500) == Tally(created=3500, found=0)
    assert len(server.names) == 3500
    assert "BatchGetFlights" not in server.calls
    assert len(set(server.request_ids)) == 4


async def test_several_batches_are_under_way_at_once() -> None:
    server = FakeServer()
    await _load(server, 8 * BATCH)
    assert 2 <= server.most_at_once <= 4


async def test_a_second_run_changes_nothing() -> None:
    server = FakeServer()
    await _load(server, 3500)
    before = set(server.names)
    assert await _load(server, 3500) == Tally(created=0, found=3500)
    assert server.names == before
    assert server.calls.count("BatchCreateFlights") == 4


async def test_a_broken_run_is_finished_by_the_next() -> None:
    server = FakeServer()
    await _load(server, 2000)
    assert await _load(server, 3500) == Tally(created=1500, found=2000)
    assert len(server.names) == 3500


@pytest.mark.parametrize("missing", [{0}, {999}, {17, 400, 401}, set(range(0, 1000, 7))])
async def test_single_rows_that_somebody_deleted_come_back(missing: set[int]) -> None:
    server = FakeServer({f"flights/{i}" for i in range(1000) if i not in missing})
    assert await _load(server, 1000) == Tally(created=len(missing), found=1000 - len(missing))
    assert len(server.names) == 1000


async def test_a_row_that_appears_while_the_server_was_taken_for_empty_is_found() -> None:
    server = FakeServer()
    rows = _rows(1000)
    first = next(rows)

    def intrude() -> Iterator[api.CreateFlightRequest]:
        server.names.add("flights/500")
        yield first
        yield from rows

    assert await load(server, FLIGHTS, intrude(), lambda _: None) == Tally(created=999, found=1)


async def test_progress_ends_at_the_number_of_rows() -> None:
    seen: list[int] = []
    await load(FakeServer(), FLIGHTS, _rows(2500), seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 2500


async def test_a_refusal_stops_the_run_and_says_what_was_refused() -> None:
    server = FakeServer()
    server.refusal = grpc.StatusCode.PERMISSION_DENIED
    with pytest.raises(LoadFailed, match="refused flights: PERMISSION_DENIED"):
        await _load(server, 10)


def _rows(count: int) -> Iterator[api.CreateFlightRequest]:
    return (api.CreateFlightRequest(flight_id=str(i)) for i in range(count))


def _error(code: grpc.StatusCode) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details="no")
