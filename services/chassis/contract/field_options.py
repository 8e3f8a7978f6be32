"""Holds what `(tenon.options.v1.field)` says of fields to what it can mean there."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from google.protobuf.unknown_fields import UnknownFieldSet
from tenon.options.v1 import options_pb2

from services.chassis.contract.model import Behavior, OnDelete
from services.chassis.contract.packages import segments_of
from services.chassis.contract.problem import MEND_UNKNOWN
from services.chassis.contract.rules import PERMISSION

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from services.chassis.contract.model import Field, Record
    from services.chassis.contract.problem import Problems
    from services.chassis.contract.source import Element, Sources

_OF_RECORDS = ("unique", "indexed", "searchable", "read_permission", "write_permission", "on_delete")
_NAME = "name"


def check_field_options(
    records: Mapping[str, Record], sources: Sources, problems: Problems, *, own: Collection[str]
) -> None:
    """Report options that do nothing where they are, or mean nothing; `own` are the repository's own files."""
    kept: dict[str, set[str]] = defaultdict(set)
    for each in records.values():
        kept[each.host].add(each.type)
    for message in sources.messages.values():
        record = records.get(message.element.name)
        outside = message.element.file.name not in own
        for element, proto in message.fields():
            option = proto.options.Extensions[options_pb2.field]
            if len(UnknownFieldSet(option)) or option.on_delete not in options_pb2.OnDelete.values():
                problems.add(element, "The field has parts that this version of Tenon does not know", MEND_UNKNOWN)
            if record is None:
                _refuse_outside_records(option, element, problems)
            elif (field := record.field(proto.name)) is not None:
                _check_permissions(field, element, problems, segment=segments_of(record.package)[0] if outside else "")
                _check_deletion(option, field, element, problems, neighbours=kept[record.host])


def _refuse_outside_records(option: options_pb2.Field, element: Element, problems: Problems) -> None:
    for name in _OF_RECORDS:
        if getattr(option, name):
            problems.add(
                element,
                f"`{name}` does nothing in a message that is no record",
                "Remove it, or make the message a record",
            )


def _check_permissions(field: Field, element: Element, problems: Problems, *, segment: str) -> None:
    for word, permission in (("read", field.read_permission), ("write", field.write_permission)):
        if not permission:
            continue
        if not PERMISSION.fullmatch(permission):
            problems.add(
                element,
                f"The {word} permission {permission!r} is not `service.resource.verb`",
                "Write three segments of letters, digits and underscores, each beginning with a small letter",
            )
        elif segment and permission.split(".")[0] != segment:
            problems.add(
                element,
                f"The permission {permission} does not begin with {segment!r}, the service of its package",
                f"Name it {segment}.{permission.partition('.')[2]}",
            )
        if field.name == _NAME:
            problems.add(element, f"The name of a record has no {word} permission", f"Remove `{word}_permission`")


def _check_deletion(
    option: options_pb2.Field, field: Field, element: Element, problems: Problems, *, neighbours: Collection[str]
) -> None:
    if option.on_delete == options_pb2.ON_DELETE_UNSPECIFIED:
        return
    if field.reference not in neighbours or field.name == _NAME:
        problems.add(
            element,
            "`on_delete` is for fields that refer to a record of the same process, and this is none",
            "Remove it, or add google.api.resource_reference with the type of a record",
        )
    elif field.on_delete is OnDelete.CLEAR and Behavior.REQUIRED in field.behaviors:
        problems.add(
            element,
            "The field is REQUIRED, so it cannot be emptied when its record is deleted",
            "Say ON_DELETE_RESTRICT or ON_DELETE_CASCADE, or let the field be OPTIONAL",
        )
