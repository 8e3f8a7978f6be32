"""Answers access questions in the plainest way there is, and random models and relations to try others against it.

Nothing here is shared with the service but the way in which models are written: expressions are evaluated as Python
trees of their own, along every path, and a path that comes back to where it was ends in no.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from services.auth.domain.access.model import Condition, ModelText, ParameterType, RelationText, TypeText
from services.auth.domain.access.relations import Relation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

NO, OPEN, YES = 0, 1, 2

CONDITIONS = (
    Condition(name="is_one", expression="x == 1", parameters={"x": ParameterType.INT}),
    Condition(
        name="flag_or_large",
        expression="flag || x > 2",
        parameters={"x": ParameterType.INT, "flag": ParameterType.BOOL},
    ),
)


def judge(name: str, context: Mapping[str, Any]) -> int:
    """Return whether one of `CONDITIONS` holds."""
    x, flag = context.get("x"), context.get("flag")
    if name == "is_one":
        return OPEN if x is None else YES if x == 1 else NO
    if flag is True or (x is not None and x > 2):
        return YES
    return OPEN if flag is None or x is None else NO


Tree = Any
"""A tuple: `("direct",)`, `("computed", name)`, `("through", relation, name)`, or an operator and its parts."""


def written(tree: Tree) -> str:
    """Return a tree as an expression."""
    match tree:
        case ("direct",):
            return "direct"
        case ("computed", name):
            return str(name)
        case ("through", relation, name):
            return f"{relation}.{name}"
        case (operator, *parts):
            return "(" + f" {operator} ".join(written(part) for part in parts) + ")"
    raise AssertionError(tree)


@dataclass(frozen=True, kw_only=True)
class World:
    """A model, relations, and a request's context."""

    trees: Mapping[tuple[str, str], Tree]
    subjects: Mapping[tuple[str, str], Sequence[str]]
    relations: Sequence[tuple[Relation, Mapping[str, Any]]]
    context: Mapping[str, Any]

    @property
    def model(self) -> ModelText:
        types: dict[str, tuple[list[RelationText], list[RelationText]]] = {name: ([], []) for name in TYPES}
        for (type_, name), tree in self.trees.items():
            subjects = tuple(self.subjects.get((type_, name), ()))
            text = RelationText(name=name, subjects=subjects, expression=written(tree))
            types[type_][0 if subjects else 1].append(text)
        return ModelText(
            types=tuple(
                TypeText(name=name, relations=tuple(relations), permissions=tuple(permissions))
                for name, (relations, permissions) in types.items()
            ),
            conditions=CONDITIONS,
        )

    def answer(self, type_: str, id_: str, name: str, subject: tuple[str, str]) -> int:
        """Return whether a subject has something of an object: no, open or yes."""
        return self._node((type_, id_, name), subject, frozenset())

    def _node(self, node: tuple[str, str, str], subject: tuple[str, str], above: frozenset[Any]) -> int:
        tree = self.trees.get((node[0], node[2]))
        if tree is None or node in above:
            return NO
        return self._tree(tree, node, subject, above | {node})

    def _tree(self, tree: Tree, node: tuple[str, str, str], subject: tuple[str, str], above: frozenset[Any]) -> int:
        def part(one: Tree) -> int:
            return self._tree(one, node, subject, above)

        match tree:
            case ("direct",):
                return max((self._named(one, fixed, subject, above) for one, fixed in self._of(node)), default=NO)
            case ("computed", name):
                return self._node((node[0], node[1], name), subject, above)
            case ("through", relation, name):
                links = self._of((node[0], node[1], relation))
                return max(
                    (
                        min(self._holds(one, fixed), self._node((*one.subject, name), subject, above))
                        for one, fixed in links
                    ),
                    default=NO,
                )
            case ("|", *parts):
                return max(part(one) for one in parts)
            case ("&", *parts):
                return min(part(one) for one in parts)
            case ("-", kept, *taken):
                # What is taken away never leads back here, so that it is looked at afresh.
                barred = max(self._tree(one, node, subject, frozenset()) for one in taken)
                return min(part(kept), YES - barred)
        raise AssertionError(tree)

    def _of(self, node: tuple[str, str, str]) -> list[tuple[Relation, Mapping[str, Any]]]:
        return [(one, fixed) for one, fixed in self.relations if (*one.resource, one.relation) == node]

    def _holds(self, one: Relation, fixed: Mapping[str, Any]) -> int:
        return judge(one.condition, {**self.context, **fixed}) if one.condition else YES

    def _named(self, one: Relation, fixed: Mapping[str, Any], subject: tuple[str, str], above: frozenset[Any]) -> int:
        if one.subject_relation:
            inside = self._node((*one.subject, one.subject_relation), subject, above)
            return min(inside, self._holds(one, fixed))
        is_meant = one.subject_type == subject[0] and one.subject_id in {subject[1], "*"}
        return self._holds(one, fixed) if is_meant else NO


