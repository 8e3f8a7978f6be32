"""What a call takes from its path and its query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.descriptor import FieldDescriptor

from services.chassis.contract import Behavior, StandardKind
from services.meshgen.openapi.resources import example
from services.meshgen.openapi.shapes import NO_QUERY, WELL_KNOWN, Mode, Node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.descriptor import Descriptor

    from services.chassis.contract import Method
    from services.meshgen.openapi.paths import Path, Slot
    from services.meshgen.openapi.schemas import Schemas

_UPDATE_MASK = (
    "Names the fields to change, separated by commas; `*` replaces the whole. Left out, the fields that the body sets "
    "are changed. A field that is named and not in the body is cleared."
)


def path_parameters(path: Path, descriptor: Descriptor, schemas: Schemas) -> list[Node]:
    """Return the parameters of a path, with what the contract says of the field that they fill."""
    return [_path_parameter(slot, descriptor, schemas) for slot in path.slots]


def query_parameters(method: Method, descriptor: Descriptor, taken: frozenset[str], schemas: Schemas) -> list[Node]:
    """Return a parameter for each field that neither path nor body fills, those of messages inside as `a.b`."""
    parameters = list(_query(descriptor, taken, schemas, prefix="", seen=(), required=True))
    if method.standard is not None and method.standard.kind is StandardKind.UPDATE:
        for parameter in parameters:
            if parameter["name"] == "updateMask":
                parameter["description"] = _UPDATE_MASK
    return parameters


def field_at(descriptor: Descriptor, path: str) -> FieldDescriptor | None:
    """Return the field at a path such as `book.name`, or None."""
    found: FieldDescriptor | None = None
    inside: Descriptor | None = descriptor
    for name in path.split("."):
        found = inside.fields_by_name.get(name) if inside is not None else None
        inside = found.message_type if found is not None else None
    return found


def _path_parameter(slot: Slot, descriptor: Descriptor, schemas: Schemas) -> Node:
    field = field_at(descriptor, slot.field) if slot.field else None
    said = []
    if slot.whole not in {"", f"{{{slot.name}}}"}:
        said.append(f"The last part of `{slot.whole}`." if slot.is_last else f"A part of `{slot.whole}`.")
    if field is not None and slot.is_last:
        said.append(schemas.comments.get(field.full_name, ""))
    if not slot.field:
        said.append("Any value will do: no field of the request takes it.")
    if slot.many:
        said.append("May hold slashes.")
    if field is not None and field.type != FieldDescriptor.TYPE_STRING:
        schema, notes = schemas.value(field, Mode.INPUT)
        said += notes
    else:
        # A slash begins another segment, and the edge refuses an encoded one.
        schema = {"type": "string", "pattern": "^.+$" if slot.many else "^[^/]+$"}
        schema["examples"] = [example(f"{{{slot.name}}}")]
    text = " ".join(part for part in said if part)
    described = {"description": text} if text else {}
    return {"name": slot.name, "in": "path", "required": True, **described, "schema": schema}


def _query(
    descriptor: Descriptor,
    taken: frozenset[str],
    schemas: Schemas,
    *,
    prefix: str,
    seen: tuple[str, ...],
    required: bool,
) -> Iterator[Node]:
    demanded = schemas.required(descriptor) if required else set()
    for field in descriptor.fields:
        own = f"{prefix}{field.name}"
        if own in taken or schemas.is_hidden(field, Mode.INPUT):
            continue
        message = field.message_type
        if message is None or (message.full_name in WELL_KNOWN and message.full_name not in NO_QUERY):
            yield _query_parameter(field, own, schemas, required=field.name in demanded)
        elif not field.is_repeated and message.full_name not in {*seen, *NO_QUERY}:
            # A message that is repeated, a map, or inside itself has no form in a query.
            inside = (*seen, message.full_name)
            yield from _query(message, taken, schemas, prefix=f"{own}.", seen=inside, required=False)


def _query_parameter(field: FieldDescriptor, path: str, schemas: Schemas, *, required: bool) -> Node:
    schema = schemas.field(field, Mode.INPUT)
    parameter: Node = {"name": _json_path(path), "in": "query"}
    if required:
        parameter["required"] = True
    if text := schema.pop("description", ""):
        parameter["description"] = text
    if schema.pop("deprecated", False):
        parameter["deprecated"] = True
    schema.pop("writeOnly", None)
    if Behavior.IMMUTABLE in schemas.behaviors(field):
        schema.pop("x-immutable", None)
    return {**parameter, "schema": schema}


def _json_path(path: str) -> str:
    return ".".join(_camel(name) for name in path.split("."))


def _camel(name: str) -> str:
    """Return a field's name as protobuf writes it in JSON."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)
