"""The demo's flights: every row arrives once, and the report drops nothing in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.stack import Stack, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

# Counted from the archive; the unit tests of the demo count them again.
REPORTED = ["336,776", "52,606", "2,512", "721", "7,602", "8,255"]


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own, with all flights loaded."""
    stack = Stack(home=tmp_path_factory.mktemp("flights") / "home", port=free_port())
    stack.start()
    yield stack
    stack.stop()


def count(stack: Stack, collection: str, expression: str = "") -> int:
    """Count the rows of a list by turning its pages."""
    found, token = 0, ""
    with stack.client(stack.token()) as client:
        while True:
            params: dict[str, str | int] = {"pageSize": 1000, "pageToken": token, "filter": expression}
            page = client.get(f"/flightops/v1/{collection}", params=params).json()
            found += len(page[collection])
            if not (token := page["nextPageToken"]):
                return found


def test_all_flights_are_loaded_once_and_running_it_again_changes_nothing(flights: Stack) -> None:
    first = flights.tenon("demo", "flights").stdout
    for number in REPORTED:
        assert number in first, first
    with flights.client(flights.token()) as client:
        before = client.get("/flightops/v1/flights?pageSize=3").json()["flights"]
    second = flights.tenon("demo", "flights").stdout
    for number in REPORTED:
        assert number in second, second
    with flights.client(flights.token()) as client:
        assert client.get("/flightops/v1/flights?pageSize=3").json()["flights"] == before
    assert count(flights, "airlines") == 16
    assert count(flights, "airports") == 1458
    assert count(flights, "aircraft") == 3322
    assert count(flights, "flights", 'airline = "airlines/HA"') == 342
