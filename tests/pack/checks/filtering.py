"""Statements 28 to 36: filters (AIP-160), over every field that a record has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from services.chassis.contract import Behavior, Field, Kind, StandardKind
from tests.pack.checks.reading import Rows
from tests.pack.statements import statement

if TYPE_CHECKING:
    from tests.pack.kit import Kit

LIST, CREATE, GET = StandardKind.LIST, StandardKind.CREATE, StandardKind.GET
_PLAIN = frozenset(Kind) - {Kind.MESSAGE, Kind.MAP, Kind.BYTES}


def filtered(kit: Kit) -> bool:
    """Whether the List takes a filter."""
    return kit.takes(LIST, "filter")


def fields_of(kit: Kit, *, repeated: bool) -> list[Field]:
    """Return the fields that a filter can compare."""
    hidden = {Behavior.INPUT_ONLY}
    return [
        field
        for field in kit.record.fields
        if field.kind in _PLAIN
        and field.repeated is repeated
        and not hidden & field.behaviors
        and not field.read_permission
    ]


def literal(kit: Kit, field: Field, value: Any) -> str:
    """Return a value as a filter has it."""
    if field.kind is Kind.STRING:
        return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
    if field.kind is Kind.BOOL:
        return "true" if value else "false"
    if field.kind is Kind.TIMESTAMP:
        return f'"{value.ToJsonString()}"'
    if field.kind is Kind.DURATION:
        return f"{value.ToMicroseconds() / 1e6:.6f}s"
    if field.kind is Kind.ENUM:
        described = kit.messages.of(kit.record.message).DESCRIPTOR.fields_by_name[field.name]
        assert described.enum_type is not None
        name: str = described.enum_type.values_by_number[value].name
        return name
    return str(value)


class Found:
    """One new row, and whether filters find it."""

    def __init__(self, kit: Kit) -> None:
        """Create it."""
        self.kit = kit
        self.parent = kit.parent()
        self.row = kit.make(parent=self.parent)

    def by(self, text: str) -> bool:
        """Whether a filter finds the row; its name is asked for beside it."""
        return self.kit.named(self.parent, filter=f'name = "{self.row.name}" AND ({text})') == [self.row.name]


@statement(28, CREATE, LIST, when=filtered)
def or_binds_tighter_than_and(kit: Kit) -> None:
    rows = Rows(kit, 2)
    one, other = (f'name = "{name}"' for name in rows.names)
    assert kit.named(rows.parent, filter=f"{one} AND {other} OR {one}") == [rows.names[0]]
    assert kit.named(rows.parent, filter=f"({one} OR {other}) AND NOT {other}") == [rows.names[0]]
    assert kit.named(rows.parent, filter=f"({one} OR {other}) AND -{other}") == [rows.names[0]]


@statement(29, CREATE, LIST, when=filtered)
def every_plain_field_is_compared_by_every_operator(kit: Kit) -> None:
    found = Found(kit)
    for field in fields_of(kit, repeated=False):
        described = type(found.row).DESCRIPTOR.fields_by_name[field.name]
        if described.has_presence and not found.row.HasField(field.name):
            continue
        value = getattr(found.row, field.name)
        text = literal(kit, field, value)
        if not field.presence and not value:
            continue
        assert found.by(f"{field.name} = {text}"), field.name
        assert not found.by(f"{field.name} != {text}"), field.name
        assert found.by(f"{field.name}:*"), field.name
        if field.kind not in {Kind.BOOL, Kind.ENUM}:
            assert found.by(f"{field.name} <= {text}"), field.name
            assert found.by(f"{field.name} >= {text}"), field.name
            assert not found.by(f"{field.name} < {text}"), field.name
            assert not found.by(f"{field.name} > {text}"), field.name


@statement(30, CREATE, LIST, when=filtered)
def a_star_in_a_text_stands_for_any_text(kit: Kit) -> None:
    found = Found(kit)
    last = found.row.name[3:]
    assert found.by(f'name = "*{last}"')
    assert found.by(f'name = "{found.row.name[:3]}*"')
    assert not found.by('name = "*%"')
    assert not found.by('name = "_*"')


@statement(33, CREATE, LIST, when=lambda kit: filtered(kit) and bool(fields_of(kit, repeated=True)))
def a_list_has_what_it_holds(kit: Kit) -> None:
    found = Found(kit)
    for field in fields_of(kit, repeated=True):
        for value in getattr(found.row, field.name):
            assert found.by(f"{field.name}:{literal(kit, field, value)}"), field.name


@statement(33, CREATE, LIST, when=lambda kit: filtered(kit) and any(f.kind is Kind.MAP for f in kit.record.fields))
def a_map_has_its_keys(kit: Kit) -> None:
    found = Found(kit)
    for field in kit.record.fields:
        if field.kind is Kind.MAP:
            for key in getattr(found.row, field.name):
                text = f'"{key}"' if isinstance(key, str) else str(key).lower()
                assert found.by(f"{field.name}:{text}"), field.name
            assert not found.by(f'{field.name}:"no such key"') if _text_keys(found.row, field.name) else True


def _text_keys(row: Any, name: str) -> bool:
    return all(isinstance(key, str) for key in getattr(row, name))


@statement(31, CREATE, LIST, when=lambda kit: filtered(kit) and bool(_inner_texts(kit)))
def a_dot_leads_into_messages(kit: Kit) -> None:
    found = Found(kit)
    for outer, inner in _inner_texts(kit):
        value = getattr(getattr(found.row, outer), inner)
        assert found.by(f'{outer}.{inner} = "{value}"')
        assert not found.by(f'{outer}.{inner} != "{value}"')


@statement(32, CREATE, LIST, when=lambda kit: filtered(kit) and bool(_inner_texts(kit)))
def an_unset_message_matches_nothing_not_even_what_differs(kit: Kit) -> None:
    for outer, inner in _inner_texts(kit):
        parent = kit.parent()
        body = kit.body()
        body.ClearField(outer)
        row = kit.make(parent=parent, message=body)
        assert kit.named(parent, filter=f'name = "{row.name}" AND {outer}.{inner} != "x"') == []


def _inner_texts(kit: Kit) -> list[tuple[str, str]]:
    """Return the texts in the messages of a record: the field, and the field inside."""
    found = []
    for field in kit.record.fields:
        described = kit.messages.of(kit.record.message).DESCRIPTOR.fields_by_name[field.name]
        plain = field.kind is Kind.MESSAGE and not field.repeated and Behavior.REQUIRED not in field.behaviors
        if not plain or field.type_name.startswith("google.") or (described.containing_oneof is not None):
            continue
        if {Behavior.INPUT_ONLY, Behavior.OUTPUT_ONLY} & field.behaviors or field.read_permission:
            continue
        assert described.message_type is not None
        found += [
            (field.name, inner.name)
            for inner in described.message_type.fields
            if inner.type == FieldDescriptor.TYPE_STRING
            and not inner.is_repeated
            and inner.name != "doll"
            and not inner.containing_oneof
        ][:1]
    return found


@statement(35, LIST, when=filtered)
def a_filter_that_means_nothing_is_refused_with_its_position(kit: Kit) -> None:
    below = kit.below("/".join("x" if part.startswith("{") else part for part in kit.record.parent.split("/")))
    for wrong in ("name =", "(name = 1", "no_such_field = 1", 'name = "a" AND', "name = 3 4 =", 'create_time < "soon"'):
        if "create_time" in wrong and not kit.has("create_time"):
            continue
        refused = kit.refusal(LIST, filter=wrong, **below)
        assert refused.code == "INVALID_ARGUMENT", wrong
        assert any(sign.isdigit() for sign in refused.text), refused.text


@statement(36, LIST, when=filtered)
def a_filter_is_bounded_in_length_and_depth(kit: Kit) -> None:
    below = kit.below("/".join("x" if part.startswith("{") else part for part in kit.record.parent.split("/")))
    deep = "(" * 300 + 'name = "x"' + ")" * 300
    long = " OR ".join(['name = "xxxxxxxxxxxxxxxxxxxx"'] * 700)
    for wrong in (deep, long):
        assert kit.refusal(LIST, filter=wrong, **below).code == "INVALID_ARGUMENT"
