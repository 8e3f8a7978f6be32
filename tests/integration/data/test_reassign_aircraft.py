"""The method of flightops that is written in Python, beside the engine that serves all the others."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from services.chassis.contract import REPOSITORY, read_contract
from services.chassis.contract.custom import find_custom
from services.chassis.errors import NotFound
from services.data.methods.flightops import MOST_NEAR, FlightsOverlap, FlightsTooMany, blocks
from services.records.engine import Engine
from services.records.methods import load_methods
from tests.integration.records.library import KEYRING, SYSTEM, Library, user

if TYPE_CHECKING:
    from services.chassis.call import Caller
    from services.chassis.postgres import Pool

PACKAGE = "tenon.flightops.v1"
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
ID = "9f1c1e9e-6c52-4c9e-8f4e-1d5a0f0f4a11"


class Airline(Library):
    """Calls flightops as data serves it."""

    async def send(self, method: str, caller: Caller | None = None, **fields: Any) -> bytes:
        handler = self.handlers.get(self.service + method)
        if handler is None:
            return await super().send(method, caller, **fields)
        request = handler.request_type(**fields)
        answer: bytes = await handler.function(request, self.call(method, caller))  # type: ignore[misc]
        return answer

    def serve(self) -> None:
        self.handlers = load_methods(find_custom(), self.engine)

    async def aircraft(self, *tails: str) -> None:
        for tail in tails:
            body = {"category": 2, "manufacturer": "BOEING", "model": "737"}
            await self.do("CreateAircraft", aircraft_id=tail, aircraft=body)

    async def flight(self, number: int, aircraft: str, hours: float, **more: Any) -> str:
        body = {
            "date": "2030-01-01",
            "airline": "airlines/UA",
            "number": number,
            "origin": "airports/EWR",
            "destination_code": "SFO",
            "outcome": 1,
            "aircraft": aircraft,
            "scheduled_departure_time": NOON + timedelta(hours=hours),
            "air_time": 60,
            **more,
        }
        return str((await self.do("CreateFlight", flight_id=f"f{number}", flight=body)).name)

    async def blocks_of(self, aircraft: str) -> list[Any]:
        page = await self.do("ListFlights", filter=f'aircraft = "{aircraft}"', page_size=1000)
        return blocks(page.flights)


@pytest.fixture
async def airline(pool: Pool) -> Airline:
    contract = read_contract(REPOSITORY / "gen" / "contract.binpb")
    engine = Engine(contract, host="data", pool=pool, keyring=KEYRING)
    await engine.migrate()
    found = Airline(engine, contract, PACKAGE, f"/{PACKAGE}.FlightopsService/")
    found.serve()
    await found.do("CreateAirline", SYSTEM, airline_id="UA", airline={"display_name": "United"})
    await found.do("CreateAirport", SYSTEM, airport_id="EWR", airport={"display_name": "Newark"})
    await found.aircraft("N1", "N2", "N3")
    return found


async def test_flights_get_the_aircraft_in_the_order_of_the_request(airline: Airline) -> None:
    first, second = await airline.flight(1, "aircraft/N1", 0), await airline.flight(2, "aircraft/N1", 3)
    answer = await airline.do("ReassignAircraft", flights=[second, first], aircraft="aircraft/N2")
    assert [(each.name, each.aircraft, each.tail_number) for each in answer.flights] == [
        (second, "aircraft/N2", "N2"),
        (first, "aircraft/N2", "N2"),
    ]
    stored = await airline.do("GetFlight", name=first)
    assert stored == answer.flights[1]
    events = await airline.engine.pool.fetch("SELECT type, actor FROM data.outbox WHERE revision = 2")
    assert {tuple(event) for event in events} == {("flightops.tenon/Flight.updated", "users/1")}


async def test_an_aircraft_is_never_in_two_flights(airline: Airline) -> None:
    there = await airline.flight(1, "aircraft/N2", 0)
    meets, free = await airline.flight(2, "aircraft/N1", 1), await airline.flight(3, "aircraft/N1", 9)
    with pytest.raises(FlightsOverlap, match="would be in `flights/f2` and in `flights/f1` at once") as refused:
        await airline.do("ReassignAircraft", flights=[meets, free], aircraft="aircraft/N2")
    assert [violation.field for violation in refused.value.violations] == [there]
    assert [block.flight for block in await airline.blocks_of("aircraft/N2")] == [there], "and nothing was changed"


async def test_flights_that_meet_each_other_are_refused(airline: Airline) -> None:
    names = [await airline.flight(number, f"aircraft/N{number}", number / 2) for number in (1, 2)]
    with pytest.raises(FlightsOverlap):
        await airline.do("ReassignAircraft", flights=names, aircraft="aircraft/N3")


async def test_a_flight_that_never_left_is_in_nobodys_way(airline: Airline) -> None:
    await airline.flight(1, "aircraft/N2", 0, outcome=3)
    name = await airline.flight(2, "aircraft/N1", 0)
    await airline.do("ReassignAircraft", flights=[name], aircraft="aircraft/N2")


async def test_what_is_not_there_is_not_found(airline: Airline) -> None:
    name = await airline.flight(1, "aircraft/N1", 0)
    with pytest.raises(NotFound, match="aircraft/N9"):
        await airline.do("ReassignAircraft", flights=[name], aircraft="aircraft/N9")
    with pytest.raises(NotFound, match="flights/f9"):
        await airline.do("ReassignAircraft", flights=[name, "flights/f9"], aircraft="aircraft/N2")
    with pytest.raises(NotFound, match="aircraft/N2"):
        await airline.do("ReassignAircraft", user("other"), flights=[name], aircraft="aircraft/N2")


async def test_a_repeat_has_the_first_answer_and_no_second_effect(airline: Airline) -> None:
    name = await airline.flight(1, "aircraft/N1", 0)
    sent: dict[str, Any] = {"flights": [name], "aircraft": "aircraft/N2", "request_id": ID}
    answers = await asyncio.gather(*(airline.send("ReassignAircraft", **sent) for _ in range(6)))
    await airline.do("ReassignAircraft", flights=[name], aircraft="aircraft/N3")
    assert {*answers, await airline.send("ReassignAircraft", **sent)} == {answers[0]}
    assert (await airline.do("GetFlight", name=name)).aircraft == "aircraft/N3"


async def test_two_who_race_for_one_aircraft_never_put_it_in_two_flights(airline: Airline) -> None:
    """Each round gives N3 to two flights that meet, at once: one wins, and the aircraft is in one flight alone."""
    for turn in range(6):
        hours = turn * 5
        names = [await airline.flight(10 * turn + n, f"aircraft/N{n}", hours + n / 4) for n in (1, 2)]
        found = await asyncio.gather(
            *(airline.do("ReassignAircraft", flights=[name], aircraft="aircraft/N3") for name in names),
            return_exceptions=True,
        )
        assert sorted(isinstance(each, FlightsOverlap) for each in found) == [False, True], found
    flown = await airline.blocks_of("aircraft/N3")
    assert len(flown) == 6
    assert not any(one.meets(other) for place, one in enumerate(flown) for other in flown[place + 1 :])


async def test_more_flights_than_can_be_looked_at_are_refused_and_not_overlooked(airline: Airline) -> None:
    first = await airline.flight(1, "aircraft/N1", 0)
    body = {
        "date": "2030-01-01",
        "airline": "airlines/UA",
        "origin": "airports/EWR",
        "destination_code": "SFO",
        "outcome": 1,
        "aircraft": "aircraft/N2",
        "scheduled_departure_time": NOON + timedelta(hours=30),
        "air_time": 60,
    }
    for thousand in range(MOST_NEAR // 1000 + 1):
        numbers = range(thousand * 1000, (thousand + 1) * 1000)
        requests = [{"flight_id": f"m{number}", "flight": {**body, "number": number % 9000 + 1}} for number in numbers]
        await airline.do("BatchCreateFlights", requests=requests)
    with pytest.raises(FlightsTooMany, match="`aircraft/N2` has more than 5,000 flights from 2029-12-30 to 2030-01-03"):
        await airline.do("ReassignAircraft", flights=[first], aircraft="aircraft/N2")
