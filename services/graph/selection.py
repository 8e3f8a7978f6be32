"""What a document selects below a field, as a field mask of the record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphql import FieldNode, FragmentSpreadNode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from google.protobuf.descriptor import Descriptor

    from services.graph.messages import Plan, Types


def paths_below(types: Types, record: Descriptor, info: Any, *ways: tuple[str, ...]) -> list[str]:
    """Return the fields of a record that are needed for what is selected at the ends of these ways, in order.

    What `@skip` and `@include` leave out counts as selected. There is always `name`: a mask that names nothing would
    ask for everything, and cursors are made of it.
    """
    kind = types.object_of(record)
    paths = {"name"} if "name" in record.fields_by_name else set()
    for way in ways:
        for name in _names(_descend(info.field_nodes, way, info.fragments), info.fragments):
            selected = kind.fields.get(name)
            plan: Plan | None = selected.extensions.get("plan") if selected is not None else None
            if plan is not None and plan.source:
                paths.add(plan.source)
    return sorted(paths)


def _descend(nodes: Iterable[Any], way: tuple[str, ...], fragments: Any) -> list[Any]:
    found = list(nodes)
    for step in way:
        found = [child for child in _children(found, fragments) if child.name.value == step]
    return found


def _names(nodes: Iterable[Any], fragments: Any) -> Iterator[str]:
    return (child.name.value for child in _children(nodes, fragments))


def _children(nodes: Iterable[Any], fragments: Any) -> list[FieldNode]:
    """Return the fields that are selected directly below these, fragments taken apart, each fragment once."""
    found: list[FieldNode] = []
    seen: set[str] = set()
    waiting = [node.selection_set for node in nodes if node.selection_set is not None]
    while waiting:
        for selection in waiting.pop().selections:
            if isinstance(selection, FieldNode):
                found.append(selection)
            elif isinstance(selection, FragmentSpreadNode):
                if (name := selection.name.value) not in seen and name in fragments:
                    seen.add(name)
                    waiting.append(fragments[name].selection_set)
            else:
                waiting.append(selection.selection_set)
    return found
