"""What no rule derives of flightops: giving flights to another aircraft without putting it in two places at once.

A flight keeps its aircraft from its departure, the actual one where it is known, for its time in the air and half an
hour on the ground. Where the time in the air is unknown, the distance tells it at eight miles a minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from services.chassis.errors import FailedPrecondition, Violation
from services.records.methods import Methods
from services.records.session import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from services.chassis.call import Call
    from services.records.session import Session

PACKAGE = "tenon.flightops.v1"
TURNAROUND = timedelta(minutes=30)
MILES_A_MINUTE = 8
LONGEST = timedelta(days=2)
"""No flight keeps its aircraft longer after its scheduled departure, however late it leaves."""
MOST_NEAR = 5000
"""The most flights of an aircraft that are looked at in one stretch of time: two years of seven a day."""


class FlightsOverlap(FailedPrecondition):
    """An aircraft would be in two flights at once."""

    reason = "FLIGHTS_OVERLAP"
    domain = "flightops.tenon"


class FlightsTooMany(FailedPrecondition):
    """An aircraft has more flights around those that it is to get than can be looked at."""

    reason = "FLIGHTS_TOO_MANY"
    domain = "flightops.tenon"

    def __init__(self, aircraft: str, start: datetime, end: datetime) -> None:
        """Take the aircraft, and the time in which it has them."""
        super().__init__(
            f"`{aircraft}` has more than {MOST_NEAR:,} flights from {start:%Y-%m-%d} to {end:%Y-%m-%d}. "
            "Give it flights of fewer days at once.",
            metadata={"aircraft": aircraft},
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """The time for which a flight keeps its aircraft."""

    flight: str
    """Name of the flight."""
    start: datetime
    """When it begins."""
    end: datetime
    """When the aircraft is free again."""

    def meets(self, other: Block) -> bool:
        """Whether two flights cannot have one aircraft."""
        return self.start < other.end and other.start < self.end


class FlightopsServiceMethods(Methods):
    """The methods of FlightopsService that are written."""

    async def ReassignAircraft(self, request: Any, call: Call) -> bytes:  # noqa: N802 - the name of its RPC
        """Give flights to another aircraft."""

        async def reassign(session: Session) -> Any:
            # Whoever gives flights to this aircraft waits here for whoever does so already.
            await session.get(f"{PACKAGE}.Aircraft", request.aircraft, lock=True)
            flights = await session.get_all(f"{PACKAGE}.Flight", request.flights, lock=True)
            moved = [flight for flight in flights.values() if not self._stays(flight)]
            refuse_overlaps(request.aircraft, blocks(moved), await self._others(session, request.aircraft, moved))
            for flight in flights.values():
                flight.aircraft = request.aircraft
                flight.tail_number = request.aircraft.rpartition("/")[2][:10]
                await session.update(flight)
            return self.messages(f"{PACKAGE}.ReassignAircraftResponse")(flights=flights.values())

        return await self.records.transact(request, call, reassign)

    async def _others(self, session: Session, aircraft: str, moved: Sequence[Any]) -> list[Block]:
        """Return what the aircraft does around the flights that it is to get."""
        ours = {flight.name for flight in moved}
        found: dict[str, Any] = {}
        for start, end in spans(moved):
            time = "scheduled_departure_time"
            text = f'aircraft = {quote(aircraft)} {time} >= "{start.isoformat()}" {time} <= "{end.isoformat()}"'
            near = await session.find(f"{PACKAGE}.Flight", text, limit=MOST_NEAR + 1)
            if len(near) > MOST_NEAR:
                raise FlightsTooMany(aircraft, start, end)
            found |= {flight.name: flight for flight in near}
        return blocks(flight for name, flight in found.items() if name not in ours and not self._stays(flight))

    def _stays(self, flight: Any) -> bool:
        """Whether a flight never left, and so keeps no aircraft."""
        outcomes = flight.DESCRIPTOR.fields_by_name["outcome"].enum_type.values_by_name
        return bool(flight.outcome == outcomes["FLIGHT_OUTCOME_NEVER_LEFT"].number)


def blocks(flights: Iterable[Any]) -> list[Block]:
    """Return for which time each flight keeps its aircraft, the earliest first."""
    return sorted((block_of(flight) for flight in flights), key=lambda block: (block.start, block.flight))


def block_of(flight: Any) -> Block:
    """Return for which time a flight keeps its aircraft."""
    known = flight.HasField("departure_time")
    start = (flight.departure_time if known else flight.scheduled_departure_time).ToDatetime(tzinfo=UTC)
    minutes = flight.air_time if flight.HasField("air_time") else flight.distance / MILES_A_MINUTE
    return Block(flight=flight.name, start=start, end=start + timedelta(minutes=minutes) + TURNAROUND)


def spans(flights: Iterable[Any]) -> list[tuple[datetime, datetime]]:
    """Return the times around scheduled departures in which others could be in the way, joined where they meet."""
    times = sorted(flight.scheduled_departure_time.ToDatetime(tzinfo=UTC) for flight in flights)
    joined: list[tuple[datetime, datetime]] = []
    for time in times:
        start, end = time - LONGEST, time + LONGEST
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def refuse_overlaps(aircraft: str, moved: Sequence[Block], others: Sequence[Block]) -> None:
    """Refuse flights that meet each other, or others of the aircraft; raises FlightsOverlap with all that meet."""
    rivals = ((one, other) for place, one in enumerate(moved) for other in (*moved[place + 1 :], *others))
    pairs = [(one, other) for one, other in rivals if one.meets(other)]
    if not pairs:
        return
    violations = [
        Violation(field=other.flight, description=f"It meets `{one.flight}`.", reason=FlightsOverlap.reason)
        for one, other in pairs
    ]
    first, other = pairs[0]
    more = f", and {len(pairs) - 1} more" if len(pairs) > 1 else ""
    raise FlightsOverlap(
        f"`{aircraft}` would be in `{first.flight}` and in `{other.flight}` at once{more}. Choose another aircraft.",
        violations=violations,
        metadata={"aircraft": aircraft, "flights": ", ".join(dict.fromkeys(other.flight for _, other in pairs))},
    )
