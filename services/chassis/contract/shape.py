"""The shapes of the methods that records serve: those of the AIPs, and what Tenon adds to them."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.chassis.contract.model import Record, StandardKind
from services.chassis.contract.naming import pascal

EMPTY = "google.protobuf.Empty"
MASK = "google.protobuf.FieldMask"
OPERATION = "google.longrunning.Operation"
FORMAT = "tenon.records.v1.Format"
ANY_VERB = "*"
"""The suffix of a path that ends with a verb of the contract's own choice."""

Fields = dict[str, str]
"""Fields with their types, as they are written in a `.proto` file."""

_WRITE = {"request_id": "string", "validate_only": "bool"}
_BY_PLURAL = frozenset(
    {
        StandardKind.LIST,
        StandardKind.SEARCH,
        StandardKind.BATCH_GET,
        StandardKind.BATCH_CREATE,
        StandardKind.BATCH_UPDATE,
        StandardKind.BATCH_DELETE,
        StandardKind.WATCH,
        StandardKind.IMPORT,
        StandardKind.EXPORT,
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """What a method of one record looks like. Types are written as in a `.proto` file."""

    source: str
    """What says so, such as `AIP-131`."""
    required: Fields
    """Fields that the request must have."""
    optional: Fields = field(default_factory=dict)
    """Fields that the request may have."""
    answer: Fields | str
    """Fields that the response must have, or full name of the message that the response is."""
    answer_optional: Fields = field(default_factory=dict)
    """Fields that the response may have, where it has fields of its own."""
    streams: bool = False
    """Whether responses go as a stream."""
    verb: str = "POST"
    """The HTTP verb."""
    body: str = ""
    """The field that the body fills."""
    bound: str = ""
    """The field that the path binds, or empty."""
    pattern: str = ""
    """The pattern of what that field names."""
    suffix: str = ""
    """What follows the colon in the path; `*` for any verb."""


def method_name(kind: StandardKind, record: Record) -> str:
    """Return the name of a standard method, such as `BatchGetBooks`."""
    return kind.value + pascal(record.plural if kind in _BY_PLURAL else record.singular)


def shape_of(kind: StandardKind, record: Record) -> Shape:
    """Return the shape of a method of a record."""
    return _SHAPES[kind](record)


def transition_shape(record: Record, *, wrapped: bool) -> Shape:
    """Return the shape of a method that moves a state; `wrapped` where its response has the record as its field."""
    return Shape(
        source="AIP-216",
        required={"name": "string"},
        optional={"etag": "string", **_WRITE},
        answer={record.singular: record.message} if wrapped else record.message,
        body="*",
        bound="name",
        pattern=record.patterns[0],
        suffix=ANY_VERB,
    )


def _get(record: Record) -> Shape:
    return Shape(
        source="AIP-131",
        required={"name": "string"},
        optional=_partial(record),
        answer=record.message,
        verb="GET",
        bound="name",
        pattern=record.patterns[0],
    )


def _list(record: Record) -> Shape:
    return Shape(
        source="AIP-132",
        required={**_parent(record), "page_size": "int32", "page_token": "string"},
        optional={"filter": "string", "order_by": "string", "skip": "int32", **_hidden(record), **_partial(record)},
        answer={record.plural: f"repeated {record.message}", "next_page_token": "string"},
        answer_optional={"total_size": "int32", "unreachable": "repeated string"},
        verb="GET",
        bound=_bound(record),
        pattern=record.parent,
    )


def _search(record: Record) -> Shape:
    return Shape(
        source="Tenon's Search",
        required={**_parent(record), "query": "string", "page_size": "int32", "page_token": "string"},
        optional={"filter": "string", **_hidden(record), **_partial(record)},
        answer={record.plural: f"repeated {record.message}", "next_page_token": "string"},
        answer_optional={"total_size": "int32"},
        verb="GET",
        suffix="search",
        bound=_bound(record),
        pattern=record.parent,
    )


def _create(record: Record) -> Shape:
    return Shape(
        source="AIP-133",
        required={**_parent(record), record.singular: record.message},
        optional={f"{record.singular}_id": "string", **_WRITE},
        answer=record.message,
        body=record.singular,
        bound=_bound(record),
        pattern=record.parent,
    )


def _update(record: Record) -> Shape:
    return Shape(
        source="AIP-134",
        required={record.singular: record.message, "update_mask": MASK},
        optional={"allow_missing": "bool", **_WRITE},
        answer=record.message,
        verb="PATCH",
        body=record.singular,
        bound=f"{record.singular}.name",
        pattern=record.patterns[0],
    )


def _delete(record: Record) -> Shape:
    return Shape(
        source="AIP-164" if record.soft_delete else "AIP-135",
        required={"name": "string"},
        optional={"etag": "string", "allow_missing": "bool", "force": "bool", **_WRITE},
        answer=record.message if record.soft_delete else EMPTY,
        verb="DELETE",
        bound="name",
        pattern=record.patterns[0],
    )


def _undelete(record: Record) -> Shape:
    return Shape(
        source="AIP-164",
        required={"name": "string"},
        optional={"etag": "string", **_WRITE},
        answer=record.message,
        body="*",
        bound="name",
        pattern=record.patterns[0],
        suffix="undelete",
    )


def _expunge(record: Record) -> Shape:
    return Shape(
        source="AIP-164",
        required={"name": "string"},
        optional={"etag": "string", **_WRITE},
        answer=EMPTY,
        body="*",
        bound="name",
        pattern=record.patterns[0],
        suffix="expunge",
    )


def _batch_get(record: Record) -> Shape:
    return Shape(
        source="AIP-231",
        required={"names": "repeated string"},
        optional={**_parent(record), **_partial(record)},
        answer={record.plural: f"repeated {record.message}"},
        verb="GET",
        suffix="batchGet",
    )


def _batch_create(record: Record) -> Shape:
    return Shape(
        source="AIP-233",
        required={"requests": f"repeated {_request('Create', record)}"},
        optional={**_parent(record), **_WRITE},
        answer={record.plural: f"repeated {record.message}"},
        body="*",
        suffix="batchCreate",
    )


def _batch_update(record: Record) -> Shape:
    return Shape(
        source="AIP-234",
        required={"requests": f"repeated {_request('Update', record)}"},
        optional={**_parent(record), "update_mask": MASK, **_WRITE},
        answer={record.plural: f"repeated {record.message}"},
        body="*",
        suffix="batchUpdate",
    )


def _batch_delete(record: Record) -> Shape:
    return Shape(
        source="AIP-235",
        required={"names": "repeated string"},
        optional={**_parent(record), "allow_missing": "bool", "force": "bool", **_WRITE},
        answer={record.plural: f"repeated {record.message}"} if record.soft_delete else EMPTY,
        body="*",
        suffix="batchDelete",
    )


def _watch(record: Record) -> Shape:
    return Shape(
        source="Tenon's Watch",
        required={**_parent(record), "resume_token": "string"},
        optional={"filter": "string"},
        answer={
            "changes": f"repeated {change_name(record)}",
            "resume_token": "string",
            "state": "tenon.records.v1.WatchState",
            "error": "google.rpc.Status",
        },
        streams=True,
        verb="GET",
        suffix="watch",
        bound=_bound(record),
        pattern=record.parent,
    )


def _import(record: Record) -> Shape:
    return Shape(
        source="AIP-153",
        required={**_parent(record), "source": "string", "format": FORMAT},
        optional={"on_conflict": "tenon.records.v1.OnConflict", "validate_only": "bool"},
        answer=OPERATION,
        body="*",
        suffix="import",
        bound=_bound(record),
        pattern=record.parent,
    )


def _export(record: Record) -> Shape:
    return Shape(
        source="AIP-153",
        required={**_parent(record), "format": FORMAT},
        optional={"filter": "string", "order_by": "string", "read_mask": MASK},
        answer=OPERATION,
        body="*",
        suffix="export",
        bound=_bound(record),
        pattern=record.parent,
    )


def change_name(record: Record) -> str:
    """Return the full name of the message that is one change in a Watch, such as `library.v1.BookChange`."""
    return f"{record.package}.{pascal(record.singular)}Change"


def change_shape(record: Record) -> Fields:
    """Return the fields of one change in a Watch, of which `type` and the record are required."""
    return {
        "type": "tenon.records.v1.ChangeType",
        record.singular: record.message,
        "change_time": "google.protobuf.Timestamp",
        "actor": "string",
    }


def _parent(record: Record) -> Fields:
    return {"parent": "string"} if record.parent else {}


def _bound(record: Record) -> str:
    return "parent" if record.parent else ""


def _hidden(record: Record) -> Fields:
    return {"show_deleted": "bool"} if record.soft_delete else {}


def _partial(record: Record) -> Fields:
    return {"read_mask": MASK, "view": f"{record.package}.{pascal(record.singular)}View"}


def _request(verb: str, record: Record) -> str:
    return f"{record.package}.{verb}{pascal(record.singular)}Request"


_SHAPES = {
    StandardKind.GET: _get,
    StandardKind.LIST: _list,
    StandardKind.SEARCH: _search,
    StandardKind.CREATE: _create,
    StandardKind.UPDATE: _update,
    StandardKind.DELETE: _delete,
    StandardKind.UNDELETE: _undelete,
    StandardKind.EXPUNGE: _expunge,
    StandardKind.BATCH_GET: _batch_get,
    StandardKind.BATCH_CREATE: _batch_create,
    StandardKind.BATCH_UPDATE: _batch_update,
    StandardKind.BATCH_DELETE: _batch_delete,
    StandardKind.WATCH: _watch,
    StandardKind.IMPORT: _import,
    StandardKind.EXPORT: _export,
}
