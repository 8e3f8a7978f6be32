"""Whether a model is sound as a whole: names, types, circles, and what could never hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.access.expressions import (
    AllOf,
    AnyOf,
    Computed,
    Direct,
    ExpressionError,
    Through,
    Without,
    leaves,
    parse_expression,
)
from services.auth.domain.access.model import build_model, parse_subject_kind, targets_of
from services.auth.domain.access.names import is_name
from services.auth.domain.errors.access import AccessModelInvalid
from services.chassis.errors import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from services.auth.domain.access.conditions import Conditions
    from services.auth.domain.access.expressions import Expression
    from services.auth.domain.access.model import Model, ModelText, Name, RelationText

LONGEST_CHAIN = 20
"""Relations and permissions of one object that may follow from each other in a row."""

MOST_NAMES = 300
"""Relations and permissions of all types together: to judge them costs more than their number."""

RESERVED = frozenset({"direct", "now"})
"""Words that have a meaning of their own."""


def judge_model(text: ModelText, conditions: Conditions) -> None:
    """Say what is wrong with a model.

    Raises:
        AccessModelInvalid: with all of it, as far as it can be told apart.
    """
    found = [*_judge_names(text)]
    found = found or [*_judge_entries(text), *_judge_conditions(text, conditions)]
    if not found:
        model = build_model(text, 0)
        found = [*_judge_references(model)]
        found = found or [*_judge_circles(model)] or [*_judge_vain(model)]
    if found:
        raise AccessModelInvalid([Violation(field=field, description=description) for field, description in found])


Problem = tuple[str, str]


def _judge_names(text: ModelText) -> Iterator[Problem]:
    if sum(len(one.relations) + len(one.permissions) for one in text.types) > MOST_NAMES:
        yield "types", f"There are more than {MOST_NAMES} relations and permissions."
    seen = set[str]()
    for field, name in _named(text):
        if not is_name(name):
            yield field, "The name has letters, digits and `_`, begins with a small letter and has 64 at most."
        elif name in RESERVED:
            yield field, f"`{name}` is a word with a meaning of its own."
        if field in seen:
            yield field, "The name is given twice."
        seen.add(field)


def _named(text: ModelText) -> Iterator[tuple[str, str]]:
    for one in text.types:
        yield f"types[{one.name}]", one.name
        for entry in (*one.relations, *one.permissions):
            yield f"types[{one.name}].{entry.name}", entry.name
    for condition in text.conditions:
        yield f"conditions[{condition.name}]", condition.name


def _judge_entries(text: ModelText) -> Iterator[Problem]:
    for one in text.types:
        for is_permission, entries in ((False, one.relations), (True, one.permissions)):
            for entry in entries:
                field = f"types[{one.name}].{entry.name}"
                yield from ((field, problem) for problem in _judge_entry(entry, is_permission=is_permission))


def _judge_entry(entry: RelationText, *, is_permission: bool) -> Iterator[str]:
    for subject in entry.subjects:
        if parse_subject_kind(subject) is None:
            yield f"`{subject}` names no subjects. Write `users`, `users/*` or `groups#member`, ` with <condition>`."
    if not is_permission and not entry.subjects:
        yield "A relation names who may be its subjects; without them it is a permission."
    if is_permission and not entry.expression:
        yield "A permission says what it follows from."
    try:
        expression: Expression = parse_expression(entry.expression) if entry.expression else Direct()
    except ExpressionError as error:
        yield f"The expression cannot be read: {error}."
        return
    says_direct = any(isinstance(leaf, Direct) for leaf, _ in leaves(expression))
    if is_permission and says_direct:
        yield "A permission has no direct subjects. Make it a relation, or name one."
    if not is_permission and not says_direct:
        yield "The relation's own subjects are left out. Write `direct` where they count."


def _judge_conditions(text: ModelText, conditions: Conditions) -> Iterator[Problem]:
    kinds: dict[str, object] = {}
    for condition in text.conditions:
        field = f"conditions[{condition.name}]"
        for name, kind in condition.parameters.items():
            if not is_name(name):
                yield f"{field}.parameters", f"`{name}` is no name."
            if name == "now" and kind.value != "timestamp":
                yield f"{field}.parameters", "`now` is set by the server and is a timestamp."
            if kinds.setdefault(name, kind) is not kind:
                yield f"{field}.parameters", f"`{name}` has another type in another condition."
        yield from ((f"{field}.expression", problem) for problem in conditions.find_problems(condition))


def _judge_references(model: Model) -> Iterator[Problem]:
    for (type_, name), rule in model.rules.items():
        field = f"types[{type_}].{name}"
        for kind in sorted(rule.subjects):
            if kind.type not in model.types:
                yield field, f"There is no type `{kind.type}`."
            elif kind.relation and (kind.type, kind.relation) not in model.rules:
                yield field, f"The type `{kind.type}` has no `{kind.relation}`."
            if kind.condition and kind.condition not in model.conditions:
                yield field, f"There is no condition `{kind.condition}`."
        for leaf, _ in leaves(rule.expression):
            if isinstance(leaf, Computed) and (type_, leaf.name) not in model.rules:
                yield field, f"The type `{type_}` has no `{leaf.name}`."
            if isinstance(leaf, Through):
                yield from ((field, problem) for problem in _judge_through(model, type_, leaf))


def _judge_through(model: Model, type_: str, leaf: Through) -> Iterator[str]:
    link = model.rules.get((type_, leaf.relation))
    if link is None or link.is_permission or not isinstance(link.expression, Direct):
        needed = f"as `{leaf.relation}.{leaf.name}` needs"
        yield f"`{leaf.relation}` is no relation of `{type_}` with direct subjects alone, {needed}."
        return
    for kind in sorted(link.subjects):
        if kind.relation or kind.everybody:
            yield f"`{leaf.relation}` may name `{kind}`, which is no one object for `{leaf.relation}.{leaf.name}`."
        elif (kind.type, leaf.name) not in model.rules:
            yield f"`{leaf.relation}` may name `{kind.type}`, which has no `{leaf.name}`."


def _judge_circles(model: Model) -> Iterator[Problem]:
    steps = {name: {to for to, _ in targets_of(model.rules, name)} for name in model.rules}
    for name in model.rules:
        taken = {to for to, negated in targets_of(model.rules, name) if negated}
        if taken and name in _reachable(steps, taken):
            yield f"types[{name[0]}].{name[1]}", "It takes away what follows from itself, so that it has no answer."
    chains: dict[Name, int] = {}
    for name in model.rules:
        length = _chain(model, name, chains, ())
        if length < 0:
            yield f"types[{name[0]}].{name[1]}", "It follows from itself on the same object."
        elif length > LONGEST_CHAIN:
            yield f"types[{name[0]}].{name[1]}", f"It follows from more than {LONGEST_CHAIN} others in a row."


def _reachable(steps: Mapping[Name, set[Name]], start: set[Name]) -> set[Name]:
    seen, waiting = set(start), list(start)
    while waiting:
        new = steps[waiting.pop()] - seen
        seen |= new
        waiting.extend(new)
    return seen


def _chain(model: Model, name: Name, known: dict[Name, int], above: tuple[Name, ...]) -> int:
    """Return how many names of one object follow from each other below `name`, or -1 where that goes in a circle."""
    if name in above:
        return -1
    if name not in known:
        below = [
            _chain(model, (name[0], leaf.name), known, (*above, name))
            for leaf, _ in leaves(model.rules[name].expression)
            if isinstance(leaf, Computed)
        ]
        known[name] = -1 if -1 in below else 1 + max(below, default=0)
    return known[name]


def _judge_vain(model: Model) -> Iterator[Problem]:
    """Find what nobody could ever have, since it follows from itself alone."""
    able = set[tuple[str, str]]()
    changed = True
    while changed:
        changed = False
        for name, rule in model.rules.items():
            if name not in able and _can_hold(model, name, rule.expression, able):
                able.add(name)
                changed = True
    for vain in sorted(model.rules.keys() - able):
        yield f"types[{vain[0]}].{vain[1]}", "Nobody can ever have it: it follows from itself alone."


def _can_hold(model: Model, name: Name, expression: Expression, able: set[Name]) -> bool:
    match expression:
        case Direct():
            return any(not kind.relation or (kind.type, kind.relation) in able for kind in model.rules[name].subjects)
        case Computed(other):
            return (name[0], other) in able
        case Through(relation, of):
            return any((kind.type, of) in able for kind in model.rules[name[0], relation].subjects)
        case AnyOf(parts):
            return any(_can_hold(model, name, part, able) for part in parts)
        case AllOf(parts):
            return all(_can_hold(model, name, part, able) for part in parts)
        case Without(kept, _):
            return _can_hold(model, name, kept, able)
