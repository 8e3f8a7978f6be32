from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.api import field_info_pb2 as _field_info_pb2
from google.api import resource_pb2 as _resource_pb2
from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from tenon.flightops.v1 import aircraft_pb2 as _aircraft_pb2
from tenon.flightops.v1 import airline_pb2 as _airline_pb2
from tenon.flightops.v1 import airport_pb2 as _airport_pb2
from tenon.flightops.v1 import flight_pb2 as _flight_pb2
from tenon.options.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetAirportRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListAirportsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "filter", "order_by")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    filter: str
    order_by: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., filter: _Optional[str] = ..., order_by: _Optional[str] = ...) -> None: ...

class ListAirportsResponse(_message.Message):
    __slots__ = ("airports", "next_page_token")
    AIRPORTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    airports: _containers.RepeatedCompositeFieldContainer[_airport_pb2.Airport]
    next_page_token: str
    def __init__(self, airports: _Optional[_Iterable[_Union[_airport_pb2.Airport, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CreateAirportRequest(_message.Message):
    __slots__ = ("airport_id", "airport", "request_id")
    AIRPORT_ID_FIELD_NUMBER: _ClassVar[int]
    AIRPORT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    airport_id: str
    airport: _airport_pb2.Airport
    request_id: str
    def __init__(self, airport_id: _Optional[str] = ..., airport: _Optional[_Union[_airport_pb2.Airport, _Mapping]] = ..., request_id: _Optional[str] = ...) -> None: ...

class UpdateAirportRequest(_message.Message):
    __slots__ = ("airport", "update_mask")
    AIRPORT_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    airport: _airport_pb2.Airport
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, airport: _Optional[_Union[_airport_pb2.Airport, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class DeleteAirportRequest(_message.Message):
    __slots__ = ("name", "etag")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    name: str
    etag: str
    def __init__(self, name: _Optional[str] = ..., etag: _Optional[str] = ...) -> None: ...

class BatchGetAirportsRequest(_message.Message):
    __slots__ = ("names",)
    NAMES_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, names: _Optional[_Iterable[str]] = ...) -> None: ...

class BatchGetAirportsResponse(_message.Message):
    __slots__ = ("airports",)
    AIRPORTS_FIELD_NUMBER: _ClassVar[int]
    airports: _containers.RepeatedCompositeFieldContainer[_airport_pb2.Airport]
    def __init__(self, airports: _Optional[_Iterable[_Union[_airport_pb2.Airport, _Mapping]]] = ...) -> None: ...

class BatchCreateAirportsRequest(_message.Message):
    __slots__ = ("requests", "request_id")
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[CreateAirportRequest]
    request_id: str
    def __init__(self, requests: _Optional[_Iterable[_Union[CreateAirportRequest, _Mapping]]] = ..., request_id: _Optional[str] = ...) -> None: ...

class BatchCreateAirportsResponse(_message.Message):
    __slots__ = ("airports",)
    AIRPORTS_FIELD_NUMBER: _ClassVar[int]
    airports: _containers.RepeatedCompositeFieldContainer[_airport_pb2.Airport]
    def __init__(self, airports: _Optional[_Iterable[_Union[_airport_pb2.Airport, _Mapping]]] = ...) -> None: ...

class GetAirlineRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListAirlinesRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "filter", "order_by")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    filter: str
    order_by: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., filter: _Optional[str] = ..., order_by: _Optional[str] = ...) -> None: ...

class ListAirlinesResponse(_message.Message):
    __slots__ = ("airlines", "next_page_token")
    AIRLINES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    airlines: _containers.RepeatedCompositeFieldContainer[_airline_pb2.Airline]
    next_page_token: str
    def __init__(self, airlines: _Optional[_Iterable[_Union[_airline_pb2.Airline, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CreateAirlineRequest(_message.Message):
    __slots__ = ("airline_id", "airline", "request_id")
    AIRLINE_ID_FIELD_NUMBER: _ClassVar[int]
    AIRLINE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    airline_id: str
    airline: _airline_pb2.Airline
    request_id: str
    def __init__(self, airline_id: _Optional[str] = ..., airline: _Optional[_Union[_airline_pb2.Airline, _Mapping]] = ..., request_id: _Optional[str] = ...) -> None: ...

class UpdateAirlineRequest(_message.Message):
    __slots__ = ("airline", "update_mask")
    AIRLINE_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    airline: _airline_pb2.Airline
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, airline: _Optional[_Union[_airline_pb2.Airline, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class DeleteAirlineRequest(_message.Message):
    __slots__ = ("name", "etag")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    name: str
    etag: str
    def __init__(self, name: _Optional[str] = ..., etag: _Optional[str] = ...) -> None: ...

class BatchGetAirlinesRequest(_message.Message):
    __slots__ = ("names",)
    NAMES_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, names: _Optional[_Iterable[str]] = ...) -> None: ...

class BatchGetAirlinesResponse(_message.Message):
    __slots__ = ("airlines",)
    AIRLINES_FIELD_NUMBER: _ClassVar[int]
    airlines: _containers.RepeatedCompositeFieldContainer[_airline_pb2.Airline]
    def __init__(self, airlines: _Optional[_Iterable[_Union[_airline_pb2.Airline, _Mapping]]] = ...) -> None: ...

class BatchCreateAirlinesRequest(_message.Message):
    __slots__ = ("requests", "request_id")
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[CreateAirlineRequest]
    request_id: str
    def __init__(self, requests: _Optional[_Iterable[_Union[CreateAirlineRequest, _Mapping]]] = ..., request_id: _Optional[str] = ...) -> None: ...

class BatchCreateAirlinesResponse(_message.Message):
    __slots__ = ("airlines",)
    AIRLINES_FIELD_NUMBER: _ClassVar[int]
    airlines: _containers.RepeatedCompositeFieldContainer[_airline_pb2.Airline]
    def __init__(self, airlines: _Optional[_Iterable[_Union[_airline_pb2.Airline, _Mapping]]] = ...) -> None: ...

class GetAircraftRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListAircraftRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "filter", "order_by")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    filter: str
    order_by: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., filter: _Optional[str] = ..., order_by: _Optional[str] = ...) -> None: ...

class ListAircraftResponse(_message.Message):
    __slots__ = ("aircraft", "next_page_token")
    AIRCRAFT_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    aircraft: _containers.RepeatedCompositeFieldContainer[_aircraft_pb2.Aircraft]
    next_page_token: str
    def __init__(self, aircraft: _Optional[_Iterable[_Union[_aircraft_pb2.Aircraft, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CreateAircraftRequest(_message.Message):
    __slots__ = ("aircraft_id", "aircraft", "request_id")
    AIRCRAFT_ID_FIELD_NUMBER: _ClassVar[int]
    AIRCRAFT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    aircraft_id: str
    aircraft: _aircraft_pb2.Aircraft
    request_id: str
    def __init__(self, aircraft_id: _Optional[str] = ..., aircraft: _Optional[_Union[_aircraft_pb2.Aircraft, _Mapping]] = ..., request_id: _Optional[str] = ...) -> None: ...

class UpdateAircraftRequest(_message.Message):
    __slots__ = ("aircraft", "update_mask")
    AIRCRAFT_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    aircraft: _aircraft_pb2.Aircraft
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, aircraft: _Optional[_Union[_aircraft_pb2.Aircraft, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class DeleteAircraftRequest(_message.Message):
    __slots__ = ("name", "etag")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    name: str
    etag: str
    def __init__(self, name: _Optional[str] = ..., etag: _Optional[str] = ...) -> None: ...

class BatchGetAircraftRequest(_message.Message):
    __slots__ = ("names",)
    NAMES_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, names: _Optional[_Iterable[str]] = ...) -> None: ...

class BatchGetAircraftResponse(_message.Message):
    __slots__ = ("aircraft",)
    AIRCRAFT_FIELD_NUMBER: _ClassVar[int]
    aircraft: _containers.RepeatedCompositeFieldContainer[_aircraft_pb2.Aircraft]
    def __init__(self, aircraft: _Optional[_Iterable[_Union[_aircraft_pb2.Aircraft, _Mapping]]] = ...) -> None: ...

class BatchCreateAircraftRequest(_message.Message):
    __slots__ = ("requests", "request_id")
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[CreateAircraftRequest]
    request_id: str
    def __init__(self, requests: _Optional[_Iterable[_Union[CreateAircraftRequest, _Mapping]]] = ..., request_id: _Optional[str] = ...) -> None: ...

class BatchCreateAircraftResponse(_message.Message):
    __slots__ = ("aircraft",)
    AIRCRAFT_FIELD_NUMBER: _ClassVar[int]
    aircraft: _containers.RepeatedCompositeFieldContainer[_aircraft_pb2.Aircraft]
    def __init__(self, aircraft: _Optional[_Iterable[_Union[_aircraft_pb2.Aircraft, _Mapping]]] = ...) -> None: ...

class GetFlightRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListFlightsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "filter", "order_by")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    filter: str
    order_by: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., filter: _Optional[str] = ..., order_by: _Optional[str] = ...) -> None: ...

class ListFlightsResponse(_message.Message):
    __slots__ = ("flights", "next_page_token")
    FLIGHTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    flights: _containers.RepeatedCompositeFieldContainer[_flight_pb2.Flight]
    next_page_token: str
    def __init__(self, flights: _Optional[_Iterable[_Union[_flight_pb2.Flight, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CreateFlightRequest(_message.Message):
    __slots__ = ("flight_id", "flight", "request_id")
    FLIGHT_ID_FIELD_NUMBER: _ClassVar[int]
    FLIGHT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    flight_id: str
    flight: _flight_pb2.Flight
    request_id: str
    def __init__(self, flight_id: _Optional[str] = ..., flight: _Optional[_Union[_flight_pb2.Flight, _Mapping]] = ..., request_id: _Optional[str] = ...) -> None: ...

class UpdateFlightRequest(_message.Message):
    __slots__ = ("flight", "update_mask")
    FLIGHT_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    flight: _flight_pb2.Flight
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, flight: _Optional[_Union[_flight_pb2.Flight, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class DeleteFlightRequest(_message.Message):
    __slots__ = ("name", "etag")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    name: str
    etag: str
    def __init__(self, name: _Optional[str] = ..., etag: _Optional[str] = ...) -> None: ...

class BatchGetFlightsRequest(_message.Message):
    __slots__ = ("names",)
    NAMES_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, names: _Optional[_Iterable[str]] = ...) -> None: ...

class BatchGetFlightsResponse(_message.Message):
    __slots__ = ("flights",)
    FLIGHTS_FIELD_NUMBER: _ClassVar[int]
    flights: _containers.RepeatedCompositeFieldContainer[_flight_pb2.Flight]
    def __init__(self, flights: _Optional[_Iterable[_Union[_flight_pb2.Flight, _Mapping]]] = ...) -> None: ...

class BatchCreateFlightsRequest(_message.Message):
    __slots__ = ("requests", "request_id")
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[CreateFlightRequest]
    request_id: str
    def __init__(self, requests: _Optional[_Iterable[_Union[CreateFlightRequest, _Mapping]]] = ..., request_id: _Optional[str] = ...) -> None: ...

class BatchCreateFlightsResponse(_message.Message):
    __slots__ = ("flights",)
    FLIGHTS_FIELD_NUMBER: _ClassVar[int]
    flights: _containers.RepeatedCompositeFieldContainer[_flight_pb2.Flight]
    def __init__(self, flights: _Optional[_Iterable[_Union[_flight_pb2.Flight, _Mapping]]] = ...) -> None: ...
