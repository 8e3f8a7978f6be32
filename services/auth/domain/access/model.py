"""What an organization says of its objects: types, their relations and permissions, and conditions."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from services.auth.domain.access.expressions import Direct, Expression, Through, leaves, parse_expression
from services.auth.domain.access.names import EVERYBODY, NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

_SUBJECT = re.compile(rf"({NAME})(?:/(\*)|#({NAME}))?(?: with ({NAME}))?")


class ParameterType(enum.Enum):
    """What a value of a condition's context is."""

    BOOL = "bool"
    INT = "int"
    DOUBLE = "double"
    STRING = "string"
    TIMESTAMP = "timestamp"
    DURATION = "duration"
    STRINGS = "strings"
    MAP = "map"


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """When a relation holds that names it."""

    name: str
    """Its name."""
    expression: str
    """What must be true, in the Common Expression Language."""
    parameters: Mapping[str, ParameterType] = field(default_factory=dict)
    """What the expression may speak of."""


class SubjectKind(NamedTuple):
    """Who may be a subject of a relation: `users`, `users/*`, `groups#member`, `users with office_hours`."""

    type: str
    """The type of the subject."""
    relation: str = ""
    """The relation whose members are meant, or nothing for the subject itself."""
    everybody: bool = False
    """Whether all of the type are meant."""
    condition: str = ""
    """The condition that such a relation has to name, or nothing for none."""

    def __str__(self) -> str:
        """Return it as it is written."""
        tail = f"/{EVERYBODY}" if self.everybody else f"#{self.relation}" if self.relation else ""
        return f"{self.type}{tail}" + (f" with {self.condition}" if self.condition else "")


def parse_subject_kind(text: str) -> SubjectKind | None:
    """Return which subjects a text means, or None where it is not written as it has to be."""
    found = _SUBJECT.fullmatch(text)
    if found is None:
        return None
    return SubjectKind(found[1], found[3] or "", found[2] == EVERYBODY, found[4] or "")


@dataclass(frozen=True, kw_only=True, slots=True)
class RelationText:
    """A relation or a permission as somebody writes it."""

    name: str
    """Its name."""
    subjects: tuple[str, ...] = ()
    """Whom relations may name; none for a permission."""
    expression: str = ""
    """How it follows; `direct` where it is left out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TypeText:
    """A type as somebody writes it."""

    name: str
    """Its name, such as `documents`."""
    relations: tuple[RelationText, ...] = ()
    """What objects and subjects may be related by."""
    permissions: tuple[RelationText, ...] = ()
    """What follows from it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelText:
    """A model as somebody writes it."""

    types: tuple[TypeText, ...] = ()
    """The types."""
    conditions: tuple[Condition, ...] = ()
    """The conditions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A relation or a permission of a type."""

    subjects: frozenset[SubjectKind]
    """Whom relations may name; none for a permission."""
    expression: Expression
    """How it follows."""
    is_permission: bool
    """Whether it is a permission."""


Name = tuple[str, str]
"""A type, and a relation or permission of it."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model that was found to be sound."""

    revision: int
    """When it was written: it changes with every change."""
    rules: Mapping[Name, Rule]
    """Everything that subjects may have of objects."""
    conditions: Mapping[str, Condition]
    """The conditions by name."""
    _reads: dict[Name, Reads] = field(default_factory=dict)

    @cached_property
    def types(self) -> frozenset[str]:
        """The names of the types."""
        return frozenset(type_ for type_, _ in self.rules) | self.bare

    bare: frozenset[str] = frozenset()
    """Types without relations: mere subjects."""

    @cached_property
    def parameters(self) -> Mapping[str, ParameterType]:
        """What any condition asks for; one name has one type in all conditions."""
        return {name: kind for one in self.conditions.values() for name, kind in one.parameters.items()}

    @cached_property
    def strata(self) -> Mapping[Name, int]:
        """For each name, after how many others that it takes away it has to be computed."""
        return _stratify(self.rules)

    def permissions_of(self, type_: str) -> tuple[str, ...]:
        """Return the permissions of a type, in order."""
        return tuple(sorted(name for (of, name), rule in self.rules.items() if of == type_ and rule.is_permission))

    def reads(self, name: Name) -> Reads:
        """Return which relations an answer about `name` may depend on."""
        found = self._reads.get(name)
        if found is None:
            found = self._reads[name] = _read(self.rules, name)
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Reads:
    """Which relations have to be looked at to answer about one name, by the names of the relations."""

    direct: tuple[str, ...]
    """Those in which the subject itself counts."""
    sets: tuple[str, ...]
    """Those that may name subject sets."""
    links: tuple[str, ...]
    """Those whose subjects are objects that the answer goes on from."""


def build_model(text: ModelText, revision: int) -> Model:
    """Return the model of a text that was judged before. What is wrong with it is not looked for."""
    rules: dict[Name, Rule] = {}
    for one in text.types:
        for is_permission, entries in ((False, one.relations), (True, one.permissions)):
            for entry in entries:
                kinds = frozenset(kind for subject in entry.subjects if (kind := parse_subject_kind(subject)))
                expression = parse_expression(entry.expression) if entry.expression else Direct()
                rules[one.name, entry.name] = Rule(subjects=kinds, expression=expression, is_permission=is_permission)
    bare = frozenset(one.name for one in text.types)
    return Model(
        revision=revision,
        rules=rules,
        conditions={condition.name: condition for condition in text.conditions},
        bare=bare,
    )


def targets_of(rules: Mapping[Name, Rule], name: Name) -> list[tuple[Name, bool]]:
    """Return what a name follows from in one step, each with whether that is taken away."""
    rule, found = rules[name], []
    for leaf, negated in leaves(rule.expression):
        match leaf:
            case Direct():
                found += [((kind.type, kind.relation), negated) for kind in rule.subjects if kind.relation]
            case Through(relation, of):
                link = rules.get((name[0], relation))
                found += [((kind.type, of), negated) for kind in (link.subjects if link else ())]
            case computed:
                found.append(((name[0], computed.name), negated))
    return [(target, negated) for target, negated in found if target in rules]


def _read(rules: Mapping[Name, Rule], start: Name) -> Reads:
    direct, sets, links = set[str](), set[str](), set[str]()
    seen, waiting = {start}, [start]
    while waiting:
        name = waiting.pop()
        rule = rules[name]
        for leaf, _ in leaves(rule.expression):
            if isinstance(leaf, Direct):
                if any(not kind.relation for kind in rule.subjects):
                    direct.add(name[1])
                if any(kind.relation for kind in rule.subjects):
                    sets.add(name[1])
            elif isinstance(leaf, Through):
                links.add(leaf.relation)
        for target, _ in targets_of(rules, name):
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return Reads(direct=tuple(sorted(direct)), sets=tuple(sorted(sets)), links=tuple(sorted(links)))


def _stratify(rules: Mapping[Name, Rule]) -> dict[Name, int]:
    """Raise each name above what it takes away, until nothing changes: a sound model has no circle through that."""
    strata = dict.fromkeys(rules, 0)
    changed = True
    while changed:
        changed = False
        for name in rules:
            needed = max((strata[to] + negated for to, negated in targets_of(rules, name)), default=0)
            if needed > strata[name]:
                strata[name], changed = needed, True
    return strata
