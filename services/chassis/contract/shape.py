"""The shapes of the standard methods: AIP-131 to 135, 231 and 233."""

from __future__ import annotations

from dataclasses import dataclass

from services.chassis.contract.model import Record, StandardKind
from services.chassis.contract.naming import pascal

EMPTY = "google.protobuf.Empty"
MASK = "google.protobuf.FieldMask"


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """What a standard method of one record looks like. Types are written as in a `.proto` file."""

    aip: int
    """The AIP that says so."""
    required: dict[str, str]
    """Fields that the request must have, with their types."""
    optional: dict[str, str]
    """Fields that the request may have, with their types."""
    answer: dict[str, str] | str
    """Fields of the response with their types, or full name of the message that the response is."""
    verb: str
    """The HTTP verb."""
    body: str
    """The field that the body fills."""
    bound: str
    """The field that the path binds, or empty."""
    pattern: str
    """The pattern of what that field names."""
    suffix: str
    """What follows the colon in the path."""


def method_name(kind: StandardKind, record: Record) -> str:
    """Return the name of a standard method, such as `BatchGetBooks`."""
    plural = kind in {StandardKind.LIST, StandardKind.BATCH_GET, StandardKind.BATCH_CREATE}
    return kind.value + pascal(record.plural if plural else record.singular)


def shape_of(kind: StandardKind, record: Record) -> Shape:
    """Return the shape of a standard method of a record."""
    return _SHAPES[kind](record)


def _get(record: Record) -> Shape:
    return Shape(
        aip=131,
        required={"name": "string"},
        optional={},
        answer=record.message,
        verb="GET",
        body="",
        bound="name",
        pattern=record.patterns[0],
        suffix="",
    )


def _list(record: Record) -> Shape:
    return Shape(
        aip=132,
        required={**_parent(record), "page_size": "int32", "page_token": "string"},
        optional={"filter": "string", "order_by": "string"},
        answer={record.plural: f"repeated {record.message}", "next_page_token": "string"},
        verb="GET",
        body="",
        bound="parent" if record.parent else "",
        pattern=record.parent,
        suffix="",
    )


def _create(record: Record) -> Shape:
    return Shape(
        aip=133,
        required={**_parent(record), record.singular: record.message},
        optional={f"{record.singular}_id": "string", "request_id": "string"},
        answer=record.message,
        verb="POST",
        body=record.singular,
        bound="parent" if record.parent else "",
        pattern=record.parent,
        suffix="",
    )


def _update(record: Record) -> Shape:
    return Shape(
        aip=134,
        required={record.singular: record.message, "update_mask": MASK},
        optional={"request_id": "string"},
        answer=record.message,
        verb="PATCH",
        body=record.singular,
        bound=f"{record.singular}.name",
        pattern=record.patterns[0],
        suffix="",
    )


def _delete(record: Record) -> Shape:
    return Shape(
        aip=135,
        required={"name": "string"},
        optional={"etag": "string", "request_id": "string"},
        answer=EMPTY,
        verb="DELETE",
        body="",
        bound="name",
        pattern=record.patterns[0],
        suffix="",
    )


def _batch_get(record: Record) -> Shape:
    return Shape(
        aip=231,
        required={"names": "repeated string"},
        optional=_parent(record),
        answer={record.plural: f"repeated {record.message}"},
        verb="GET",
        body="",
        bound="",
        pattern="",
        suffix="batchGet",
    )


def _batch_create(record: Record) -> Shape:
    request = f"{record.package}.Create{pascal(record.singular)}Request"
    return Shape(
        aip=233,
        required={"requests": f"repeated {request}"},
        optional={**_parent(record), "request_id": "string"},
        answer={record.plural: f"repeated {record.message}"},
        verb="POST",
        body="*",
        bound="",
        pattern="",
        suffix="batchCreate",
    )


def _parent(record: Record) -> dict[str, str]:
    return {"parent": "string"} if record.parent else {}


_SHAPES = {
    StandardKind.GET: _get,
    StandardKind.LIST: _list,
    StandardKind.CREATE: _create,
    StandardKind.UPDATE: _update,
    StandardKind.DELETE: _delete,
    StandardKind.BATCH_GET: _batch_get,
    StandardKind.BATCH_CREATE: _batch_create,
}
