import datetime

from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.api import resource_pb2 as _resource_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Scope(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SCOPE_UNSPECIFIED: _ClassVar[Scope]
    SCOPE_ORGANIZATION: _ClassVar[Scope]
    SCOPE_OWNER: _ClassVar[Scope]
    SCOPE_GLOBAL: _ClassVar[Scope]
SCOPE_UNSPECIFIED: Scope
SCOPE_ORGANIZATION: Scope
SCOPE_OWNER: Scope
SCOPE_GLOBAL: Scope

class Contract(_message.Message):
    __slots__ = ("name", "package", "host", "files", "fingerprint", "interfaces", "resources", "migration")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PACKAGE_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    INTERFACES_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    MIGRATION_FIELD_NUMBER: _ClassVar[int]
    name: str
    package: str
    host: str
    files: _containers.RepeatedScalarFieldContainer[str]
    fingerprint: str
    interfaces: _containers.RepeatedCompositeFieldContainer[Interface]
    resources: _containers.RepeatedCompositeFieldContainer[Resource]
    migration: Migration
    def __init__(self, name: _Optional[str] = ..., package: _Optional[str] = ..., host: _Optional[str] = ..., files: _Optional[_Iterable[str]] = ..., fingerprint: _Optional[str] = ..., interfaces: _Optional[_Iterable[_Union[Interface, _Mapping]]] = ..., resources: _Optional[_Iterable[_Union[Resource, _Mapping]]] = ..., migration: _Optional[_Union[Migration, _Mapping]] = ...) -> None: ...

class Interface(_message.Message):
    __slots__ = ("service", "methods")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    METHODS_FIELD_NUMBER: _ClassVar[int]
    service: str
    methods: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, service: _Optional[str] = ..., methods: _Optional[_Iterable[str]] = ...) -> None: ...

class Resource(_message.Message):
    __slots__ = ("type", "message", "patterns", "scope", "table")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PATTERNS_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    TABLE_FIELD_NUMBER: _ClassVar[int]
    type: str
    message: str
    patterns: _containers.RepeatedScalarFieldContainer[str]
    scope: Scope
    table: str
    def __init__(self, type: _Optional[str] = ..., message: _Optional[str] = ..., patterns: _Optional[_Iterable[str]] = ..., scope: _Optional[_Union[Scope, str]] = ..., table: _Optional[str] = ...) -> None: ...

class Migration(_message.Message):
    __slots__ = ("fingerprint", "apply_time", "statements")
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    APPLY_TIME_FIELD_NUMBER: _ClassVar[int]
    STATEMENTS_FIELD_NUMBER: _ClassVar[int]
    fingerprint: str
    apply_time: _timestamp_pb2.Timestamp
    statements: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, fingerprint: _Optional[str] = ..., apply_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., statements: _Optional[_Iterable[str]] = ...) -> None: ...
