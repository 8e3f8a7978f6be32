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

class AircraftCategory(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AIRCRAFT_CATEGORY_UNSPECIFIED: _ClassVar[AircraftCategory]
    AIRCRAFT_CATEGORY_SINGLE_ENGINE: _ClassVar[AircraftCategory]
    AIRCRAFT_CATEGORY_MULTI_ENGINE: _ClassVar[AircraftCategory]
    AIRCRAFT_CATEGORY_ROTORCRAFT: _ClassVar[AircraftCategory]

class EngineType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ENGINE_TYPE_UNSPECIFIED: _ClassVar[EngineType]
    ENGINE_TYPE_TURBO_FAN: _ClassVar[EngineType]
    ENGINE_TYPE_TURBO_JET: _ClassVar[EngineType]
    ENGINE_TYPE_TURBO_PROP: _ClassVar[EngineType]
    ENGINE_TYPE_TURBO_SHAFT: _ClassVar[EngineType]
    ENGINE_TYPE_RECIPROCATING: _ClassVar[EngineType]
    ENGINE_TYPE_FOUR_CYCLE: _ClassVar[EngineType]
AIRCRAFT_CATEGORY_UNSPECIFIED: AircraftCategory
AIRCRAFT_CATEGORY_SINGLE_ENGINE: AircraftCategory
AIRCRAFT_CATEGORY_MULTI_ENGINE: AircraftCategory
AIRCRAFT_CATEGORY_ROTORCRAFT: AircraftCategory
ENGINE_TYPE_UNSPECIFIED: EngineType
ENGINE_TYPE_TURBO_FAN: EngineType
ENGINE_TYPE_TURBO_JET: EngineType
ENGINE_TYPE_TURBO_PROP: EngineType
ENGINE_TYPE_TURBO_SHAFT: EngineType
ENGINE_TYPE_RECIPROCATING: EngineType
ENGINE_TYPE_FOUR_CYCLE: EngineType

class Aircraft(_message.Message):
    __slots__ = ("name", "build_year", "category", "manufacturer", "model", "engine_count", "seat_count", "cruising_speed", "engine_type", "create_time", "update_time", "etag")
    NAME_FIELD_NUMBER: _ClassVar[int]
    BUILD_YEAR_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    MANUFACTURER_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ENGINE_COUNT_FIELD_NUMBER: _ClassVar[int]
    SEAT_COUNT_FIELD_NUMBER: _ClassVar[int]
    CRUISING_SPEED_FIELD_NUMBER: _ClassVar[int]
    ENGINE_TYPE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    name: str
    build_year: int
    category: AircraftCategory
    manufacturer: str
    model: str
    engine_count: int
    seat_count: int
    cruising_speed: int
    engine_type: EngineType
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    etag: str
    def __init__(self, name: _Optional[str] = ..., build_year: _Optional[int] = ..., category: _Optional[_Union[AircraftCategory, str]] = ..., manufacturer: _Optional[str] = ..., model: _Optional[str] = ..., engine_count: _Optional[int] = ..., seat_count: _Optional[int] = ..., cruising_speed: _Optional[int] = ..., engine_type: _Optional[_Union[EngineType, str]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., etag: _Optional[str] = ...) -> None: ...
