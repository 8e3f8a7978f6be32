"""Serves AccessService."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from google.protobuf.json_format import MessageToDict
from tenon.auth.v1 import access_service_pb2 as pb

from services.auth.domain.access.decisions import Question, Verdict
from services.auth.domain.access.names import is_role_permission, parse_object
from services.auth.domain.errors.access import AccessQueryInvalid
from services.records.reading.pages import fingerprint, page_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.struct_pb2 import Struct

    from services.auth.domain.access.decisions import Decision, Decisions
    from services.auth.domain.access.explaining import Explaining
    from services.auth.domain.access.listing import Listed, Listing
    from services.auth.servicer.access_stamps import Stamps
    from services.chassis.call import Call
    from services.records.reading.pages import PageTokens

Answer = TypeVar("Answer", pb.CheckResponse, pb.BatchCheckResult, pb.ExplanationStep)
_DECISIONS = {
    Verdict.ALLOWED: pb.ACCESS_DECISION_ALLOWED,
    Verdict.DENIED: pb.ACCESS_DECISION_DENIED,
    Verdict.CONDITIONAL: pb.ACCESS_DECISION_CONDITIONAL,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessServicer:
    """Answers who may do what."""

    decisions: Decisions
    """Answers questions."""
    listing: Listing
    """Lists objects and subjects."""
    explaining: Explaining
    """Explains answers."""
    stamps: Stamps
    """Makes the tokens of states."""
    tokens: PageTokens
    """Makes the tokens of pages."""

    async def Check(self, request: pb.CheckRequest, call: Call) -> pb.CheckResponse:
        """Answer one question."""
        organization = call.caller.organization
        question = read_question(request.question, "question")
        fresh = self.stamps.read(organization, request.at_least_as_fresh)
        answers = await self.decisions.check(organization, question, fresh=fresh)
        response = _told(pb.CheckResponse(), answers.decisions[0])
        response.allowed = response.decision == pb.ACCESS_DECISION_ALLOWED
        response.checked_at = self._stamp(organization, answers.revision)
        return response

    async def BatchCheck(self, request: pb.BatchCheckRequest, call: Call) -> pb.BatchCheckResponse:
        """Answer several questions."""
        organization = call.caller.organization
        ids = [item.correlation_id for item in request.items]
        if twice := next((id_ for place, id_ in enumerate(ids) if id_ in ids[:place]), ""):
            raise AccessQueryInvalid("items", f"The correlation id `{twice}` is given twice.")
        questions = [read_question(one.question, f"items[{place}].question") for place, one in enumerate(request.items)]
        fresh = self.stamps.read(organization, request.at_least_as_fresh)
        answers = await self.decisions.check_all(organization, questions, fresh=fresh)
        response = pb.BatchCheckResponse(checked_at=self._stamp(organization, answers.revision))
        for id_, decision in zip(ids, answers.decisions, strict=True):
            result = _told(response.results.add(correlation_id=id_), decision)
            result.allowed = result.decision == pb.ACCESS_DECISION_ALLOWED
        return response

    async def ListResources(self, request: pb.ListResourcesRequest, call: Call) -> pb.ListResourcesResponse:
        """Return a page of objects."""
        organization = call.caller.organization
        bound = fingerprint(call.method.path, organization, request)
        listed = await self.listing.list_resources(
            organization,
            subject=parse_object(request.subject, "subject"),
            permission=request.permission,
            type_=request.resource_type,
            context=read_context(request.context),
            after=self._after(request.page_token, bound),
            count=page_size(request.page_size),
            fresh=self.stamps.read(organization, request.at_least_as_fresh),
        )
        return pb.ListResourcesResponse(
            resources=_written(request.resource_type, listed.allowed),
            conditional_resources=_written(request.resource_type, listed.conditional),
            next_page_token=self._next(listed, bound),
            checked_at=self._stamp(organization, listed.revision),
        )

    async def ListSubjects(self, request: pb.ListSubjectsRequest, call: Call) -> pb.ListSubjectsResponse:
        """Return a page of subjects."""
        organization = call.caller.organization
        bound = fingerprint(call.method.path, organization, request)
        listed = await self.listing.list_subjects(
            organization,
            resource=parse_object(request.resource, "resource"),
            permission=request.permission,
            type_=request.subject_type,
            context=read_context(request.context),
            after=self._after(request.page_token, bound),
            count=page_size(request.page_size),
            fresh=self.stamps.read(organization, request.at_least_as_fresh),
        )
        return pb.ListSubjectsResponse(
            subjects=_written(request.subject_type, listed.allowed),
            conditional_subjects=_written(request.subject_type, listed.conditional),
            excepted_subjects=_written(request.subject_type, listed.excepted),
            next_page_token=self._next(listed, bound),
            checked_at=self._stamp(organization, listed.revision),
        )

    async def Explain(self, request: pb.ExplainRequest, call: Call) -> pb.ExplainResponse:
        """Say why an answer is as it is."""
        organization = call.caller.organization
        question = read_question(request.question, "question")
        explanation = await self.explaining.explain(organization, question)
        response = pb.ExplainResponse(checked_at=self._stamp(organization, explanation.revision))
        for step in explanation.steps:
            told = response.steps.add(
                parent=step.parent, what=step.what, condition=step.condition, repeated_above=step.repeated
            )
            _told(told, step.decision)
        return response

    def _stamp(self, organization: str, revision: int) -> str:
        return self.stamps.make(organization, revision) if revision else ""

    def _after(self, token: str, bound: bytes) -> str:
        return str(self.tokens.open(token, bound)[0]) if token else ""

    def _next(self, listed: Listed, bound: bytes) -> str:
        return self.tokens.seal([listed.after], bound) if listed.after else ""


def read_question(question: pb.AccessQuestion, field: str) -> Question:
    """Return the question of a message. Raises `AccessQueryInvalid` with the field's path."""
    subject = parse_object(question.subject, f"{field}.subject")
    context = read_context(question.context)
    if question.resource:
        resource = parse_object(question.resource, f"{field}.resource")
        return Question(subject=subject, permission=question.permission, resource=resource, context=context)
    if not is_role_permission(question.permission):
        what = "Without a resource it is a permission that roles grant: `<service>.<resource>.<verb>`."
        raise AccessQueryInvalid(f"{field}.permission", what)
    if context:
        raise AccessQueryInvalid(f"{field}.context", "Roles have no conditions: leave the context out.")
    return Question(subject=subject, permission=question.permission)


def read_context(struct: Struct) -> dict[str, object]:
    """Return the JSON values of a context."""
    return dict(MessageToDict(struct))


def _told(answer: Answer, decision: Decision) -> Answer:
    answer.decision = _DECISIONS[decision.verdict]
    answer.missing_context.extend(decision.missing)
    answer.failed_conditions.extend(decision.failed)
    return answer


def _written(type_: str, ids: Sequence[str]) -> list[str]:
    return [f"{type_}/{id_}" for id_ in ids]
