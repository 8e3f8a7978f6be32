"""Answers who may do what, by relations and by roles, one question or many, all of one moment."""

from __future__ import annotations

import asyncio
import enum
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from services.auth.domain.access.conditions import NOW, type_context
from services.auth.domain.access.evaluation import Circumstances, Graph
from services.auth.domain.access.model import Model, ParameterType, build_model
from services.auth.domain.access.names import EVERYBODY, Node, Object
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
    from services.auth.domain.access.relations import Reader, Relation, RelationStore, State
    from services.auth.domain.accounts import Directory

MOST_READ = 10_000
"""Relations that one answer may depend on."""

MOST_PASSED = 100_000
"""Objects that may lie between a subject and those that are listed."""

MOST_LISTED = 50_000
"""Relations that a list of subjects may depend on."""

_CHUNK = 200
"""Objects that are judged at once for a list."""

_BREATH = 200
"""Subjects that are judged before others get their turn."""


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """One page of a list."""

    allowed: tuple[str, ...]
    """Ids of those for whom the answer is yes, in order."""
    conditional: tuple[str, ...]
    """Ids of those for whom it is open, in order."""
    after: str
    """The id that the next page begins after, or empty on the last one."""
    revision: int
    """The state that it is of."""
    excepted: tuple[str, ...] = ()
    """Where `*` is listed: ids of those of whom it does not hold."""


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
        decisions = {
            place: await self._by_roles(organization, question)
            for place, question in enumerate(questions)
            if question.resource is None
        }
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

    async def list_resources(  # noqa: PLR0913 - a query has many sides
        self,
        organization: str,
        *,
        subject: Object,
        permission: str,
        type_: str,
        context: Mapping[str, object],
        after: str,
        count: int,
        fresh: int = 0,
    ) -> Listed:
        """Return up to `count` objects of a type that a subject has a permission of: all there are, or an error.

        Raises what `check` raises.
        """
        now = self.clock()
        async with self.store.snapshot(organization) as reader:
            model = await self.models.read(organization, reader)
            reads = model.reads(_known(model, type_, permission))
            _known_subject(model, subject)
            circumstances = self._circumstances(model, context, now)
            found: list[tuple[str, Value]] = []
            while True:
                start = Start(resource_type=type_, resource_ids=(), reads=reads, subject=subject)
                state, ids = await reader.find_candidates(start, after=after, count=_CHUNK, now=now, limit=MOST_PASSED)
                _check_fresh(state, fresh)
                if ids is None:
                    raise AccessTooLarge("objects", MOST_PASSED)
                values = await self._judge_chunk(reader, model, start, permission, ids, circumstances, now)
                found += [(id_, value) for id_, value in zip(ids, values, strict=True) if value.state]
                if len(found) > count or len(ids) < _CHUNK:
                    return _page(found, count, state)
                after = ids[-1]

    async def list_subjects(  # noqa: PLR0913 - a query has many sides
        self,
        organization: str,
        *,
        resource: Object,
        permission: str,
        type_: str,
        context: Mapping[str, object],
        after: str,
        count: int,
        fresh: int = 0,
    ) -> Listed:
        """Return up to `count` subjects of a type that have a permission of an object: all there are, or an error.

        `*` is among them where it holds of everybody whom no relation names; those of whom it does not are excepted.
        Raises what `check` raises.
        """
        now = self.clock()
        async with self.store.snapshot(organization) as reader:
            model = await self.models.read(organization, reader)
            if type_ not in model.types:
                raise AccessNameUnknown("subject_type", type_)
            reads = model.reads(_known(model, resource.type, permission))
            start = Start(resource_type=resource.type, resource_ids=(resource.id,), reads=reads)
            state, relations = await reader.reach(start, now=now, limit=MOST_LISTED)
            _check_fresh(state, fresh)
        if relations is None:
            raise AccessTooLarge("relations", MOST_LISTED)
        root = Node(resource.type, resource.id, permission)
        graph, circumstances = Graph(model, relations, [root]), self._circumstances(model, context, now)
        values: dict[str, Value] = {}
        for place, one in enumerate(sorted(graph.subjects(type_) | {Object(type_, EVERYBODY)})):
            values[one.id] = graph.evaluate(one, circumstances)[root]
            if not place % _BREATH:
                await asyncio.sleep(0)
        found = [(id_, value) for id_, value in values.items() if value.state and id_ > after]
        page = _page(found, count, state)
        if after or not values[EVERYBODY].state:
            return page
        excepted = tuple(id_ for id_, value in values.items() if value.state < values[EVERYBODY].state)
        return Listed(
            allowed=page.allowed,
            conditional=page.conditional,
            after=page.after,
            revision=page.revision,
            excepted=excepted,
        )

    async def graph_of(self, organization: str, question: Question, resource: Object) -> tuple[Graph, Circumstances, int]:
        """Return all that the answer to one question depends on, and the state that it is of. Raises as `check`."""
        now = self.clock()
        async with self.store.snapshot(organization) as reader:
            model = await self.models.read(organization, reader)
            reads = model.reads(_known(model, resource.type, question.permission))
            _known_subject(model, question.subject)
            start = Start(
                resource_type=resource.type, resource_ids=(resource.id,), reads=reads, subject=question.subject
            )
            state, relations = await reader.reach(start, now=now, limit=MOST_READ)
        if relations is None:
            raise AccessTooLarge("relations", MOST_READ)
        graph = Graph(model, relations, [Node(resource.type, resource.id, question.permission)])
        return graph, self._circumstances(model, question.context, now), state.revision

    async def known_model(self, organization: str) -> Model:
        """Return the organization's model as it is now. Raises `AccessModelMissing`."""
        return await self.models.read(organization, self.store.now(organization))

    async def _answer(
        self, organization: str, reader: Reader, questions: Sequence[Question], fresh: int
    ) -> Answers:
        """Answer questions about one type, permission, subject and context, in one round trip where the model is known."""
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
                state, relations = await reader.reach(start, now=now, limit=MOST_READ * len(ids))
                if state.model_revision == model.revision:
                    break
            # What was known of the model may be out of date: what is unknown by it may be known by now.
            model = await self.models.read(organization, reader)
            if model is known:
                _known(model, type_, first.permission)
        _known_subject(model, first.subject)
        _check_fresh(state, fresh)
        if relations is None:
            raise AccessTooLarge("relations", MOST_READ)
        roots = [Node(type_, id_, first.permission) for id_ in ids]
        circumstances = self._circumstances(model, first.context, now)
        values = Graph(model, relations, roots).evaluate(first.subject, circumstances)
        decided = {root.id: Decision.of(values[root]) for root in roots}
        decisions = tuple(decided[one.resource.id] for one in questions if one.resource)
        return Answers(decisions=decisions, revision=state.revision)

    async def _judge_chunk(  # noqa: PLR0913 - all of them are one query
        self,
        reader: Reader,
        model: Model,
        start: Start,
        permission: str,
        ids: Sequence[str],
        circumstances: Circumstances,
        now: datetime,
    ) -> list[Value]:
        """Judge objects together, or in halves where they depend on too much together."""
        if not ids:
            return []
        _, relations = await reader.reach(start._replace(resource_ids=tuple(ids)), now=now, limit=MOST_READ)
        if relations is not None:
            roots = [Node(start.resource_type, id_, permission) for id_ in ids]
            assert start.subject is not None  # noqa: S101 - a list of resources is always somebody's
            values = Graph(model, relations, roots).evaluate(start.subject, circumstances)
            await asyncio.sleep(0)
            return [values[root] for root in roots]
        if len(ids) == 1:
            raise AccessTooLarge("relations", MOST_READ)
        half = len(ids) // 2
        return [
            *await self._judge_chunk(reader, model, start, permission, ids[:half], circumstances, now),
            *await self._judge_chunk(reader, model, start, permission, ids[half:], circumstances, now),
        ]

    def _circumstances(self, model: Model, context: Mapping[str, object], now: datetime) -> Circumstances:
        typed = type_context(context, model.parameters, "context") if context else {}
        if model.parameters.get(NOW) is ParameterType.TIMESTAMP:
            typed[NOW] = now
        return Circumstances(model, self.conditions, typed)

    async def _by_roles(self, organization: str, question: Question) -> Decision:
        account = await self.directory.find_by_name(organization, str(question.subject))
        held = account is not None and not account.disabled and account.permissions
        covered = held and any(pattern in held for pattern in covering(question.permission))
        return Decision.of(YES if covered else NO)

    async def _role_state(self, reader: Reader, fresh: int) -> int:
        state, _ = await reader.load_model() if fresh else (None, None)
        if state is not None:
            _check_fresh(state, fresh)
        return state.revision if state else 0


def _known(model: Model, type_: str, permission: str) -> tuple[str, str]:
    if type_ not in model.types:
        raise AccessNameUnknown("resource", type_)
    if (type_, permission) not in model.rules:
        raise AccessNameUnknown("permission", f"{type_}#{permission}")
    return type_, permission


def _known_subject(model: Model, subject: Object) -> None:
    if subject.type not in model.types:
        raise AccessNameUnknown("subject", subject.type)


def _check_fresh(state: State, fresh: int) -> None:
    if state.revision < fresh:
        raise CheckedAtUnknown


def _page(found: Sequence[tuple[str, Value]], count: int, state: State) -> Listed:
    page = found[:count]
    return Listed(
        allowed=tuple(id_ for id_, value in page if value.is_yes),
        conditional=tuple(id_ for id_, value in page if value.is_open),
        after=page[-1][0] if len(found) > count else "",
        revision=state.revision,
    )
