"""Turns what AuthZEN asks into questions of the domain, and answers into what AuthZEN says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services.auth.domain.access.conditions import LARGEST_CONTEXT, NOW, type_context
from services.auth.domain.access.decisions import Question, Verdict
from services.auth.domain.access.model import Model, ParameterType
from services.auth.domain.access.names import is_role_permission, make_object
from services.auth.domain.errors.access import AccessModelMissing, AccessQueryInvalid, ContextInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.auth.domain.access.decisions import Decision, Decisions
    from services.auth.http.authzen.entities import Action, Entity

ORGANIZATIONS = "organizations"
"""The type of resource that stands for no resource: roles answer for the caller's own organization."""

EMPTY = Model(revision=0, rules={}, conditions={})
"""What an organization without a model has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unknown:
    """A question whose answer is no, since nothing in it is known here."""

    reason: str
    """Why."""


async def find_model(decisions: Decisions, organization: str) -> Model:
    """Return the model of an organization, or an empty one."""
    try:
        return await decisions.known_model(organization)
    except AccessModelMissing:
        return EMPTY


def make_question(  # the five parts that the standard knows, and where they are asked
    model: Model, organization: str, *, subject: Entity, action: Action, resource: Entity, context: Mapping[str, Any]
) -> Question | Unknown:
    """Return what is asked. Raises `ContextInvalid` where the context does not fit the model."""
    try:
        who = make_object(subject.type, subject.id, "subject")
        if resource.type == ORGANIZATIONS and is_role_permission(action.name):
            if resource.id != organization:
                return Unknown(reason="another organization")
            return Question(subject=who, permission=action.name)
        what = make_object(resource.type, resource.id, "resource")
    except AccessQueryInvalid as error:
        return Unknown(reason=error.message)
    if subject.type not in model.types or (resource.type, action.name) not in model.rules:
        return Unknown(reason="the access model does not know it")
    given = make_context(model, subject=subject, action=action, resource=resource, context=context)
    return Question(subject=who, permission=action.name, resource=what, context=given)


def make_context(
    model: Model,
    *,
    subject: Entity | None = None,
    action: Action | None = None,
    resource: Entity | None = None,
    context: Mapping[str, Any],
) -> dict[str, object]:
    """Return of a context what conditions ask for, and properties as `subject`, `action` and `resource`.

    What no condition asks for is left out, as the standard wants it. Raises `ContextInvalid` where a value has the
    wrong type or there is too much.
    """
    given = {name: value for name, value in context.items() if name in model.parameters and name != NOW}
    for name, part in (("subject", subject), ("action", action), ("resource", resource)):
        if model.parameters.get(name) is ParameterType.MAP:
            given[name] = dict(part.properties) if part else {}
    if len(json.dumps(context)) > LARGEST_CONTEXT:
        raise ContextInvalid("context", f"The context has more than {LARGEST_CONTEXT} bytes as JSON.")
    type_context(given, model.parameters, "context")
    return given


def show_decision(decision: Decision | Unknown) -> dict[str, Any]:
    """Return an answer as the standard has it: what is conditional is denied, and says what is missing."""
    if isinstance(decision, Unknown):
        return {"decision": False, "context": {"reason_admin": {"en": decision.reason}}}
    if decision.verdict is not Verdict.CONDITIONAL:
        return {"decision": decision.verdict is Verdict.ALLOWED}
    missing, failed = ", ".join(decision.missing), "; ".join(decision.failed)
    said = "; ".join(filter(None, (f"missing in the context: {missing}" if missing else "", failed)))
    return {"decision": False, "context": {"reason_admin": {"en": said}}}
