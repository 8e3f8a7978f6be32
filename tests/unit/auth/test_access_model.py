"""Which models are sound, and what is said about those that are not."""

from __future__ import annotations

import time

import pytest

from services.auth.domain.access.expressions import (
    AllOf,
    AnyOf,
    Computed,
    Direct,
    ExpressionError,
    Through,
    Without,
    parse_expression,
)
from services.auth.domain.access.judging import MOST_NAMES, judge_model
from services.auth.domain.access.model import Condition, ModelText, ParameterType, RelationText, TypeText, build_model
from services.auth.domain.access.names import Object, make_object, parse_object, parse_subject
from services.auth.domain.errors.access import AccessModelInvalid, AccessQueryInvalid
from services.auth.storage.access_models import decode_model, encode_model
from services.auth.storage.conditions import CelConditions
from tests.fakes.auth_access_conformance import MODEL

USERS = TypeText(name="users")
GROUPS = TypeText(name="groups", relations=(RelationText(name="member", subjects=("users", "groups#member")),))


def documents(*relations: RelationText, permissions: tuple[RelationText, ...] = ()) -> ModelText:
    return ModelText(types=(USERS, GROUPS, TypeText(name="documents", relations=relations, permissions=permissions)))


def viewer(expression: str = "", *subjects: str) -> RelationText:
    return RelationText(name="viewer", subjects=subjects or ("users",), expression=expression)


def problems_of(model: ModelText) -> str:
    with pytest.raises(AccessModelInvalid) as caught:
        judge_model(model, CelConditions())
    return " | ".join(f"{one.field}: {one.description}" for one in caught.value.violations)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("direct", Direct()),
        ("editor", Computed("editor")),
        ("parent.viewer", Through("parent", "viewer")),
        ("direct | editor | parent.viewer", AnyOf((Direct(), Computed("editor"), Through("parent", "viewer")))),
        ("a & b", AllOf((Computed("a"), Computed("b")))),
        ("a - b - c", Without(Computed("a"), (Computed("b"), Computed("c")))),
        ("(a | b) - (c)", Without(AnyOf((Computed("a"), Computed("b"))), (Computed("c"),))),
        (" a|b ", AnyOf((Computed("a"), Computed("b")))),
    ],
)
def test_an_expression_is_what_it_says(text: str, expected: object) -> None:
    assert parse_expression(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "|", "a |", "a b", "(a", "a)", "()", "a | b & c", "A", "a..b", "a.b.c", "a;b", "(" * 20 + "a" + ")" * 20],
)
def test_what_can_be_read_in_two_ways_or_none_is_no_expression(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse_expression(text)


def test_a_sound_model_passes_and_is_kept_as_it_is() -> None:
    judge_model(MODEL, CelConditions())
    assert decode_model(encode_model(MODEL)) == MODEL
    model = build_model(MODEL, 1)
    assert model.types == {"users", "groups", "documents"}
    assert model.permissions_of("documents") == ("view",)
    assert model.strata["documents", "view"] == 1


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (documents(viewer("direct | editor")), "`documents` has no `editor`"),
        (documents(viewer("", "people")), "no type `people`"),
        (documents(viewer("", "groups#owner")), "`groups` has no `owner`"),
        (documents(viewer("", "users with noon")), "no condition `noon`"),
        (documents(viewer("", "users:*")), "names no subjects"),
        (documents(viewer("direct | parent.viewer")), "`parent` is no relation"),
        (
            documents(viewer("direct | parent.viewer"), RelationText(name="parent", subjects=("users",))),
            "which has no `viewer`",
        ),
        (
            documents(viewer("direct | parent.viewer"), RelationText(name="parent", subjects=("groups#member",))),
            "no one object",
        ),
        (
            documents(viewer("direct | parent.viewer"), RelationText(name="parent", subjects=("documents/*",))),
            "no one object",
        ),
        (documents(viewer("", "documents#viewer")), "Nobody can ever have it"),
        (documents(viewer("users")), "Write `direct`"),
        (documents(RelationText(name="viewer", expression="direct")), "names who may be its subjects"),
        (documents(viewer(), permissions=(RelationText(name="see", expression="direct"),)), "no direct subjects"),
        (documents(viewer(), permissions=(RelationText(name="see"),)), "what it follows from"),
        (documents(viewer(), permissions=(RelationText(name="viewer", expression="viewer"),)), "twice"),
        (documents(RelationText(name="direct", subjects=("users",))), "a meaning of its own"),
        (documents(RelationText(name="Bad name", subjects=("users",))), "begins with a small letter"),
        (ModelText(types=(USERS, USERS)), "twice"),
        (
            documents(
                viewer(),
                permissions=(
                    RelationText(name="one", expression="two | viewer"),
                    RelationText(name="two", expression="one | viewer"),
                ),
            ),
            "follows from itself on the same object",
        ),
        (
            documents(viewer("direct - hidden"), RelationText(name="hidden", subjects=("users", "documents#viewer"))),
            "takes away what follows from itself",
        ),
        (
            documents(
                viewer(),
                permissions=tuple(
                    RelationText(name=f"p{n}", expression=f"p{n + 1}" if n < 30 else "viewer") for n in range(31)
                ),
            ),
            "in a row",
        ),
    ],
)
def test_a_model_that_contradicts_itself_is_refused_with_what_is_wrong(model: ModelText, said: str) -> None:
    assert said in problems_of(model)


