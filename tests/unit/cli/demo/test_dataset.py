"""The data set is what the loading takes it for: each figure here is read from the pinned archive."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from tenon.flightops.v1 import flight_pb2

from services.cli.demo.archive import ArchiveMissing, read_archive, read_pin
from services.cli.demo.dataset import Dataset
from services.cli.demo.rows import Census, read_aircraft, read_airlines, read_airports, read_flights

Flights = tuple[Census, list[tuple[str, flight_pb2.Flight]]]

NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    try:
        return Dataset(read_archive(read_pin()))
    except ArchiveMissing as error:
        pytest.skip(f"the archive is not fetched: {error}")


@pytest.fixture(scope="module")
def flights(dataset: Dataset) -> Flights:
    census = Census()
    return census, [(request.flight_id, request.flight) for request in read_flights(dataset, census)]


def test_the_tables_have_as_many_rows_as_the_demo_promises(dataset: Dataset, flights: Flights) -> None:
    assert len(list(read_airlines(dataset))) == 16
    assert len(list(read_airports(dataset))) == 1458
    assert len(list(read_aircraft(dataset))) == 3322
    assert len(flights[1]) == 336_776


def test_every_gap_of_the_flights_is_counted(flights: Flights) -> None:
    census, _ = flights
    assert census.flights == 336_776
    assert census.without_aircraft == 52_606
    assert census.without_tail_number == 2_512
    assert len(census.unknown_tail_numbers) == 721
    assert census.without_destination == 7_602
    assert census.unknown_destinations == {"BQN", "PSE", "SJU", "STT"}
    assert census.never_left == 8_255
    assert census.without_arrival == 458


def test_date_carrier_number_and_origin_name_one_flight(flights: Flights) -> None:
    repeated = [name for name, times in Counter(name for name, _ in flights[1]).items() if times > 1]
    assert repeated == []


def test_ids_of_the_other_tables_are_unique(dataset: Dataset) -> None:
    for ids in (
        [request.airline_id for request in read_airlines(dataset)],
        [request.airport_id for request in read_airports(dataset)],
        [request.aircraft_id for request in read_aircraft(dataset)],
    ):
        assert len(set(ids)) == len(ids)


def test_references_that_are_set_resolve(dataset: Dataset, flights: Flights) -> None:
    airlines = {f"airlines/{request.airline_id}" for request in read_airlines(dataset)}
    airports = {f"airports/{request.airport_id}" for request in read_airports(dataset)}
    aircraft = {f"aircraft/{request.aircraft_id}" for request in read_aircraft(dataset)}
    rows = [flight for _, flight in flights[1]]
    assert {flight.airline for flight in rows} <= airlines
    assert {flight.origin for flight in rows} <= airports
    assert {flight.destination for flight in rows if flight.HasField("destination")} <= airports
    assert {flight.aircraft for flight in rows if flight.HasField("aircraft")} <= aircraft


def test_a_departure_is_the_same_by_its_instant_and_by_the_clock_on_the_wall(flights: Flights) -> None:
    for _, flight in flights[1]:
        local = _local(flight.scheduled_departure_time.seconds)
        assert (local.date().isoformat(), local.hour * 60 + local.minute) == (
            flight.date,
            flight.scheduled_departure_minute,
        )
        assert flight.HasField("departure_time") == flight.HasField("departure_minute")
        if flight.HasField("departure_time"):
            left = _local(flight.departure_time.seconds)
            # The table writes midnight as 2400, which is the end of the day and not its beginning.
            assert left.hour * 60 + left.minute == flight.departure_minute % 1440


def test_absent_values_are_unset_and_never_a_code(dataset: Dataset, flights: Flights) -> None:
    assert not any("NA" in (flight.tail_number, flight.destination_code) for _, flight in flights[1])
    assert sum(not request.aircraft.HasField("build_year") for request in read_aircraft(dataset)) == 70
    assert sum(not request.airport.HasField("time_zone") for request in read_airports(dataset)) == 3
    never_left = [flight for _, flight in flights[1] if flight.outcome == flight_pb2.FLIGHT_OUTCOME_NEVER_LEFT]
    assert not any(flight.HasField("departure_delay") or flight.HasField("air_time") for flight in never_left)


def test_midnight_as_the_day_ends_stays_apart_from_its_beginning(flights: Flights) -> None:
    assert sum(flight.arrival_minute == 1440 for _, flight in flights[1]) == 150
    assert not any(flight.HasField("arrival_minute") and flight.arrival_minute == 0 for _, flight in flights[1])


def _local(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).astimezone(NEW_YORK)
