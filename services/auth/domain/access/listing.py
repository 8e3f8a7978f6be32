"""Lists with what somebody may do something, and who may do it: all of it, or an error."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.access.decisions import check_fresh, know_name, know_subject
from services.auth.domain.access.evaluation import Graph
from services.auth.domain.access.names import EVERYBODY, Node, Object
from services.auth.domain.access.relations import Start
from services.auth.domain.errors.access import AccessNameUnknown, AccessTooLarge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from services.auth.domain.access.decisions import Decisions
    from services.auth.domain.access.evaluation import Circumstances
    from services.auth.domain.access.model import Model
    from services.auth.domain.access.relations import Reader, State
    from services.auth.domain.access.values import Value

MOST_PASSED = 100_000
"""Objects that may lie between a subject and those that are listed."""

MOST_LISTED = 50_000
"""Relations that a list of subjects may depend on."""

_CHUNK = 200
"""Objects that are judged at once for a list."""

_BREATH = 20_000
"""Nodes that are judged, all subjects counted together, before others get their turn."""


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """Lists objects and subjects."""

    decisions: Decisions
    """Answers single questions, by the same rules."""

    async def list_resources(
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
        now = self.decisions.clock()
        async with self.decisions.store.snapshot(organization) as reader:
            model = await self.decisions.models.read(organization, reader)
            reads = model.reads(know_name(model, type_, permission))
            know_subject(model, subject)
            circumstances = self.decisions.circumstances(model, context, now)
            found: list[tuple[str, Value]] = []
            while True:
                start = Start(resource_type=type_, resource_ids=(), reads=reads, subject=subject)
                state, ids = await reader.find_candidates(start, after=after, count=_CHUNK, now=now, limit=MOST_PASSED)
                check_fresh(state, fresh)
                if ids is None:
                    raise AccessTooLarge("objects", MOST_PASSED)
                values = await _Chunks(reader, model, permission, circumstances, now, self.decisions.most_read).judge(
                    start, ids
                )
                found += [(id_, value) for id_, value in zip(ids, values, strict=True) if value.state]
                if len(found) > count or len(ids) < _CHUNK:
                    return _page(found, count, state)
                after = ids[-1]

    async def list_subjects(
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
        now = self.decisions.clock()
        async with self.decisions.store.snapshot(organization) as reader:
            model = await self.decisions.models.read(organization, reader)
            if type_ not in model.types:
                raise AccessNameUnknown("subject_type", type_)
            reads = model.reads(know_name(model, resource.type, permission))
            start = Start(resource_type=resource.type, resource_ids=(resource.id,), reads=reads)
            state, relations = await reader.reach(start, now=now, limit=MOST_LISTED)
            check_fresh(state, fresh)
        if relations is None:
            raise AccessTooLarge("relations", MOST_LISTED)
        root = Node(resource.type, resource.id, permission)
        graph, circumstances = Graph(model, relations, [root]), self.decisions.circumstances(model, context, now)
        values: dict[str, Value] = {}
        passed = 0
        for one in sorted(graph.subjects(type_) | {Object(type_, EVERYBODY)}):
            values[one.id] = graph.evaluate(one, circumstances)[root]
            passed += graph.size
            if passed >= _BREATH:
                passed = 0
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


@dataclass(frozen=True, slots=True)
class _Chunks:
    """Judges objects together, or in halves where they depend on too much together."""

    reader: Reader
    model: Model
    permission: str
    circumstances: Circumstances
    now: datetime
    limit: int

    async def judge(self, start: Start, ids: Sequence[str]) -> list[Value]:
        if not ids:
            return []
        _, relations = await self.reader.reach(start._replace(resource_ids=tuple(ids)), now=self.now, limit=self.limit)
        if relations is not None:
            roots = [Node(start.resource_type, id_, self.permission) for id_ in ids]
            assert start.subject is not None  # noqa: S101 - a list of resources is always somebody's
            values = Graph(self.model, relations, roots).evaluate(start.subject, self.circumstances)
            await asyncio.sleep(0)
            return [values[root] for root in roots]
        if len(ids) == 1:
            raise AccessTooLarge("relations", self.limit)
        half = len(ids) // 2
        return [*await self.judge(start, ids[:half]), *await self.judge(start, ids[half:])]


def _page(found: Sequence[tuple[str, Value]], count: int, state: State) -> Listed:
    page = found[:count]
    return Listed(
        allowed=tuple(id_ for id_, value in page if value.is_yes),
        conditional=tuple(id_ for id_, value in page if value.is_open),
        after=page[-1][0] if len(found) > count else "",
        revision=state.revision,
    )