def test_the_largest_model_is_judged_soon_and_a_larger_one_not_at_all() -> None:
    def large(count: int) -> ModelText:
        names = [f"p{n}" for n in range(count - 1)]
        everything = " | ".join(["viewer", *names[:100]])
        permissions = (RelationText(name=name, expression="viewer - hidden") for name in names[:100])
        others = (RelationText(name=name, expression=everything) for name in names[100:])
        return documents(
            viewer(), RelationText(name="hidden", subjects=("users",)), permissions=(*permissions, *others)
        )

    begun = time.process_time()
    judge_model(large(MOST_NAMES - 2), CelConditions())
    assert time.process_time() - begun < 5
    assert "more than 300" in problems_of(large(MOST_NAMES - 1))


def test_a_circle_over_other_objects_is_no_contradiction() -> None:
    judge_model(
        documents(
            viewer("direct | parent.viewer", "users", "documents#viewer"),
            RelationText(name="parent", subjects=("documents",)),
        ),
        CelConditions(),
    )


def test_a_parameter_has_one_type_in_all_conditions() -> None:
    conditions = tuple(
        Condition(name=name, expression="x == x", parameters={"x": kind})
        for name, kind in (("one", ParameterType.INT), ("two", ParameterType.STRING))
    )
    assert "another type" in problems_of(ModelText(types=(USERS,), conditions=conditions))


def test_all_mistakes_are_told_at_once() -> None:
    said = problems_of(documents(viewer("direct | editor | owner", "people", "robots")))
    assert all(name in said for name in ("editor", "owner", "people", "robots"))


@pytest.mark.parametrize(
    "text", ["", "documents", "documents/", "/a", "Documents/a", "documents/a b", "documents/a#b", "documents/*"]
)
def test_what_names_no_object_is_refused(text: str) -> None:
    with pytest.raises(AccessQueryInvalid):
        parse_object(text, "resource")


def test_ids_may_hold_what_other_systems_call_their_objects() -> None:
    for id_ in ("a/b/c", "beth@the-smiths.com", "Ünïcode", "x" * 256):
        assert make_object("users", id_, "subject") == Object("users", id_)


def test_a_subject_is_one_all_of_a_type_or_a_set() -> None:
    assert parse_subject("users/ann", "s") == (("users", "ann"), "")
    assert parse_subject("users/*", "s") == (("users", "*"), "")
    assert parse_subject("groups/x#member", "s") == (("groups", "x"), "member")
    for text in ("groups/*#member", "groups/x#", "groups/x#a#b", "users"):
        with pytest.raises(AccessQueryInvalid):
            parse_subject(text, "s")
