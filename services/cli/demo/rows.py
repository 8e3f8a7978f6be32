"""The data set's rows as requests to create records, and a count of everything that the rows leave open.

Nothing is guessed and nothing is dropped: what a row does not say stays unset, a code that names no known record is
kept as it was reported, and each such case is counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from tenon.flightops.v1 import aircraft_pb2, airline_pb2, airport_pb2, flight_pb2, flightops_service_pb2

from services.cli.demo.dataset import ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from services.cli.demo.dataset import Dataset

DAYLIGHT_SAVINGS = {
    "A": airport_pb2.DAYLIGHT_SAVING_AMERICAN,
    "N": airport_pb2.DAYLIGHT_SAVING_NONE,
    "U": None,  # the table's own word for "unknown"
}

CATEGORIES = {
    "Fixed wing single engine": aircraft_pb2.AIRCRAFT_CATEGORY_SINGLE_ENGINE,
    "Fixed wing multi engine": aircraft_pb2.AIRCRAFT_CATEGORY_MULTI_ENGINE,
    "Rotorcraft": aircraft_pb2.AIRCRAFT_CATEGORY_ROTORCRAFT,
}

ENGINES = {
    "Turbo-fan": aircraft_pb2.ENGINE_TYPE_TURBO_FAN,
    "Turbo-jet": aircraft_pb2.ENGINE_TYPE_TURBO_JET,
    "Turbo-prop": aircraft_pb2.ENGINE_TYPE_TURBO_PROP,
    "Turbo-shaft": aircraft_pb2.ENGINE_TYPE_TURBO_SHAFT,
    "Reciprocating": aircraft_pb2.ENGINE_TYPE_RECIPROCATING,
    "4 Cycle": aircraft_pb2.ENGINE_TYPE_FOUR_CYCLE,
}


@dataclass(kw_only=True, slots=True)
class Census:
    """What the flights leave open, counted while they are read."""

    flights: int = 0
    """All flights."""
    without_aircraft: int = 0
    """Flights that no known aircraft flew."""
    without_tail_number: int = 0
    """Those of them that report no tail number at all."""
    unknown_tail_numbers: set[str] = field(default_factory=set)
    """The reported tail numbers that no known aircraft has."""
    without_destination: int = 0
    """Flights to an airport that is not listed."""
    unknown_destinations: set[str] = field(default_factory=set)
    """The codes of those airports."""
    never_left: int = 0
    """Flights that never left."""
    without_arrival: int = 0
    """Flights that left and whose arrival was not recorded."""

    def count(self, flight: flight_pb2.Flight) -> None:
        """Count one flight."""
        self.flights += 1
        if not flight.HasField("aircraft"):
            self.without_aircraft += 1
            if flight.HasField("tail_number"):
                self.unknown_tail_numbers.add(flight.tail_number)
            else:
                self.without_tail_number += 1
        if not flight.HasField("destination"):
            self.without_destination += 1
            self.unknown_destinations.add(flight.destination_code)
        self.never_left += flight.outcome == flight_pb2.FLIGHT_OUTCOME_NEVER_LEFT
        self.without_arrival += flight.outcome == flight_pb2.FLIGHT_OUTCOME_NO_ARRIVAL


def read_airlines(dataset: Dataset) -> Iterator[flightops_service_pb2.CreateAirlineRequest]:
    """Return a request for each airline."""
    for row in dataset.airlines():
        airline = airline_pb2.Airline(display_name=row["name"])
        yield flightops_service_pb2.CreateAirlineRequest(airline_id=row["carrier"], airline=airline)


def read_airports(dataset: Dataset) -> Iterator[flightops_service_pb2.CreateAirportRequest]:
    """Return a request for each airport."""
    for row in dataset.airports():
        airport = airport_pb2.Airport(
            display_name=row["name"],
            latitude=float(row["lat"]),
            longitude=float(row["lon"]),
            altitude=int(row["alt"]),
            utc_offset=int(row["tz"]) * 60,
            daylight_saving=DAYLIGHT_SAVINGS[row["dst"]],
            time_zone=_text(row["tzone"]),
        )
        yield flightops_service_pb2.CreateAirportRequest(airport_id=row["faa"], airport=airport)


def read_aircraft(dataset: Dataset) -> Iterator[flightops_service_pb2.CreateAircraftRequest]:
    """Return a request for each aircraft."""
    for row in dataset.planes():
        aircraft = aircraft_pb2.Aircraft(
            build_year=_number(row["year"]),
            category=CATEGORIES[row["type"]],
            manufacturer=row["manufacturer"],
            model=row["model"],
            engine_count=int(row["engines"]),
            seat_count=int(row["seats"]),
            cruising_speed=_number(row["speed"]),
            engine_type=ENGINES[row["engine"]],
        )
        yield flightops_service_pb2.CreateAircraftRequest(aircraft_id=row["tailnum"], aircraft=aircraft)


def read_flights(dataset: Dataset, census: Census) -> Iterator[flightops_service_pb2.CreateFlightRequest]:
    """Return a request for each flight, and count it. References are set where the data set has what they name."""
    tails = frozenset(row["tailnum"] for row in dataset.planes())
    airports = frozenset(row["faa"] for row in dataset.airports())
    for row in dataset.flights():
        flight = _read_flight(row, tails, airports)
        census.count(flight)
        identifier = f"{flight.date}-{row['carrier']}-{flight.number}-{row['origin']}"
        yield flightops_service_pb2.CreateFlightRequest(flight_id=identifier, flight=flight)


def _read_flight(row: Mapping[str, str], tails: frozenset[str], airports: frozenset[str]) -> flight_pb2.Flight:
    scheduled = _instant(row["time_hour"]) + int(row["minute"]) * 60
    delay = _number(row["dep_delay"])
    tail = _text(row["tailnum"])
    destination = row["dest"]
    flight = flight_pb2.Flight(
        date=f"{row['year']}-{int(row['month']):02}-{int(row['day']):02}",
        airline=f"airlines/{row['carrier']}",
        number=int(row["flight"]),
        tail_number=tail,
        aircraft=f"aircraft/{tail}" if tail in tails else None,
        origin=f"airports/{row['origin']}",
        destination_code=destination,
        destination=f"airports/{destination}" if destination in airports else None,
        outcome=_outcome(row),
        departure_delay=delay,
        arrival_delay=_number(row["arr_delay"]),
        scheduled_departure_minute=_minutes(row["sched_dep_time"]),
        departure_minute=_minute_of_day(row["dep_time"]),
        scheduled_arrival_minute=_minutes(row["sched_arr_time"]),
        arrival_minute=_minute_of_day(row["arr_time"]),
        air_time=_number(row["air_time"]),
        distance=int(row["distance"]),
    )
    flight.scheduled_departure_time.seconds = scheduled
    if delay is not None:
        # The table's local departure is the scheduled one and the delay, in each of its rows: a test holds this.
        flight.departure_time.seconds = scheduled + delay * 60
    return flight


def _outcome(row: Mapping[str, str]) -> flight_pb2.FlightOutcome.ValueType:
    if row["dep_time"] == ABSENT:
        return flight_pb2.FLIGHT_OUTCOME_NEVER_LEFT
    if row["arr_time"] == ABSENT:
        return flight_pb2.FLIGHT_OUTCOME_NO_ARRIVAL
    return flight_pb2.FLIGHT_OUTCOME_ARRIVED


def _text(text: str) -> str | None:
    return None if text == ABSENT else text


def _number(text: str) -> int | None:
    return None if text == ABSENT else int(text)


def _minute_of_day(clock: str) -> int | None:
    return None if clock == ABSENT else _minutes(clock)


@cache
def _minutes(clock: str) -> int:
    """Return the minutes since midnight of a clock such as `517` or `2400`, which is midnight as the day ends."""
    return int(clock) // 100 * 60 + int(clock) % 100


@cache
def _instant(text: str) -> int:
    """Return the seconds since 1970 of an hour such as `2013-01-01T10:00:00Z`."""
    return int(datetime.fromisoformat(text).timestamp())
