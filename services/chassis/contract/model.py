"""What a contract says, as frozen values that every other part reads."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from services.chassis.contract.access import Internal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.descriptor_pb2 import FileDescriptorSet
    from google.protobuf.descriptor_pool import DescriptorPool

    from services.chassis.contract.access import Rule

SYSTEM_ORGANIZATION = "system"
"""The organization that owns global records, and the only one that writes them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Binding:
    """One REST door to a method (`google.api.http`)."""

    verb: str
    """GET, POST, PUT, PATCH, DELETE or a custom verb."""
    template: str
    """The path template as written, such as `/library/v1/{name=shelves/*}`."""
    body: str
    """The request field that the body fills, `*` for the whole request, or empty for none."""
    response_body: str
    """The response field that the body shows, or empty for the whole response."""


class Idempotency(enum.Enum):
    """Whether repeating a call is safe (`google.protobuf.MethodOptions.idempotency_level`)."""

    UNKNOWN = "unknown"
    NO_SIDE_EFFECTS = "no_side_effects"
    IDEMPOTENT = "idempotent"


class StandardKind(enum.Enum):
    """The methods that the record engine serves: the AIPs' standard and batch methods, and those that Tenon adds."""

    GET = "Get"
    LIST = "List"
    CREATE = "Create"
    UPDATE = "Update"
    DELETE = "Delete"
    BATCH_GET = "BatchGet"
    BATCH_CREATE = "BatchCreate"
    SEARCH = "Search"
    BATCH_UPDATE = "BatchUpdate"
    BATCH_DELETE = "BatchDelete"
    UNDELETE = "Undelete"
    EXPUNGE = "Expunge"
    WATCH = "Watch"
    IMPORT = "Import"
    EXPORT = "Export"
    TRANSITION = "Transition"
    """Moves a state: found by its option, whatever its name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Standard:
    """That a method is one of the AIPs' standard methods of a record."""

    kind: StandardKind
    """Which one."""
    record: str
    """Full name of the record's message."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Transition:
    """A move of a state field that a method makes."""

    field: str
    """The enum field that is moved."""
    sources: tuple[int, ...]
    """Numbers of the states that it may be moved from."""
    target: int
    """Number of the state that it is moved to."""
    name: str
    """The target without its enum's prefix, such as `confirmed`: events of the move are named by it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Method:
    """One RPC."""

    path: str
    """`/package.Service/Method`: the key that every policy is kept under."""
    name: str
    """The simple name."""
    service: str
    """Full name of its service."""
    host: str
    """Name of the process that serves it."""
    input: str
    """Full name of the request message."""
    output: str
    """Full name of the response message."""
    client_streaming: bool
    """Whether requests come as a stream."""
    server_streaming: bool
    """Whether responses go as a stream."""
    rule: Rule
    """Who may call it, how often, and for how long."""
    bindings: tuple[Binding, ...]
    """Its REST doors, the main one first; none for an internal method."""
    idempotency: Idempotency
    """Whether repeating it is safe."""
    standard: Standard | None
    """Which standard method it is, if it is one."""
    comment: str
    """What the contract says of it."""
    transitions: tuple[Transition, ...] = ()
    """The moves that it makes, each of another field; none for most methods."""

    @property
    def is_internal(self) -> bool:
        """Whether the edge has no route to it."""
        return isinstance(self.rule.access, Internal)


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """One service of a contract."""

    full_name: str
    """`package.Service`."""
    package: str
    """Its package, such as `tenon.flightops.v1`."""
    segment: str
    """The last but one segment of the package, such as `flightops`: paths begin with it."""
    version: str
    """The last segment of the package, such as `v1`."""
    host: str
    """Name of the process that serves it: its own folder's, or `data`."""
    file: str
    """Path of the `.proto` file."""
    methods: tuple[Method, ...]
    """Its methods, in file order."""
    comment: str
    """What the contract says of it."""

    @property
    def is_public(self) -> bool:
        """Whether any of its methods may be called through the edge."""
        return any(not method.is_internal for method in self.methods)


class Scope(enum.Enum):
    """Who a row belongs to."""

    ORGANIZATION = "organization"
    OWNER = "owner"
    GLOBAL = "global"


class Behavior(enum.Enum):
    """`google.api.field_behavior`, as far as a server acts on it."""

    REQUIRED = "required"
    OUTPUT_ONLY = "output_only"
    INPUT_ONLY = "input_only"
    IMMUTABLE = "immutable"
    IDENTIFIER = "identifier"


