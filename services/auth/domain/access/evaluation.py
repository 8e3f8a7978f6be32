"""What follows from relations: the least answer that model and relations agree with, however they are nested.

Relations may go in circles (a group that is a member of its own member). So answers are not looked for along paths:
everything that is asked about begins as no, and is raised until nothing changes, what is taken away before that which
it is taken from. The result depends on no order.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from typing import TYPE_CHECKING

from services.auth.domain.access.conditions import type_context
from services.auth.domain.access.expressions import AllOf, AnyOf, Computed, Direct, Through, Without, leaves
from services.auth.domain.access.names import EVERYBODY, Node, Object
from services.auth.domain.access.values import NO, OPEN, YES, Value, all_of, any_of, without
from services.auth.domain.errors.access import AccessTooLarge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from services.auth.domain.access.conditions import Conditions
    from services.auth.domain.access.expressions import Expression
    from services.auth.domain.access.model import Model
    from services.auth.domain.access.relations import Relation


MOST_JUDGED = 40_000_000
"""Characters of conditions times those of their contexts that one answer may cost: half a second at the worst, in which
nobody else is answered. Ten thousand relations with a short condition and a context of their own stay below it."""


class Circumstances:
    """Judges the conditions of relations in one context, each relation once, and no more of them than is bearable."""

    def __init__(self, model: Model, conditions: Conditions, context: Mapping[str, object]) -> None:
        """Take the model, what evaluates, and the typed context of the request."""
        self._model = model
        self._conditions = conditions
        self._context = context
        self._size = len(str(context))
        self._spent = 0
        self._judged: dict[tuple[str, str], Value] = {}

    def begin(self) -> None:
        """Begin another answer, which may cost as much as the one before."""
        self._spent = 0

    def judge(self, relation: Relation) -> Value:
        """Return whether a relation's condition holds; yes where it has none. Raises `AccessTooLarge`."""
        if not relation.condition:
            return YES
        key = relation.condition, relation.context
        value = self._judged.get(key)
        if value is None:
            value = self._judged[key] = self._judge(relation)
        return value

    def _judge(self, relation: Relation) -> Value:
        condition = self._model.conditions.get(relation.condition)
        if condition is None:
            return Value(OPEN, failed=frozenset({f"{relation.condition}: there is no such condition"}))
        self._spent += len(condition.expression) * (self._size + len(relation.context))
        if self._spent > MOST_JUDGED:
            raise AccessTooLarge("steps of conditions", MOST_JUDGED)
        fixed = json.loads(relation.context) if relation.context else {}
        typed = type_context(fixed, self._model.parameters, "context")
        # What was fixed when the relation was written is not for the request to change.
        return self._conditions.judge(condition, {**self._context, **typed})


