"""The flight as a pydantic model, with the fields and the JSON names of ours."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic reads the annotation
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Outcome(StrEnum):
    """How far a flight came; in the order of our numbers."""

    UNSPECIFIED = "FLIGHT_OUTCOME_UNSPECIFIED"
    ARRIVED = "FLIGHT_OUTCOME_ARRIVED"
    NO_ARRIVAL = "FLIGHT_OUTCOME_NO_ARRIVAL"
    NEVER_LEFT = "FLIGHT_OUTCOME_NEVER_LEFT"


class NewFlight(BaseModel):
    """What a client sends to create a flight."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    date: str = Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")
    airline: str = Field(min_length=1, max_length=512)
    number: int = Field(ge=1, le=9999)
    tail_number: str | None = Field(default=None, min_length=1, max_length=10)
    aircraft: str | None = None
    origin: str = Field(min_length=1, max_length=512)
    destination_code: str = Field(min_length=3, max_length=4)
    destination: str | None = None
    outcome: Outcome
    departure_delay: int | None = None
    arrival_delay: int | None = None
    scheduled_departure_time: datetime
    departure_time: datetime | None = None
    scheduled_departure_minute: int = Field(default=0, ge=0, le=1440)
    departure_minute: int | None = Field(default=None, ge=0, le=1440)
    scheduled_arrival_minute: int = Field(default=0, ge=0, le=1440)
    arrival_minute: int | None = Field(default=None, ge=0, le=1440)
    air_time: int | None = Field(default=None, ge=0)
    distance: int = Field(default=0, ge=0)


class Flight(NewFlight):
    """A flight as it is kept and answered."""

    name: str
    create_time: datetime
    update_time: datetime
    etag: str


class Page(BaseModel):
    """A page of flights."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    flights: list[Flight]
    next_page_token: str


COLUMNS = (
    "name",
    *NewFlight.model_fields,
    "create_time",
    "update_time",
    "etag",
)
"""The columns of the plain table, in the order of the statements."""
