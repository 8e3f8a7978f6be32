"""Searches for subjects, resources and actions (Authorization API 1.0 §8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.auth.domain.access.catalogue import Selection
from services.auth.domain.access.decisions import Question, Verdict
from services.auth.domain.access.names import EVERYBODY, make_object
from services.auth.domain.errors.access import AccessQueryInvalid
from services.auth.http.authzen.asking import ORGANIZATIONS, find_model, make_context
from services.auth.http.authzen.entities import (
    RequestMalformed,
    read_action,
    read_context,
    read_entity,
    read_object,
)
from services.records.reading.pages import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.auth.domain.access.listing import Listed
    from services.auth.domain.access.names import Object
    from services.auth.http.authzen.doors import AuthzenDoor
    from services.auth.http.authzen.entities import Entity

_NOTHING: dict[str, Any] = {"results": [], "page": {"next_token": "", "count": 0}}


async def search_subjects(door: AuthzenDoor, organization: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the subjects of a type that may do something with a resource.

    Where all of the type may, that is said in the context: they cannot be listed.
    """
    subject, action = read_entity(said, "subject", whole=False), read_action(said)
    resource, context = read_entity(said, "resource"), read_context(said)
    bound = door.bind("subject", organization, said)
    after, count = _page(door, said, bound)
    what, model = _named(resource), await find_model(door.decisions, organization)
    if what is None or subject.type not in model.types or (resource.type, action.name) not in model.rules:
        return _NOTHING
    listed = await door.listing.list_subjects(
        organization,
        resource=what,
        permission=action.name,
        type_=subject.type,
        context=make_context(model, subject=subject, action=action, resource=resource, context=context),
        after=after,
        count=count,
    )
    answer = _show(door, subject.type, listed, bound)
    if EVERYBODY in listed.allowed:
        answer["context"] = {"everybody": {"except": list(listed.excepted)}}
    return answer


async def search_resources(door: AuthzenDoor, organization: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the resources of a type with which a subject may do something."""
    subject, action = read_entity(said, "subject"), read_action(said)
    resource, context = read_entity(said, "resource", whole=False), read_context(said)
    bound = door.bind("resource", organization, said)
    after, count = _page(door, said, bound)
    who, model = _named(subject), await find_model(door.decisions, organization)
    if who is None or subject.type not in model.types or (resource.type, action.name) not in model.rules:
        return _NOTHING
    listed = await door.listing.list_resources(
        organization,
        subject=who,
        permission=action.name,
        type_=resource.type,
        context=make_context(model, subject=subject, action=action, resource=resource, context=context),
        after=after,
        count=count,
    )
    return _show(door, resource.type, listed, bound)


async def search_actions(door: AuthzenDoor, organization: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a subject may do with a resource, all on one page."""
    subject, resource, context = read_entity(said, "subject"), read_entity(said, "resource"), read_context(said)
    _page(door, _without_token(said), b"")
    who, what, model = _named(subject), _named(resource), await find_model(door.decisions, organization)
    if who is None or what is None:
        return _NOTHING
    if resource.type == ORGANIZATIONS:
        names = list(door.catalogue.list_permissions(Selection())) if resource.id == organization else []
        questions = [Question(subject=who, permission=name) for name in names]
    elif subject.type in model.types:
        given = make_context(model, subject=subject, resource=resource, context=context)
        names = sorted(name for type_, name in model.rules if type_ == resource.type)
        questions = [Question(subject=who, permission=name, resource=what, context=given) for name in names]
    else:
        return _NOTHING
    allowed = await _allowed(door, organization, questions)
    return {"results": [{"name": name} for name in allowed], "page": {"next_token": "", "count": len(allowed)}}


def _without_token(said: Mapping[str, Any]) -> dict[str, Any]:
    # A search for actions has no second page, and so no token of ours.
    page = read_object(said.get("page", {}), "page")
    return {**said, "page": {name: value for name, value in page.items() if name != "token"}}


async def _allowed(door: AuthzenDoor, organization: str, questions: Sequence[Question]) -> list[str]:
    if not questions:
        return []
    answers = await door.decisions.check_all(organization, questions)
    return [
        question.permission
        for question, decision in zip(questions, answers.decisions, strict=True)
        if decision.verdict is Verdict.ALLOWED
    ]


def _named(entity: Entity) -> Object | None:
    try:
        return make_object(entity.type, entity.id, "id")
    except AccessQueryInvalid:
        return None


def _page(door: AuthzenDoor, said: Mapping[str, Any], bound: bytes) -> tuple[str, int]:
    """Return the id that a page begins after, and how many it has at most. Raises `InvalidArgument`."""
    page = read_object(said.get("page", {}), "page")
    limit, token = page.get("limit", DEFAULT_PAGE_SIZE), page.get("token", "")
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise RequestMalformed("page.limit", "It has to be a whole number above 0.")
    if not isinstance(token, str):
        raise RequestMalformed("page.token", "It has to be a text.")
    return str(door.tokens.open(token, bound)[0]) if token else "", min(limit, MAX_PAGE_SIZE)


def _show(door: AuthzenDoor, type_: str, listed: Listed, bound: bytes) -> dict[str, Any]:
    results = [{"type": type_, "id": id_} for id_ in listed.allowed if id_ != EVERYBODY]
    token = door.tokens.seal([listed.after], bound) if listed.after else ""
    return {"results": results, "page": {"next_token": token, "count": len(results)}}
