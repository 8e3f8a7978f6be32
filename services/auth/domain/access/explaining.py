"""Why an answer is as it is: every step that it follows from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.auth.domain.access.decisions import Decision
from services.auth.domain.access.expressions import AllOf, AnyOf, Computed, Direct, Through, Without
from services.auth.domain.access.names import Node
from services.auth.domain.access.values import NO, YES, Value, all_of, any_of, without
from services.auth.domain.errors.access import AccessTooLarge
from services.auth.domain.permissions import covering

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.auth.domain.access.decisions import Decisions, Question
    from services.auth.domain.access.evaluation import Circumstances, Graph
    from services.auth.domain.access.expressions import Expression
    from services.auth.domain.access.names import Object
    from services.auth.domain.access.relations import Relation
    from services.auth.domain.accounts import Directory

MOST_STEPS = 1000
"""Steps of the longest explanation."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step of an explanation."""

    parent: int
    """The place of the step that this one is part of; -1 for the first."""
    what: str
    """What it is about: `documents/readme#viewer`, `any of`, a relation, a role."""
    decision: Decision
    """What it comes to."""
    condition: str = ""
    """The condition of a relation, or nothing."""
    repeated: bool = False
    """Whether it is explained at another step."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """Why."""

    steps: tuple[Step, ...]
    """The steps, each after the one that it is part of; the first is the answer."""
    revision: int
    """The state that it is of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Explaining:
    """Explains answers."""

    decisions: Decisions
    """Gives them."""
    directory: Directory
    """What accounts hold by their roles."""

    async def explain(self, organization: str, question: Question) -> Explanation:
        """Return why the answer to a question is as it is.

        Raises what `Decisions.check` raises, and `AccessTooLarge` where there are too many steps.
        """
        if question.resource is None:
            return await self._by_roles(organization, question)
        graph, circumstances, revision = await self.decisions.graph_of(organization, question, question.resource)
        values = graph.evaluate(question.subject, circumstances)
        telling = _Telling(graph, circumstances, question.subject, values)
        telling.tell_node(Node(question.resource.type, question.resource.id, question.permission), -1)
        return Explanation(steps=tuple(telling.steps), revision=revision)

    async def _by_roles(self, organization: str, question: Question) -> Explanation:
        name = str(question.subject)
        account = await self.directory.find_acting(organization, name)
        if account is None or account.disabled:
            what = f"{name} has no account here" if account is None else f"{name} is disabled"
            return Explanation(steps=(Step(parent=-1, what=what, decision=Decision.of(NO)),), revision=0)
        granted = await self.directory.find_roles(organization, account.roles)
        wanted = covering(question.permission)
        parts = [
            Step(parent=0, what=f"{role} grants {deciding or 'nothing that covers it'}", decision=_of(bool(deciding)))
            for role, patterns in sorted(granted.items())
            for deciding in [next((pattern for pattern in wanted if pattern in patterns), "")]
        ]
        held = any(pattern in account.permissions for pattern in wanted)
        first = Step(parent=-1, what=f"{question.permission} of {name}", decision=_of(held))
        return Explanation(steps=(first, *parts), revision=0)


def _of(held: bool) -> Decision:
    return Decision.of(YES if held else NO)


@dataclass(slots=True)
class _Telling:
    """Writes down steps, each node once."""

    graph: Graph
    circumstances: Circumstances
    subject: Object
    values: dict[Node, Value]
    steps: list[Step] = field(default_factory=list)
    told: set[Node] = field(default_factory=set)

    def tell_node(self, node: Node, parent: int) -> None:
        expression = self.graph.expression(node)
        repeated = node in self.told and expression is not None
        place = self._add(parent, str(node), self.values.get(node, NO), repeated=repeated)
        self.told.add(node)
        if expression is not None and not repeated:
            self._tell(node, expression, place)

    def _tell(self, node: Node, expression: Expression, parent: int) -> Value:
        match expression:
            case Direct():
                return self._tell_direct(node, parent)
            case Computed(name):
                self.tell_node(Node(node.type, node.id, name), parent)
                return self.values.get(Node(node.type, node.id, name), NO)
            case Through(relation, name):
                return self._tell_through(node, relation, name, parent)
            case AnyOf(parts) | AllOf(parts):
                join, what = (any_of, "any of") if isinstance(expression, AnyOf) else (all_of, "all of")
                return self._tell_parts(node, what, parts, parent, join)
            case Without(kept, taken):
                parts = (kept, *taken)
                return self._tell_parts(
                    node, "the first without the others", parts, parent, lambda values: without(values[0], values[1:])
                )

    def _tell_parts(
        self,
        node: Node,
        what: str,
        parts: Sequence[Expression],
        parent: int,
        join: Callable[[Sequence[Value]], Value],
    ) -> Value:
        place = self._add(parent, what, NO)
        value = join([self._tell(node, part, place) for part in parts])
        step = self.steps[place]
        self.steps[place] = Step(parent=step.parent, what=step.what, decision=Decision.of(value))
        return value

    def _tell_direct(self, node: Node, parent: int) -> Value:
        values = [self._tell_named(one, parent) for one in self.graph.direct(node, self.subject)]
        values += [self._tell_related(one, one.subject_relation, parent) for one in self.graph.sets(node)]
        return any_of(values)

    def _tell_named(self, relation: Relation, parent: int) -> Value:
        value = self.circumstances.judge(relation)
        self._add(parent, str(relation), value, condition=relation.condition)
        return value

    def _tell_through(self, node: Node, relation: str, name: str, parent: int) -> Value:
        links = self.graph.links(Node(node.type, node.id, relation))
        return any_of([self._tell_related(one, name, parent) for one in links])

    def _tell_related(self, relation: Relation, name: str, parent: int) -> Value:
        target = Node(relation.subject_type, relation.subject_id, name)
        value = all_of((self.values.get(target, NO), self.circumstances.judge(relation)))
        place = self._add(parent, str(relation), value, condition=relation.condition)
        self.tell_node(target, place)
        return value

    def _add(self, parent: int, what: str, value: Value, *, condition: str = "", repeated: bool = False) -> int:
        if len(self.steps) == MOST_STEPS:
            raise AccessTooLarge("steps", MOST_STEPS)
        self.steps.append(
            Step(parent=parent, what=what, decision=Decision.of(value), condition=condition, repeated=repeated)
        )
        return len(self.steps) - 1
