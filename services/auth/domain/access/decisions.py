"""Answers who may do what, by relations and by roles, one question or many, all of one moment."""

from __future__ import annotations

import enum
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from services.auth.domain.access.conditions import NOW, type_context
from services.auth.domain.access.evaluation import Circumstances, Graph
from services.auth.domain.access.model import Model, ParameterType, build_model
from services.auth.domain.access.names import Node, Object
from services.auth.domain.access.relations import Start
from services.auth.domain.access.values import NO, YES, Value
from services.auth.domain.errors.access import (
    AccessModelMissing,
    AccessNameUnknown,
    AccessTooLarge,
    CheckedAtUnknown,
)
from services.auth.domain.permissions import covering

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from services.auth.domain.access.conditions import Conditions
    from services.auth.domain.access.relations import Reader, RelationStore, State
    from services.auth.domain.accounts import Account, Directory

MOST_READ = 10_000
"""Relations that one answer may depend on."""

MOST_TOGETHER = 50_000
"""Relations that are looked at together for several answers: nobody else is answered meanwhile."""


class Verdict(enum.Enum):
    """What is answered."""

    ALLOWED = "allowed"
    DENIED = "denied"
    CONDITIONAL = "conditional"


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """An answer. Whoever wants yes or no takes what is not allowed as denied."""

    verdict: Verdict
    """Yes, no, or yes under conditions that are open."""
    missing: tuple[str, ...] = ()
    """Values of the context without which it stays open."""
    failed: tuple[str, ...] = ()
    """Conditions that could not be evaluated, each with the cause."""

    @classmethod
    def of(cls, value: Value) -> Decision:
        """Return a value as an answer."""
        if value.is_open:
            return cls(
                verdict=Verdict.CONDITIONAL, missing=tuple(sorted(value.missing)), failed=tuple(sorted(value.failed))
            )
        return cls(verdict=Verdict.ALLOWED if value.is_yes else Verdict.DENIED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """May a subject do something, with an object or, where there is none, by its roles?"""

    subject: Object
    """Who."""
    permission: str
    """What: a permission or relation of the object's type, or one that roles grant."""
    resource: Object | None = None
    """With which object."""
    context: Mapping[str, object] = field(default_factory=dict)
    """What conditions may ask for, as JSON values."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """Answers in the order of their questions."""

    decisions: tuple[Decision, ...]
    """The answers."""
    revision: int
    """The state that they are of."""


class Models:
    """Models as they were read last, by organization."""

    def __init__(self, capacity: int = 1000) -> None:
        """Take how many organizations' models are kept."""
        self._capacity = capacity
        self._kept: OrderedDict[str, Model] = OrderedDict()

    def latest(self, organization: str) -> Model | None:
        """Return the model that was read last, which may be out of date."""
        return self._kept.get(organization)

    async def read(self, organization: str, reader: Reader) -> Model:
        """Return the model as it is now. Raises `AccessModelMissing`."""
        state, text = await reader.load_model()
        if text is None:
            self._kept.pop(organization, None)
            raise AccessModelMissing
        known = self._kept.get(organization)
        if known is None or known.revision != state.model_revision:
            known = self._kept[organization] = build_model(text, state.model_revision)
            if len(self._kept) > self._capacity:
                self._kept.popitem(last=False)
        return known


@dataclass(frozen=True, kw_only=True, slots=True)
class Decisions:
    """Answers questions about access."""

    store: RelationStore
    """Where relations and models are."""
    conditions: Conditions
    """Evaluates conditions."""
    directory: Directory
    """What accounts hold by their roles."""
    models: Models = field(default_factory=Models)
    """Models that were read."""
    most_read: int = MOST_READ
    """Relations that one answer may depend on."""
    most_together: int = MOST_TOGETHER
    """Relations that are looked at together for several answers."""
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    """Now, with its time zone."""

    async def check(self, organization: str, question: Question, *, fresh: int = 0) -> Answers:
        """Answer one question from the state as it is now.

        Raises:
            AccessModelMissing: there is no model.
            AccessNameUnknown: the model has no such type or permission.
            ContextInvalid: the context does not fit the model.
            AccessTooLarge: the answer depends on more than is looked at.
            CheckedAtUnknown: the state is older than `fresh`, which cannot be unless that is of elsewhere.
        """
        reader = self.store.now(organization)
        if question.resource is None:
            state = await self._role_state(reader, fresh)
            return Answers(decisions=(await self._by_roles(organization, question),), revision=state)
        return await self._answer(organization, reader, [question], fresh)

    async def check_all(self, organization: str, questions: Sequence[Question], *, fresh: int = 0) -> Answers:
        """Answer questions, all from one state. Errors are those of `check`, of any question."""
        # Accounts are read first: whoever holds one connection and waits for another may wait for ever.
        decisions = await self._all_by_roles(organization, questions)
        by_kind: dict[tuple[str, str, Object, str], list[int]] = {}
        for place, question in enumerate(questions):
            if question.resource is not None:
                kind = question.resource.type, question.permission, question.subject, repr(question.context)
                by_kind.setdefault(kind, []).append(place)
        async with self.store.snapshot(organization) as reader:
            revision = 0 if by_kind else await self._role_state(reader, fresh)
            for places in by_kind.values():
                answers = await self._answer(organization, reader, [questions[place] for place in places], fresh)
                decisions.update(zip(places, answers.decisions, strict=True))
                revision = answers.revision
        return Answers(decisions=tuple(decisions[place] for place in range(len(questions))), revision=revision)

    async def graph_of(
        self, organization: str, question: Question, resource: Object
    ) -> tuple[Graph, Circumstances, int]:
        """Return all that the answer to one question depends on, and the state that it is of. Raises as `check`."""
        now = self.clock()
        async with self.store.snapshot(organization) as reader:
            model = await self.models.read(organization, reader)
            reads = model.reads(know_name(model, resource.type, question.permission))
            know_subject(model, question.subject)
            start = Start(
                resource_type=resource.type, resource_ids=(resource.id,), reads=reads, subject=question.subject
            )
            state, relations = await reader.reach(start, now=now, limit=self.most_read)
        if relations is None:
            raise AccessTooLarge("relations", self.most_read)
        graph = Graph(model, relations, [Node(resource.type, resource.id, question.permission)])
        return graph, self.circumstances(model, question.context, now), state.revision

    async def known_model(self, organization: str) -> Model:
        """Return the organization's model as it is now. Raises `AccessModelMissing`."""
        return await self.models.read(organization, self.store.now(organization))

    async def _answer(self, organization: str, reader: Reader, questions: Sequence[Question], fresh: int) -> Answers:
        """Answer questions about one type, permission, subject and context, in one round trip if the model is known."""
        first, now = questions[0], self.clock()
        ids = tuple(dict.fromkeys(one.resource.id for one in questions if one.resource))
        type_ = first.resource.type if first.resource else ""
        model = self.models.latest(organization) or await self.models.read(organization, reader)
        while True:
            known = model
            if (type_, first.permission) in model.rules:
                start = Start(
                    resource_type=type_,
                    resource_ids=ids,
                    reads=model.reads((type_, first.permission)),
                    subject=first.subject,
                )
                # Each answer may depend on as much as it may alone; what is too much together is looked at in halves.
                limit = max(self.most_read, min(self.most_read * len(ids), self.most_together))
                state, relations = await reader.reach(start, now=now, limit=limit)
                if state.model_revision == model.revision:
                    break
            # What was known of the model may be out of date: what is unknown by it may be known by now.
            model = await self.models.read(organization, reader)
            if model is known:
                know_name(model, type_, first.permission)
        know_subject(model, first.subject)
        check_fresh(state, fresh)
        if relations is None and len(ids) > 1:
            return await self._answer_in_halves(organization, reader, questions, fresh)
        if relations is None:
            raise AccessTooLarge("relations", self.most_read)
        roots = [Node(type_, id_, first.permission) for id_ in ids]
        circumstances = self.circumstances(model, first.context, now)
        values = Graph(model, relations, roots).evaluate(first.subject, circumstances)
        decided = {root.id: Decision.of(values[root]) for root in roots}
        decisions = tuple(decided[one.resource.id] for one in questions if one.resource)
        return Answers(decisions=decisions, revision=state.revision)

    async def _answer_in_halves(
        self, organization: str, reader: Reader, questions: Sequence[Question], fresh: int
    ) -> Answers:
        half = len(questions) // 2
        one = await self._answer(organization, reader, questions[:half], fresh)
        other = await self._answer(organization, reader, questions[half:], fresh)
        return Answers(decisions=(*one.decisions, *other.decisions), revision=other.revision)

    def circumstances(self, model: Model, context: Mapping[str, object], now: datetime) -> Circumstances:
        """Return what judges conditions in a request's context. Raises `ContextInvalid`."""
        typed = type_context(context, model.parameters, "context") if context else {}
        if model.parameters.get(NOW) is ParameterType.TIMESTAMP:
            typed[NOW] = now
        return Circumstances(model, self.conditions, typed)

    async def _all_by_roles(self, organization: str, questions: Sequence[Question]) -> dict[int, Decision]:
        """Answer those questions that have no object, by their places; each account is read once."""
        accounts: dict[Object, Account | None] = {}
        decisions = {}
        for place, question in enumerate(questions):
            if question.resource is None:
                subject = question.subject
                if subject not in accounts:
                    accounts[subject] = await self.directory.find_acting(organization, str(subject))
                decisions[place] = _by_account(accounts[subject], question.permission)
        return decisions

    async def _by_roles(self, organization: str, question: Question) -> Decision:
        account = await self.directory.find_acting(organization, str(question.subject))
        return _by_account(account, question.permission)

    async def _role_state(self, reader: Reader, fresh: int) -> int:
        state, _ = await reader.load_model() if fresh else (None, None)
        if state is not None:
            check_fresh(state, fresh)
        return state.revision if state else 0


def _by_account(account: Account | None, permission: str) -> Decision:
    held = frozenset() if account is None or account.disabled else account.permissions
    return Decision.of(NO if held.isdisjoint(covering(permission)) else YES)


def know_name(model: Model, type_: str, permission: str) -> tuple[str, str]:
    """Return a type and a permission that the model has. Raises `AccessNameUnknown`."""
    if type_ not in model.types:
        raise AccessNameUnknown("resource", type_)
    if (type_, permission) not in model.rules:
        raise AccessNameUnknown("permission", f"{type_}#{permission}")
    return type_, permission


def know_subject(model: Model, subject: Object) -> None:
    """Raise `AccessNameUnknown` where the model has no such type of subject."""
    if subject.type not in model.types:
        raise AccessNameUnknown("subject", subject.type)


def check_fresh(state: State, fresh: int) -> None:
    """Raise `CheckedAtUnknown` where a state is older than it has to be."""
    if state.revision < fresh:
        raise CheckedAtUnknown
