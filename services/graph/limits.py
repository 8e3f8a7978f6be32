"""What a document may cost, reckoned from it and its variables before anything is executed.

A field is one point, an RPC is 20 more, and what is selected below a page counts as often as the page may have records.
Of lists that records hold nobody knows how long they are; they count as five. An alias is a field like any other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    IntValueNode,
    ListValueNode,
    VariableNode,
    get_named_type,
)

from services.graph.failures import IntrospectionDenied, QueryTooCostly, QueryTooDeep

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphql import FragmentDefinitionNode, GraphQLObjectType, OperationDefinitionNode, SelectionSetNode

    from services.chassis.call import Caller
    from services.chassis.contract import Permission
    from services.graph.messages import Plan

MAX_DEPTH = 12
"""How many fields may be inside each other."""

MAX_COST = 20_000
"""The most points of one operation."""

CALL_COST = 20
"""Points of an RPC."""

LIST_LENGTH = 5
"""What a list counts as whose length nobody knows."""

PAGE_LENGTH = 50
"""What a page counts as that names no size: it is what it then has."""

MAX_PAGE_LENGTH = 1000
"""The most records of a page."""

SCHEMA_COST = 60
"""Points of each field that is asked of the schema itself: whoever may see it asks once for all of it."""

MAX_VALUES = 200_000
"""The most fields and items of lists in one answer; it ends what is longer than it counted as."""

MAX_CALLS = MAX_COST // CALL_COST
"""The most RPCs of one execution: below lists that are longer than what they counted as there could be more."""

MAX_READ = 16 * 1024 * 1024
"""The most bytes that the RPCs of one execution ask and answer together: they are in memory until it ends."""

MAX_ERRORS = 1000
"""Errors of fields that an answer tells; whatever fails beyond them is null without one."""

_SCHEMA_FIELDS = frozenset({"__schema", "__type"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """What an operation may cost."""

    depth: int
    """How many fields are inside each other."""
    cost: int
    """Its points."""
    introspects: bool
    """Whether it asks for the schema."""

    def check(self, caller: Caller, introspect: Permission) -> None:
        """Raise what stands against its execution."""
        if self.introspects and not caller.holds(introspect):
            raise IntrospectionDenied(introspect.name)
        if self.depth > MAX_DEPTH:
            raise QueryTooDeep(self.depth, MAX_DEPTH)
        if self.cost > MAX_COST:
            raise QueryTooCostly(self.cost, MAX_COST)


def measure(
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    root: GraphQLObjectType,
    variables: Mapping[str, Any],
) -> Measure:
    """Return what a valid operation may cost with these variables."""
    defaults = {each.variable.name.value: each.default_value for each in operation.variable_definitions or ()}
    walk = _Walk(fragments=fragments, variables=variables, defaults=defaults)
    cost, depth = walk.visit(operation.selection_set, root)
    return Measure(depth=depth, cost=cost, introspects=walk.introspects)


@dataclass(slots=True)
class _Walk:
    """One walk over an operation. Each fragment is reckoned once, so that none is for more than it is long."""

    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, Any]
    defaults: Mapping[str, Any]
    introspects: bool = False
    known: dict[str, tuple[int, int]] = field(default_factory=dict)
    schema_known: dict[str, int] = field(default_factory=dict)

    def visit(self, selections: SelectionSetNode, parent: GraphQLObjectType) -> tuple[int, int]:
        """Return the points of a selection set, and how deep it is."""
        cost = depth = 0
        for selection in selections.selections:
            if isinstance(selection, FieldNode):
                points, below = self._field(selection, parent)
            elif isinstance(selection, FragmentSpreadNode):
                points, below = self._fragment(selection.name.value, parent)
            else:
                inline: Any = selection
                points, below = self.visit(inline.selection_set, parent)
            cost += points
            depth = max(depth, below)
        return cost, depth

    def _fragment(self, name: str, parent: GraphQLObjectType) -> tuple[int, int]:
        found = self.known.get(name)
        if found is None:
            found = self.known[name] = self.visit(self.fragments[name].selection_set, parent)
        return found

    def _schema(self, selections: SelectionSetNode) -> int:
        """Return how many fields are asked of the schema; how deep they are is a matter of validation."""
        fields = 0
        for selection in selections.selections:
            found: Any = selection
            if isinstance(found, FragmentSpreadNode):
                name = found.name.value
                if name not in self.schema_known:
                    self.schema_known[name] = self._schema(self.fragments[name].selection_set)
                fields += self.schema_known[name]
            else:
                fields += isinstance(found, FieldNode)
                fields += 0 if found.selection_set is None else self._schema(found.selection_set)
        return fields

    def _field(self, node: FieldNode, parent: GraphQLObjectType) -> tuple[int, int]:
        name = node.name.value
        if name in _SCHEMA_FIELDS and node.selection_set is not None:
            self.introspects = True
            return SCHEMA_COST * self._schema(node.selection_set), 1
        made = parent.fields.get(name)
        if made is None:
            return 1, 1
        plan: Plan | None = made.extensions.get("plan")
        cost = 1 if plan is None or not plan.calls else 1 + CALL_COST
        times = 1 if plan is None else self._times(node, plan)
        if node.selection_set is None:
            # A list of plain values is one value to whoever asks; one that is written costs what it is long.
            return cost + (times if plan is not None and plan.batches else 0), 1
        below, depth = self.visit(node.selection_set, get_named_type(made.type))
        return cost + times * below, depth + 1

    def _times(self, node: FieldNode, plan: Plan) -> int:
        if plan.pages:
            size = self._argument(node, "first")
            # In JSON 1000.0 is a whole number too.
            return int(min(size, MAX_PAGE_LENGTH)) if isinstance(size, int | float) and size >= 1 else PAGE_LENGTH
        if plan.batches:
            items = self._argument(node, plan.batches)
            return max(1, len(items)) if isinstance(items, list | tuple) else 1
        return LIST_LENGTH if plan.many else 1

    def _argument(self, node: FieldNode, name: str) -> Any:
        value = next((argument.value for argument in node.arguments or () if argument.name.value == name), None)
        if isinstance(value, VariableNode):
            variable = value.name.value
            if variable in self.variables:
                return self.variables[variable]
            value = self.defaults.get(variable)
        if isinstance(value, IntValueNode):
            return int(value.value)
        return value.values if isinstance(value, ListValueNode) else value
