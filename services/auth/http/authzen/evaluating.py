"""Access evaluation, one (Authorization API 1.0 §6) or several at once (§7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.auth.domain.access.decisions import Question
from services.auth.http.authzen.asking import Unknown, find_model, make_question, show_decision
from services.auth.http.authzen.entities import (
    RequestMalformed,
    merge,
    read_action,
    read_context,
    read_entity,
    read_object,
)
from services.chassis.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from services.auth.domain.access.decisions import Decision
    from services.auth.domain.access.model import Model
    from services.auth.http.authzen.doors import AuthzenDoor

MOST_EVALUATIONS = 100
"""Evaluations of one request."""

_STOPS = {"execute_all": None, "deny_on_first_deny": False, "permit_on_first_permit": True}


async def evaluate(door: AuthzenDoor, organization: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """Answer one evaluation."""
    model = await find_model(door.decisions, organization)
    question = _read(model, organization, said)
    if isinstance(question, Unknown):
        return show_decision(question)
    answers = await door.decisions.check(organization, question)
    return show_decision(answers.decisions[0])


async def evaluate_all(door: AuthzenDoor, organization: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """Answer several evaluations; one that is not well formed is denied alone."""
    evaluations = said.get("evaluations", [])
    if not isinstance(evaluations, list):
        raise RequestMalformed("evaluations", "It has to be an array.")
    if len(evaluations) > MOST_EVALUATIONS:
        raise RequestMalformed("evaluations", f"There are more than {MOST_EVALUATIONS}.")
    stop = _stop(said)
    if not evaluations:
        return await evaluate(door, organization, said)
    model = await find_model(door.decisions, organization)
    asked = [_read_leniently(model, organization, said, one) for one in evaluations]
    questions = [one for one in asked if isinstance(one, Question)]
    answers = await door.decisions.check_all(organization, questions) if questions else None
    decided = iter(answers.decisions if answers else ())
    return {"evaluations": _cut([_show(one, decided) for one in asked], stop)}


def _read(model: Model, organization: str, said: Mapping[str, Any]) -> Question | Unknown:
    return make_question(
        model,
        organization,
        subject=read_entity(said, "subject"),
        action=read_action(said),
        resource=read_entity(said, "resource"),
        context=read_context(said),
    )


def _read_leniently(
    model: Model, organization: str, defaults: Mapping[str, Any], one: object
) -> Question | Unknown | dict[str, Any]:
    try:
        return _read(model, organization, merge(defaults, read_object(one, "evaluations")))
    except InvalidArgument as error:
        return {"decision": False, "context": {"error": {"status": 400, "message": error.message}}}


def _show(one: Question | Unknown | dict[str, Any], decided: Iterator[Decision]) -> dict[str, Any]:
    if isinstance(one, dict):
        return one
    return show_decision(next(decided) if isinstance(one, Question) else one)


def _stop(said: Mapping[str, Any]) -> bool | None:
    """Return the decision after which no more are given, or None for all."""
    options = read_object(said.get("options", {}), "options")
    semantic = options.get("evaluations_semantic", "execute_all")
    if not isinstance(semantic, str) or semantic not in _STOPS:
        raise RequestMalformed("options.evaluations_semantic", f"It has to be one of {', '.join(_STOPS)}.")
    return _STOPS[semantic]


def _cut(shown: Sequence[dict[str, Any]], stop: bool | None) -> list[dict[str, Any]]:
    for place, one in enumerate(shown, 1):
        if one["decision"] is stop:
            return list(shown[:place])
    return list(shown)
