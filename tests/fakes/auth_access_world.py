"""Everything about access with a fake behind every port but that of conditions, whose library is its own server."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.auth.domain.access.decisions import Decisions, Question, Verdict
from services.auth.domain.access.explaining import Explaining
from services.auth.domain.access.listing import Listing
from services.auth.domain.access.names import Object
from services.auth.domain.access.relations import Change, Relation
from services.auth.domain.access.writing import AccessWriting
from services.auth.storage.conditions import CelConditions
from tests.fakes.auth import FakePeople
from tests.fakes.auth_access import FakeRelations
from tests.fakes.auth_access_conformance import ANN, NOW, relation


@dataclass
class Access:
    """Everything about access, without a server."""

    store: FakeRelations = field(default_factory=FakeRelations)
    people: FakePeople = field(default_factory=FakePeople)

    def __post_init__(self) -> None:
        conditions = CelConditions()
        self.decisions = Decisions(
            store=self.store, conditions=conditions, directory=self.people, most_read=10, clock=lambda: NOW
        )
        self.listing = Listing(decisions=self.decisions)
        self.explaining = Explaining(decisions=self.decisions, directory=self.people)
        self.writing = AccessWriting(
            store=self.store,
            conditions=conditions,
            changes=self.people,
            models=self.decisions.models,
            clock=lambda: NOW,
        )

    async def put(self, *texts: str | Relation) -> int:
        writes = [relation(text) if isinstance(text, str) else text for text in texts]
        return (await self.writing.write("default", Change(writes=writes))).revision

    async def ask(self, permission: str, resource: str, subject: Object = ANN, **context: object) -> Verdict:
        type_, _, id_ = resource.partition("/")
        question = Question(subject=subject, permission=permission, resource=Object(type_, id_), context=context)
        return (await self.decisions.check("default", question)).decisions[0].verdict
