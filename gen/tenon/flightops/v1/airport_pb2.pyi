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

class DaylightSaving(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DAYLIGHT_SAVING_UNSPECIFIED: _ClassVar[DaylightSaving]
    DAYLIGHT_SAVING_AMERICAN: _ClassVar[DaylightSaving]
    DAYLIGHT_SAVING_EUROPEAN: _ClassVar[DaylightSaving]
    DAYLIGHT_SAVING_OTHER: _ClassVar[DaylightSaving]
    DAYLIGHT_SAVING_NONE: _ClassVar[DaylightSaving]
DAYLIGHT_SAVING_UNSPECIFIED: DaylightSaving
DAYLIGHT_SAVING_AMERICAN: DaylightSaving
DAYLIGHT_SAVING_EUROPEAN: DaylightSaving
DAYLIGHT_SAVING_OTHER: DaylightSaving
DAYLIGHT_SAVING_NONE: DaylightSaving

class Airport(_message.Message):
    __slots__ = ("name", "display_name", "latitude", "longitude", "altitude", "utc_offset", "daylight_saving", "time_zone", "create_time", "update_time", "etag")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    LATITUDE_FIELD_NUMBER: _ClassVar[int]
    LONGITUDE_FIELD_NUMBER: _ClassVar[int]
    ALTITUDE_FIELD_NUMBER: _ClassVar[int]
    UTC_OFFSET_FIELD_NUMBER: _ClassVar[int]
    DAYLIGHT_SAVING_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    name: str
    display_name: str
    latitude: float
    longitude: float
    altitude: int
    utc_offset: int
    daylight_saving: DaylightSaving
    time_zone: str
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    etag: str
    def __init__(self, name: _Optional[str] = ..., display_name: _Optional[str] = ..., latitude: _Optional[float] = ..., longitude: _Optional[float] = ..., altitude: _Optional[int] = ..., utc_offset: _Optional[int] = ..., daylight_saving: _Optional[_Union[DaylightSaving, str]] = ..., time_zone: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., etag: _Optional[str] = ...) -> None: ...
