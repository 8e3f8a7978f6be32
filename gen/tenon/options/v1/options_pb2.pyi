import datetime

from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Per(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PER_UNSPECIFIED: _ClassVar[Per]
    PER_SUBJECT: _ClassVar[Per]
    PER_ADDRESS: _ClassVar[Per]
    PER_ORGANIZATION: _ClassVar[Per]

class Audit(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AUDIT_UNSPECIFIED: _ClassVar[Audit]
    AUDIT_NONE: _ClassVar[Audit]
    AUDIT_WRITES: _ClassVar[Audit]
    AUDIT_ALL: _ClassVar[Audit]

class Scope(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SCOPE_UNSPECIFIED: _ClassVar[Scope]
    SCOPE_ORGANIZATION: _ClassVar[Scope]
    SCOPE_OWNER: _ClassVar[Scope]
    SCOPE_GLOBAL: _ClassVar[Scope]
PER_UNSPECIFIED: Per
PER_SUBJECT: Per
PER_ADDRESS: Per
PER_ORGANIZATION: Per
AUDIT_UNSPECIFIED: Audit
AUDIT_NONE: Audit
AUDIT_WRITES: Audit
AUDIT_ALL: Audit
SCOPE_UNSPECIFIED: Scope
SCOPE_ORGANIZATION: Scope
SCOPE_OWNER: Scope
SCOPE_GLOBAL: Scope
RULE_FIELD_NUMBER: _ClassVar[int]
rule: _descriptor.FieldDescriptor
TRANSITION_FIELD_NUMBER: _ClassVar[int]
transition: _descriptor.FieldDescriptor
RECORD_FIELD_NUMBER: _ClassVar[int]
record: _descriptor.FieldDescriptor
FIELD_FIELD_NUMBER: _ClassVar[int]
field: _descriptor.FieldDescriptor

class Rule(_message.Message):
    __slots__ = ("public", "authenticated", "permission", "internal", "limit", "timeout", "step_up", "audit")
    PUBLIC_FIELD_NUMBER: _ClassVar[int]
    AUTHENTICATED_FIELD_NUMBER: _ClassVar[int]
    PERMISSION_FIELD_NUMBER: _ClassVar[int]
    INTERNAL_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    STEP_UP_FIELD_NUMBER: _ClassVar[int]
    AUDIT_FIELD_NUMBER: _ClassVar[int]
    public: str
    authenticated: str
    permission: str
    internal: Internal
    limit: Limit
    timeout: _duration_pb2.Duration
    step_up: StepUp
    audit: Audit
    def __init__(self, public: _Optional[str] = ..., authenticated: _Optional[str] = ..., permission: _Optional[str] = ..., internal: _Optional[_Union[Internal, _Mapping]] = ..., limit: _Optional[_Union[Limit, _Mapping]] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., step_up: _Optional[_Union[StepUp, _Mapping]] = ..., audit: _Optional[_Union[Audit, str]] = ...) -> None: ...

class Internal(_message.Message):
    __slots__ = ("callers",)
    CALLERS_FIELD_NUMBER: _ClassVar[int]
    callers: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, callers: _Optional[_Iterable[str]] = ...) -> None: ...

class Limit(_message.Message):
    __slots__ = ("per", "requests", "window", "burst")
    PER_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    BURST_FIELD_NUMBER: _ClassVar[int]
    per: Per
    requests: int
    window: _duration_pb2.Duration
    burst: int
    def __init__(self, per: _Optional[_Union[Per, str]] = ..., requests: _Optional[int] = ..., window: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., burst: _Optional[int] = ...) -> None: ...

class StepUp(_message.Message):
    __slots__ = ("acr", "max_age")
    ACR_FIELD_NUMBER: _ClassVar[int]
    MAX_AGE_FIELD_NUMBER: _ClassVar[int]
    acr: str
    max_age: _duration_pb2.Duration
    def __init__(self, acr: _Optional[str] = ..., max_age: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Transition(_message.Message):
    __slots__ = ("field", "to")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    field: str
    to: str
    def __init__(self, field: _Optional[str] = ..., to: _Optional[str] = ..., **kwargs) -> None: ...

class Record(_message.Message):
    __slots__ = ("scope", "soft_delete", "unique", "index", "search")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    SOFT_DELETE_FIELD_NUMBER: _ClassVar[int]
    UNIQUE_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    SEARCH_FIELD_NUMBER: _ClassVar[int]
    scope: Scope
    soft_delete: bool
    unique: _containers.RepeatedCompositeFieldContainer[Key]
    index: _containers.RepeatedCompositeFieldContainer[Key]
    search: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, scope: _Optional[_Union[Scope, str]] = ..., soft_delete: _Optional[bool] = ..., unique: _Optional[_Iterable[_Union[Key, _Mapping]]] = ..., index: _Optional[_Iterable[_Union[Key, _Mapping]]] = ..., search: _Optional[_Iterable[str]] = ...) -> None: ...

class Key(_message.Message):
    __slots__ = ("fields",)
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    fields: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, fields: _Optional[_Iterable[str]] = ...) -> None: ...

class Field(_message.Message):
    __slots__ = ("indexed", "unique", "searchable", "sensitive", "read_permission", "write_permission")
    INDEXED_FIELD_NUMBER: _ClassVar[int]
    UNIQUE_FIELD_NUMBER: _ClassVar[int]
    SEARCHABLE_FIELD_NUMBER: _ClassVar[int]
    SENSITIVE_FIELD_NUMBER: _ClassVar[int]
    READ_PERMISSION_FIELD_NUMBER: _ClassVar[int]
    WRITE_PERMISSION_FIELD_NUMBER: _ClassVar[int]
    indexed: bool
    unique: bool
    searchable: bool
    sensitive: bool
    read_permission: str
    write_permission: str
    def __init__(self, indexed: _Optional[bool] = ..., unique: _Optional[bool] = ..., searchable: _Optional[bool] = ..., sensitive: _Optional[bool] = ..., read_permission: _Optional[str] = ..., write_permission: _Optional[str] = ...) -> None: ...