TYPES = ("users", "groups", "folders", "documents")
IDS = ("a", "b", "c")
_KINDS = (
    "users",
    "users/*",
    "users with is_one",
    "users/* with flag_or_large",
    "groups#member",
    "groups#member with flag_or_large",
    "folders#viewer",
    "documents#viewer",
)
_CONTEXTS = st.fixed_dictionaries({}, optional={"x": st.integers(0, 3), "flag": st.booleans()})


@st.composite
def worlds(draw: Callable[..., Any]) -> World:
    """Draw a model and relations that fit it; whether the model is sound is for the service to say."""
    trees: dict[tuple[str, str], Tree] = {}
    subjects: dict[tuple[str, str], Sequence[str]] = {}
    for type_ in ("groups", "folders", "documents"):
        relations = ["member"] if type_ == "groups" else ["viewer", "banned"]
        for name in relations:
            subjects[type_, name] = draw(st.lists(st.sampled_from(_KINDS), min_size=1, max_size=4, unique=True))
            trees[type_, name] = draw(_rewrites(type_, name, ("direct",)))
        if type_ != "groups":
            subjects[type_, "parent"] = draw(
                st.sampled_from([("folders",), ("folders with is_one",), ("folders", "documents")])
            )
            trees[type_, "parent"] = ("direct",)
            for name in ("view", "edit"):
                trees[type_, name] = draw(_rewrites(type_, name, ("computed", "viewer")))
    drawn = draw(st.lists(_relations(subjects), max_size=25))
    unique = {one.key: (one, fixed) for one, fixed in drawn}
    return World(trees=trees, subjects=subjects, relations=list(unique.values()), context=draw(_CONTEXTS))


def _rewrites(type_: str, name: str, first: Tree) -> st.SearchStrategy[Tree]:
    """Draw what a relation or permission follows from, among it what it has to begin with."""
    names = ["member"] if type_ == "groups" else ["viewer", "banned", "view", "edit"]
    leaves: list[Tree] = [("computed", other) for other in names if other != name]
    if type_ != "groups":
        leaves += [("through", "parent", other) for other in names]
    if not leaves:
        return st.just(first)
    leaf = st.sampled_from(leaves)
    inner = st.one_of(leaf, st.tuples(st.sampled_from("|&-"), leaf, leaf))
    return st.one_of(
        st.just(first),
        st.tuples(st.sampled_from("||&-"), st.just(first), inner),
        st.tuples(st.just("|"), st.just(first), inner, inner),
    )


@st.composite
def _relations(draw: Callable[..., Any], subjects: Mapping[tuple[str, str], Sequence[str]]) -> Any:
    type_, relation = draw(st.sampled_from(sorted(subjects)))
    kind, _, condition = draw(st.sampled_from(list(subjects[type_, relation]))).partition(" with ")
    subject, _, set_ = kind.partition("#")
    subject_type, _, everybody = subject.partition("/")
    fixed = draw(_CONTEXTS) if condition else {}
    asked = next((one.parameters for one in CONDITIONS if one.name == condition), {})
    fixed = {name: value for name, value in fixed.items() if name in asked}
    id_ = everybody or draw(st.sampled_from(IDS))
    one = Relation(type_, draw(st.sampled_from(IDS)), relation, subject_type, id_, set_, condition)
    return one, fixed
