"""Relations and roles in memory, for the tests of access."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.auth.domain.access.model import SubjectKind
from services.auth.domain.access.relations import State
from services.auth.storage.access_models import decode_model, encode_model

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from services.auth.domain.access.model import ModelText
    from services.auth.domain.access.relations import Filter, Reader, Relation, Start


@dataclass
class Kept:
    """What one organization has."""

    relations: dict[tuple[str, ...], Relation] = field(default_factory=dict)
    model: str | None = None
    state: State = field(default_factory=lambda: State(0, 0))


class FakeReader:
    """Port `Reader`: everything counts that an answer might depend on, and more."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept

    async def reach(self, start: Start, *, now: datetime, limit: int) -> tuple[State, list[Relation] | None]:
        reached = {(start.resource_type, id_) for id_ in start.resource_ids}
        found: dict[tuple[str, ...], Relation] = {}
        waiting = list(reached)
        while waiting:
            type_, id_ = waiting.pop()
            for one in self.kept.relations.values():
                if one.resource != (type_, id_) or _has_expired(one, now) or not _counts(one, start):
                    continue
                found[one.key] = one
                if one.subject not in reached and (one.subject_relation or one.relation in start.reads.links):
                    reached.add(one.subject)
                    waiting.append(one.subject)
        return self.kept.state, None if len(found) > limit else list(found.values())

    async def find_candidates(
        self, start: Start, *, after: str, count: int, now: datetime, limit: int
    ) -> tuple[State, list[str] | None]:
        assert start.subject is not None
        reached = set[tuple[str, str]]()
        waiting = [(start.subject.type, start.subject.id), (start.subject.type, "*")]
        while waiting:
            subject = waiting.pop()
            for one in self.kept.relations.values():
                if one.subject == subject and one.resource not in reached and not _has_expired(one, now):
                    reached.add(one.resource)
                    waiting.append(one.resource)
        ids = sorted(id_ for type_, id_ in reached if type_ == start.resource_type and id_ > after)
        return self.kept.state, None if len(reached) > limit else ids[:count]

    async def load_model(self) -> tuple[State, ModelText | None]:
        return self.kept.state, decode_model(self.kept.model) if self.kept.model else None


class FakeRelations:
    """Port `RelationStore`."""

    def __init__(self) -> None:
        self.organizations: dict[str, Kept] = {}

    def kept(self, organization: str) -> Kept:
        return self.organizations.setdefault(organization, Kept())

    def now(self, organization: str) -> Reader:
        return FakeReader(self.kept(organization))

    @asynccontextmanager
    async def snapshot(self, organization: str) -> AsyncIterator[Reader]:
        kept = self.kept(organization)
        yield FakeReader(Kept(relations=dict(kept.relations), model=kept.model, state=kept.state))

    async def write(self, organization: str, relations: Sequence[Relation]) -> None:
        self.kept(organization).relations.update({one.key: one for one in relations})

    async def delete(self, organization: str, relations: Sequence[Relation]) -> None:
        for one in relations:
            self.kept(organization).relations.pop(one.key, None)

    async def delete_some(self, organization: str, chosen: Filter, limit: int) -> int:
        kept = self.kept(organization).relations
        gone = [key for key, one in kept.items() if _passes(one, chosen)][:limit]
        for key in gone:
            del kept[key]
        return len(gone)

    async def is_any(self, organization: str, chosen: Filter, now: datetime) -> bool:
        return any(
            _passes(one, chosen) and not _has_expired(one, now) for one in self.kept(organization).relations.values()
        )

    async def list(
        self, organization: str, chosen: Filter, *, after: tuple[str, ...], count: int, now: datetime
    ) -> tuple[State, Sequence[Relation]]:
        kept = self.kept(organization)
        found = [
            one
            for key, one in sorted(kept.relations.items())
            if key > after and _passes(one, chosen) and not _has_expired(one, now)
        ]
        return kept.state, found[:count]

    async def find_kinds(self, organization: str) -> Sequence[tuple[str, str, SubjectKind]]:
        return list(
            {
                (
                    one.resource_type,
                    one.relation,
                    SubjectKind(one.subject_type, one.subject_relation, one.is_for_everybody, one.condition),
                )
                for one in self.kept(organization).relations.values()
            }
        )

    async def advance(self, organization: str, model: ModelText | None = None) -> State:
        kept = self.kept(organization)
        revision = kept.state.revision + 1
        if model is not None:
            kept.model = encode_model(model)
        kept.state = State(revision, revision if model is not None else kept.state.model_revision)
        return kept.state

    async def prune(self, now: datetime) -> None:
        for kept in self.organizations.values():
            kept.relations = {key: one for key, one in kept.relations.items() if not _has_expired(one, now)}


@dataclass
class FakeRoleBook:
    """Port `RoleBook`."""

    roles: list[tuple[str, str, frozenset[str]]] = field(default_factory=list)

    async def list_roles(self, organization: str) -> Sequence[tuple[str, str, frozenset[str]]]:
        return sorted(self.roles)


def _has_expired(one: Relation, now: datetime) -> bool:
    return one.expire_time is not None and one.expire_time <= now


def _passes(one: Relation, chosen: Filter) -> bool:
    fields = ("resource_type", "resource_id", "relation", "subject_type", "subject_id", "subject_relation")
    return all(getattr(chosen, name) in {None, getattr(one, name)} for name in fields)


def _counts(one: Relation, start: Start) -> bool:
    """Whether a relation is one of those that may not be left out."""
    if start.subject is None or one.subject_relation or one.relation in start.reads.links:
        return True
    return one.subject_type == start.subject.type and one.subject_id in {start.subject.id, "*"}
