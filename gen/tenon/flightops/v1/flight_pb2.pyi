import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.api import resource_pb2 as _resource_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from tenon.options.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FlightOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FLIGHT_OUTCOME_UNSPECIFIED: _ClassVar[FlightOutcome]
    FLIGHT_OUTCOME_ARRIVED: _ClassVar[FlightOutcome]
    FLIGHT_OUTCOME_NO_ARRIVAL: _ClassVar[FlightOutcome]
    FLIGHT_OUTCOME_NEVER_LEFT: _ClassVar[FlightOutcome]
FLIGHT_OUTCOME_UNSPECIFIED: FlightOutcome
FLIGHT_OUTCOME_ARRIVED: FlightOutcome
FLIGHT_OUTCOME_NO_ARRIVAL: FlightOutcome
FLIGHT_OUTCOME_NEVER_LEFT: FlightOutcome

class Flight(_message.Message):
    __slots__ = ("name", "date", "airline", "number", "tail_number", "aircraft", "origin", "destination_code", "destination", "outcome", "departure_delay", "arrival_delay", "create_time", "update_time", "etag", "scheduled_departure_time", "departure_time", "scheduled_departure_minute", "departure_minute", "scheduled_arrival_minute", "arrival_minute", "air_time", "distance")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DATE_FIELD_NUMBER: _ClassVar[int]
    AIRLINE_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TAIL_NUMBER_FIELD_NUMBER: _ClassVar[int]
    AIRCRAFT_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_CODE_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    DEPARTURE_DELAY_FIELD_NUMBER: _ClassVar[int]
    ARRIVAL_DELAY_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_DEPARTURE_TIME_FIELD_NUMBER: _ClassVar[int]
    DEPARTURE_TIME_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_DEPARTURE_MINUTE_FIELD_NUMBER: _ClassVar[int]
    DEPARTURE_MINUTE_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_ARRIVAL_MINUTE_FIELD_NUMBER: _ClassVar[int]
    ARRIVAL_MINUTE_FIELD_NUMBER: _ClassVar[int]
    AIR_TIME_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    date: str
    airline: str
    number: int
    tail_number: str
    aircraft: str
    origin: str
    destination_code: str
    destination: str
    outcome: FlightOutcome
    departure_delay: int
    arrival_delay: int
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    etag: str
    scheduled_departure_time: _timestamp_pb2.Timestamp
    departure_time: _timestamp_pb2.Timestamp
    scheduled_departure_minute: int
    departure_minute: int
    scheduled_arrival_minute: int
    arrival_minute: int
    air_time: int
    distance: int
    def __init__(self, name: _Optional[str] = ..., date: _Optional[str] = ..., airline: _Optional[str] = ..., number: _Optional[int] = ..., tail_number: _Optional[str] = ..., aircraft: _Optional[str] = ..., origin: _Optional[str] = ..., destination_code: _Optional[str] = ..., destination: _Optional[str] = ..., outcome: _Optional[_Union[FlightOutcome, str]] = ..., departure_delay: _Optional[int] = ..., arrival_delay: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., etag: _Optional[str] = ..., scheduled_departure_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., departure_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., scheduled_departure_minute: _Optional[int] = ..., departure_minute: _Optional[int] = ..., scheduled_arrival_minute: _Optional[int] = ..., arrival_minute: _Optional[int] = ..., air_time: _Optional[int] = ..., distance: _Optional[int] = ...) -> None: ...