class Kind(enum.Enum):
    """The kinds of value that a field may hold, as the storage and the filter see them."""

    BOOL = "bool"
    INT32 = "int32"
    UINT32 = "uint32"
    INT64 = "int64"
    UINT64 = "uint64"
    FLOAT = "float"
    DOUBLE = "double"
    STRING = "string"
    BYTES = "bytes"
    ENUM = "enum"
    TIMESTAMP = "timestamp"
    DURATION = "duration"
    MESSAGE = "message"
    MAP = "map"


class OnDelete(enum.Enum):
    """What becomes of a record when another that it refers to is deleted."""

    RESTRICT = "restrict"
    CASCADE = "cascade"
    CLEAR = "clear"


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One top-level field of a record."""

    name: str
    """As written, in snake_case."""
    number: int
    """Its identity: a renamed field keeps it."""
    kind: Kind
    """The kind of its value, or of each value where it is repeated."""
    repeated: bool
    """Whether it holds a list; a map has kind MAP and is not repeated."""
    presence: bool
    """Whether unset differs from the default: `optional`, a oneof's member, or a message."""
    type_name: str
    """Full name of its message or enum, or empty."""
    behaviors: frozenset[Behavior]
    """What `google.api.field_behavior` says."""
    reference: str
    """The resource type that a string field names (`google.api.resource_reference`), or empty."""
    indexed: bool
    """Whether the contract asks for an index."""
    unique: bool
    """Whether no two rows of one organization share a value."""
    searchable: bool
    """Whether Search reads it."""
    sensitive: bool
    """Whether it is kept out of logs and events."""
    max_length: int | None
    """The most characters that `buf.validate` allows in a string, or None."""
    read_permission: str = ""
    """The permission without which it is not shown, or empty."""
    write_permission: str = ""
    """The permission without which it is not written, or empty."""
    on_delete: OnDelete = OnDelete.RESTRICT
    """What becomes of the record when the one that it refers to is deleted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One stored message."""

    message: str
    """Full name of the message."""
    package: str
    """Its package."""
    host: str
    """Name of the process that keeps it."""
    type: str
    """The resource type, such as `flightops.tenon/Flight`."""
    singular: str
    """Such as `flight`, in snake_case as fields of requests have it."""
    plural: str
    """Such as `flights`, in snake_case as fields of responses have it."""
    patterns: tuple[str, ...]
    """Its name patterns, such as `airlines/{airline}/flights/{flight}`; the first is canonical."""
    parent: str
    """The parent's pattern, such as `airlines/{airline}`, or empty at the top level."""
    scope: Scope
    """Who a row belongs to."""
    unique: tuple[tuple[str, ...], ...]
    """Sets of fields that no two rows of one organization share, those of single fields among them."""
    index: tuple[tuple[str, ...], ...]
    """Sets of fields that are read together, single indexed fields among them."""
    search: tuple[str, ...]
    """String fields that Search reads."""
    fields: tuple[Field, ...]
    """Its top-level fields, by number."""
    file: str
    """Path of the `.proto` file."""
    comment: str
    """What the contract says of it."""
    soft_delete: bool = False
    """Whether Delete hides a row, so that Undelete can bring it back."""
    keep_deleted: float | None = None
    """Seconds for which a hidden row is kept, or None for ever."""

    def field(self, name: str) -> Field | None:
        """Return the field of that name, or None."""
        return next((field for field in self.fields if field.name == name), None)


@dataclass(frozen=True, kw_only=True)
class Contract:
    """Everything that a set of `.proto` files promises."""

    descriptors: FileDescriptorSet
    """The files and all that they import, in an order in which they can be added to a pool."""
    services: tuple[Service, ...]
    """The services, by full name."""
    records: tuple[Record, ...]
    """The stored messages, by full name."""
    pool: DescriptorPool = field(repr=False)
    """A private pool of these files: messages made from it never meet those of another version."""
    behaviors: Mapping[str, frozenset[Behavior]] = field(default_factory=dict, repr=False)
    """What `google.api.field_behavior` says of any field, at any depth, by full name (`library.v1.Book.name`)."""
    sensitive: frozenset[str] = frozenset()
    """Full names of all fields, at any depth, that are kept out of logs and events."""

    @cached_property
    def methods(self) -> Mapping[str, Method]:
        """All methods by their path."""
        return {m.path: m for service in self.services for m in service.methods}

    @cached_property
    def records_by_message(self) -> Mapping[str, Record]:
        """All records by the full name of their message."""
        return {record.message: record for record in self.records}

    @cached_property
    def hosts(self) -> tuple[str, ...]:
        """Names of the processes that serve something, in order."""
        return tuple(sorted({service.host for service in self.services}))

    def hosted_by(self, host: str) -> tuple[Service, ...]:
        """Return the services that one process serves."""
        return tuple(service for service in self.services if service.host == host)