class Graph:
    """Everything that the answers about some nodes depend on."""

    def __init__(self, model: Model, relations: Iterable[Relation], roots: Sequence[Node]) -> None:
        """Take the model, all relations that may count, and the nodes that are asked about."""
        self.model = model
        self._by_subject: defaultdict[Node, defaultdict[Object, list[Relation]]] = defaultdict(
            lambda: defaultdict(list)
        )
        self._sets: defaultdict[Node, list[Relation]] = defaultdict(list)
        self._links: defaultdict[Node, list[Relation]] = defaultdict(list)
        for one in relations:
            node = Node(one.resource_type, one.resource_id, one.relation)
            if one.subject_relation:
                self._sets[node].append(one)
            else:
                self._by_subject[node].setdefault(one.subject, []).append(one)
                self._links[node].append(one)
        self.order: list[Node] = []
        self._users: defaultdict[Node, list[Node]] = defaultdict(list)
        self._discover(roots)

    @property
    def size(self) -> int:
        """How many nodes there are."""
        return len(self.order)

    def subjects(self, type_: str) -> set[Object]:
        """Return the subjects of a type that any relation of these nodes names, `*` among them."""
        return {one for node in self.order for one in self._by_subject.get(node, ()) if one.type == type_}

    def direct(self, node: Node, subject: Object) -> list[Relation]:
        """Return the relations of a node that name a subject, or all of its type."""
        named = self._by_subject.get(node)
        if not named:
            return []
        everybody = named.get(Object(subject.type, EVERYBODY), [])
        return [*named.get(subject, []), *everybody] if subject.id != EVERYBODY else list(everybody)

    def sets(self, node: Node) -> list[Relation]:
        """Return the relations of a node that name subject sets."""
        return self._sets.get(node, [])

    def links(self, node: Node) -> list[Relation]:
        """Return the relations of a node that name objects."""
        return self._links.get(node, [])

    def expression(self, node: Node) -> Expression | None:
        """Return how a node follows, or None where the model has nothing of the kind."""
        rule = self.model.rules.get((node.type, node.name))
        return rule.expression if rule else None

    def evaluate(self, subject: Object, circumstances: Circumstances) -> dict[Node, Value]:
        """Return what a subject has of each node; `*` stands for a subject that no relation names.

        Raises:
            AccessTooLarge: the conditions would cost more than one answer may.
        """
        circumstances.begin()
        values: dict[Node, Value] = dict.fromkeys(self.order, NO)
        strata: defaultdict[int, list[Node]] = defaultdict(list)
        for node in reversed(self.order):
            strata[self.model.strata.get((node.type, node.name), 0)].append(node)
        for stratum in sorted(strata):
            waiting, queued = deque(strata[stratum]), set(strata[stratum])
            while waiting:
                node = waiting.popleft()
                queued.discard(node)
                expression = self.expression(node)
                value = NO if expression is None else self._value(node, expression, subject, circumstances, values)
                if value != values[node]:
                    values[node] = value
                    again = [
                        user
                        for user in self._users[node]
                        if user not in queued and self.model.strata[user.type, user.name] == stratum
                    ]
                    waiting.extend(again)
                    queued.update(again)
        return values

    def targets(self, node: Node) -> Iterable[Node]:
        """Give the nodes that a node follows from in one step."""
        expression = self.expression(node)
        if expression is None:
            return
        for leaf, _ in leaves(expression):
            match leaf:
                case Direct():
                    for one in self.sets(node):
                        yield Node(one.subject_type, one.subject_id, one.subject_relation)
                case Computed(name):
                    yield Node(node.type, node.id, name)
                case Through(relation, name):
                    for one in self.links(Node(node.type, node.id, relation)):
                        yield Node(one.subject_type, one.subject_id, name)

    def _discover(self, roots: Sequence[Node]) -> None:
        seen, waiting = set(roots), deque(dict.fromkeys(roots))
        while waiting:
            node = waiting.popleft()
            self.order.append(node)
            for target in self.targets(node):
                self._users[target].append(node)
                if target not in seen:
                    seen.add(target)
                    waiting.append(target)

    def _value(
        self,
        node: Node,
        expression: Expression,
        subject: Object,
        circumstances: Circumstances,
        values: Mapping[Node, Value],
    ) -> Value:
        match expression:
            case Direct():
                return self._direct(node, subject, circumstances, values)
            case Computed(name):
                return values.get(Node(node.type, node.id, name), NO)
            case Through(relation, name):
                return any_of(
                    all_of((values.get(Node(one.subject_type, one.subject_id, name), NO), circumstances.judge(one)))
                    for one in self.links(Node(node.type, node.id, relation))
                )
            case AnyOf(parts):
                return any_of(self._value(node, part, subject, circumstances, values) for part in parts)
            case AllOf(parts):
                return all_of(self._value(node, part, subject, circumstances, values) for part in parts)
            case Without(kept, taken):
                return without(
                    self._value(node, kept, subject, circumstances, values),
                    (self._value(node, part, subject, circumstances, values) for part in taken),
                )

    def _direct(self, node: Node, subject: Object, circumstances: Circumstances, values: Mapping[Node, Value]) -> Value:
        named = any_of(circumstances.judge(one) for one in self.direct(node, subject))
        if named.is_yes or not (sets := self.sets(node)):
            return named
        members = (
            all_of(
                (values.get(Node(one.subject_type, one.subject_id, one.subject_relation), NO), circumstances.judge(one))
            )
            for one in sets
        )
        return any_of((named, *members))
