"""Answers by relations and roles, explanations, and changes of models and relations, over fakes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from services.auth.domain.access.decisions import Question, Verdict
from services.auth.domain.access.model import Condition, ModelText, ParameterType, RelationText, TypeText
from services.auth.domain.access.names import Object
from services.auth.domain.access.relations import Change, Filter, Precondition, Relation
from services.auth.domain.errors.access import (
    AccessModelChanged,
    AccessModelInUse,
    AccessModelMissing,
    AccessNameUnknown,
    AccessTooLarge,
    CheckedAtUnknown,
    ContextInvalid,
    RelationInvalid,
    RelationPreconditionFailed,
)
from tests.fakes.auth_access_conformance import ANN, MODEL, NOW, relation
from tests.fakes.auth_access_world import Access

BOB = Object("users", "bob")


@pytest.fixture
async def access() -> Access:
    made = Access()
    await made.writing.replace_model("default", MODEL, 0)
    return made


async def test_nobody_may_anything_unless_a_relation_says_so(access: Access) -> None:
    """Auth statement 46: deny by default."""
    assert await access.ask("view", "documents/a") is Verdict.DENIED
    await access.put("documents/a#viewer@users/ann")
    assert await access.ask("view", "documents/a") is Verdict.ALLOWED
    assert await access.ask("view", "documents/a", BOB) is Verdict.DENIED


async def test_what_is_taken_away_wins(access: Access) -> None:
    await access.put("documents/a#viewer@users/*", "documents/a#banned@users/ann")
    assert await access.ask("view", "documents/a") is Verdict.DENIED
    assert await access.ask("view", "documents/a", BOB) is Verdict.ALLOWED
    assert await access.ask("viewer", "documents/a") is Verdict.ALLOWED


async def test_groups_that_contain_each_other_have_an_answer(access: Access) -> None:
    await access.put(
        "documents/a#viewer@groups/x#member",
        "groups/x#member@groups/y#member",
        "groups/y#member@groups/x#member",
        "groups/y#member@users/ann",
    )
    assert await access.ask("view", "documents/a") is Verdict.ALLOWED
    assert await access.ask("view", "documents/a", BOB) is Verdict.DENIED


async def test_a_change_counts_at_once(access: Access) -> None:
    """Auth statement 47: what relations allow is effective immediately."""
    await access.put("documents/a#viewer@users/ann")
    assert await access.ask("view", "documents/a") is Verdict.ALLOWED
    await access.writing.write("default", Change(deletes=[relation("documents/a#viewer@users/ann")]))
    assert await access.ask("view", "documents/a") is Verdict.DENIED


async def test_a_new_model_counts_at_once_in_a_process_that_knew_the_old_one(access: Access) -> None:
    await access.put("documents/a#viewer@users/ann")
    assert await access.ask("view", "documents/a") is Verdict.ALLOWED
    other = Access(store=access.store, people=access.people)
    types = (
        *MODEL.types[:2],
        TypeText(
            name="documents",
            relations=(*MODEL.types[2].relations[:2], replace(MODEL.types[2].relations[2], expression="direct")),
            permissions=(
                RelationText(name="view", expression="viewer & banned"),
                RelationText(name="read", expression="viewer"),
            ),
        ),
    )
    await other.writing.replace_model("default", ModelText(types=types, conditions=MODEL.conditions), None)
    assert await access.ask("view", "documents/a") is Verdict.DENIED
    assert await access.ask("read", "documents/a") is Verdict.ALLOWED


async def test_a_condition_without_its_context_is_open_and_names_what_is_missing(access: Access) -> None:
    await access.put(relation("documents/a#viewer@users/ann", condition="sober"))
    question = Question(subject=ANN, permission="view", resource=Object("documents", "a"))
    decision = (await access.decisions.check("default", question)).decisions[0]
    assert (decision.verdict, decision.missing) == (Verdict.CONDITIONAL, ("x",))
    assert await access.ask("view", "documents/a", x=1) is Verdict.ALLOWED
    assert await access.ask("view", "documents/a", x=2) is Verdict.DENIED


async def test_a_request_does_not_change_what_a_relation_fixes(access: Access) -> None:
    await access.put(relation("documents/a#viewer@users/ann", condition="sober", context='{"x":2}'))
    assert await access.ask("view", "documents/a", x=1) is Verdict.DENIED


async def test_the_server_sets_the_time(access: Access) -> None:
    early = Condition(
        name="early", expression="now < timestamp('2026-11-21T12:00:01Z')", parameters={"now": ParameterType.TIMESTAMP}
    )
    documents = TypeText(name="documents", relations=(RelationText(name="viewer", subjects=("users with early",)),))
    text = ModelText(types=(TypeText(name="users"), documents), conditions=(early,))
    await access.writing.replace_model("default", text, None)
    await access.put(relation("documents/a#viewer@users/ann", condition="early"))
    assert await access.ask("viewer", "documents/a") is Verdict.ALLOWED
    with pytest.raises(ContextInvalid):
        await access.ask("viewer", "documents/a", now="2020-01-01T00:00:00Z")


async def test_what_has_expired_counts_for_nothing(access: Access) -> None:
    await access.put(relation("documents/a#viewer@users/ann", expire_time=NOW + timedelta(seconds=1)))
    assert await access.ask("view", "documents/a") is Verdict.ALLOWED
    access.store.kept("default").relations = {
        key: one._replace(expire_time=NOW) for key, one in access.store.kept("default").relations.items()
    }
    assert await access.ask("view", "documents/a") is Verdict.DENIED


async def test_what_the_model_does_not_know_is_an_error_and_not_a_no(access: Access) -> None:
    for permission, resource, subject in (
        ("publish", "documents/a", ANN),
        ("view", "folders/a", ANN),
        ("view", "documents/a", Object("robots", "r")),
    ):
        with pytest.raises(AccessNameUnknown):
            await access.ask(permission, resource, subject)
    with pytest.raises(ContextInvalid):
        await access.ask("view", "documents/a", y=1)
    with pytest.raises(AccessModelMissing):
        await access.decisions.check("other", Question(subject=ANN, permission="view", resource=Object("a", "b")))


async def test_too_much_is_an_error_and_not_a_no(access: Access) -> None:
    await access.put(*(f"documents/a#viewer@groups/g{n}#member" for n in range(11)))
    with pytest.raises(AccessTooLarge):
        await access.ask("view", "documents/a")


async def test_what_is_too_much_together_is_answered_all_the_same(access: Access) -> None:
    for name in "abcd":
        await access.put(*(f"documents/{name}#viewer@groups/{name}{n}#member" for n in range(8)))
    await access.put("groups/c3#member@users/ann")
    few = replace(access.decisions, most_together=10)
    questions = [Question(subject=ANN, permission="view", resource=Object("documents", name)) for name in "abcda"]
    answers = await few.check_all("default", questions)
    assert [one.verdict is Verdict.ALLOWED for one in answers.decisions] == [False, False, True, False, False]


async def test_conditions_that_would_keep_everybody_waiting_are_an_error(access: Access) -> None:
    """Each costs milliseconds, in which nobody else is answered; thousands of them would cost a minute."""
    costly = "!l.all(x, " + " && ".join(["l == l"] * 48) + ")"
    conditions = (Condition(name="costly", expression=costly, parameters={"l": ParameterType.STRINGS}),)
    viewer = RelationText(name="viewer", subjects=("groups#member with costly",))
    types = (*MODEL.types[:2], TypeText(name="documents", relations=(viewer,)))
    other = Access()
    await other.writing.replace_model("default", ModelText(types=types, conditions=conditions), 0)
    for n in range(40):
        context = json.dumps({"l": [f"{n:038}"] * 90})
        link = relation(f"documents/a#viewer@groups/g{n}#member", condition="costly", context=context)
        await other.put(link, f"groups/g{n}#member@users/ann")
    question = Question(subject=ANN, permission="viewer", resource=Object("documents", "a"))
    with pytest.raises(AccessTooLarge):
        await replace(other.decisions, most_read=100).check("default", question)


async def test_an_answer_is_as_fresh_as_a_change_or_none(access: Access) -> None:
    revision = await access.put("documents/a#viewer@users/ann")
    question = Question(subject=ANN, permission="view", resource=Object("documents", "a"))
    assert (await access.decisions.check("default", question, fresh=revision)).revision == revision
    for ask in (
        access.decisions.check("default", question, fresh=revision + 1),
        access.decisions.check_all("default", [question], fresh=revision + 1),
    ):
        with pytest.raises(CheckedAtUnknown):
            await ask


async def test_roles_answer_where_there_is_no_resource(access: Access) -> None:
    access.people.add_role("roles/clerk", "shop.orders.*")
    access.people.add_user("users/ann", "roles/clerk")
    access.people.add_user("users/bob", "roles/clerk")
    access.people.users["default", "users/bob"] = replace(access.people.users["default", "users/bob"], disabled=True)
    questions = [
        Question(subject=subject, permission=permission)
        for subject in (ANN, BOB, Object("users", "nobody"))
        for permission in ("shop.orders.get", "shop.items.get")
    ]
    mixed = [*questions, Question(subject=ANN, permission="view", resource=Object("documents", "a"))]
    answers = await access.decisions.check_all("default", mixed)
    assert [one.verdict for one in answers.decisions] == [Verdict.ALLOWED, *[Verdict.DENIED] * 6]
    alone = await access.decisions.check("default", questions[0])
    assert alone.decisions[0].verdict is Verdict.ALLOWED


async def test_everybody_is_listed_with_those_who_are_excepted(access: Access) -> None:
    await access.put("documents/a#viewer@users/*", "documents/a#viewer@users/bob", "documents/a#banned@users/ann")
    listed = await access.listing.list_subjects(
        "default",
        resource=Object("documents", "a"),
        permission="view",
        type_="users",
        context={},
        after="",
        count=10,
    )
    assert (listed.allowed, listed.excepted) == (("*", "bob"), ("ann",))


async def test_an_explanation_tells_every_step(access: Access) -> None:
    await access.put(
        "documents/a#parent@documents/b",
        relation("documents/b#viewer@groups/x#member"),
        "groups/x#member@groups/x#member",
        "groups/x#member@users/ann",
        relation("documents/a#viewer@users/ann", condition="sober"),
    )
    question = Question(subject=ANN, permission="view", resource=Object("documents", "a"))
    steps = (await access.explaining.explain("default", question)).steps
    assert [step.parent < place for place, step in enumerate(steps)] == [True] * len(steps)
    assert steps[0].what == "documents/a#view"
    assert steps[0].decision.verdict is Verdict.ALLOWED
    said = {step.what: step for step in steps}
    assert said["documents/a#viewer@users/ann"].decision.missing == ("x",)
    assert said["groups/x#member@users/ann"].decision.verdict is Verdict.ALLOWED
    assert said["documents/a#banned"].decision.verdict is Verdict.DENIED
    assert any(step.repeated for step in steps)


async def test_an_explanation_by_roles_names_the_pattern(access: Access) -> None:
    access.people.add_role("roles/clerk", "shop.orders.*", "shop.items.get")
    access.people.add_role("roles/guest", "pages.*")
    access.people.add_user("users/ann", "roles/clerk", "roles/guest")
    question = Question(subject=ANN, permission="shop.orders.get")
    steps = (await access.explaining.explain("default", question)).steps
    assert [(step.what, step.decision.verdict) for step in steps] == [
        ("shop.orders.get of users/ann", Verdict.ALLOWED),
        ("roles/clerk grants shop.orders.*", Verdict.ALLOWED),
        ("roles/guest grants nothing that covers it", Verdict.DENIED),
    ]


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (relation("documents/a#owner@users/ann"), "no such relation"),
        (relation("documents/a#view@users/ann"), "no such relation"),
        (relation("documents/a#banned@groups/x#member"), "its subjects may be: users"),
        (relation("documents/a#banned@users/*"), "does not allow"),
        (relation("documents/a#viewer@users/ann", condition="drunk"), "does not allow"),
        (relation("documents/a#viewer@users/ann", expire_time=NOW), "passed"),
    ],
)
async def test_a_relation_fits_the_model_or_is_not_kept(access: Access, one: Relation, said: str) -> None:
    with pytest.raises(RelationInvalid, match=said):
        await access.put(one)
    assert access.store.kept("default").relations == {}


async def test_a_fixed_context_is_its_conditions(access: Access) -> None:
    for context, condition in (('{"x":"a"}', "sober"), ('{"y":1}', "sober"), ('{"x":1}', "")):
        with pytest.raises(ContextInvalid):
            await access.put(relation("documents/a#viewer@users/ann", condition=condition, context=context))


async def test_nothing_is_written_where_a_precondition_fails_or_one_is_named_twice(access: Access) -> None:
    one = relation("documents/a#viewer@users/ann")
    exists = Precondition(filter=Filter(resource_type="documents", resource_id="a"), exists=True)
    with pytest.raises(RelationPreconditionFailed):
        await access.writing.write("default", Change(writes=[one], preconditions=[exists]))
    with pytest.raises(RelationInvalid):
        await access.writing.write("default", Change(writes=[one], deletes=[one]))
    assert access.store.kept("default").relations == {}
    missing = Precondition(filter=exists.filter, exists=False)
    await access.writing.write("default", Change(writes=[one], preconditions=[missing]))
    with pytest.raises(RelationPreconditionFailed):
        await access.writing.write("default", Change(writes=[one], preconditions=[missing]))


async def test_a_model_is_not_replaced_under_relations_that_it_does_not_allow(access: Access) -> None:
    await access.put("documents/a#viewer@users/*")
    bare = ModelText(types=(TypeText(name="users"),))
    with pytest.raises(AccessModelInUse, match=r"documents#viewer@users/\*"):
        await access.writing.replace_model("default", bare, None)
    deleted, complete, _ = await access.writing.delete_some("default", Filter(resource_type="documents"), 1)
    assert (deleted, complete) == (1, True)
    await access.writing.replace_model("default", bare, None)


async def test_a_model_that_somebody_else_has_changed_is_not_replaced(access: Access) -> None:
    with pytest.raises(AccessModelChanged):
        await access.writing.replace_model("default", MODEL, 0)
    await access.writing.replace_model("default", MODEL, 1)
    with pytest.raises(AccessModelChanged):
        await access.writing.replace_model("default", MODEL, 1)
