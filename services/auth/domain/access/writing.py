"""How models and relations are changed, so that what is kept always fits the model."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from services.auth.domain.access.conditions import type_context
from services.auth.domain.access.judging import judge_model
from services.auth.domain.access.model import SubjectKind, build_model
from services.auth.domain.audit import NOBODY, LoggedAudit
from services.auth.domain.errors.access import (
    AccessModelChanged,
    AccessModelInUse,
    RelationInvalid,
    RelationPreconditionFailed,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.auth.domain.access.conditions import Conditions
    from services.auth.domain.access.decisions import Models
    from services.auth.domain.access.model import Model, ModelText
    from services.auth.domain.access.relations import Change, Filter, Relation, RelationStore, State
    from services.auth.domain.accounts import Changes
    from services.auth.domain.audit import Audit, AuditEntry, Doer


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessWriting:
    """Changes models and relations, one writer at a time in an organization."""

    store: RelationStore
    """Where they are kept."""
    conditions: Conditions
    """Judges conditions."""
    changes: Changes
    """Makes looking and writing one."""
    models: Models
    """Models that were read."""
    audit: Audit = field(default_factory=LoggedAudit)
    """Where it is written down who has changed what."""
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    """Now, with its time zone."""

    async def replace_model(self, organization: str, text: ModelText, expected: int | None, by: Doer = NOBODY) -> State:
        """Write the organization's model, in place of that of the revision `expected` (0: none; None: whichever).

        Raises:
            AccessModelInvalid: it is not sound.
            AccessModelInUse: relations are kept that it does not allow.
            AccessModelChanged: the one that is there is another.
        """
        await asyncio.to_thread(judge_model, text, self.conditions)
        async with self.changes.open(organization):
            state, _ = await self.store.now(organization).load_model()
            if expected is not None and state.model_revision != expected:
                raise AccessModelChanged
            model = build_model(text, 0)
            strangers = [
                f"{type_}#{relation}@{kind}"
                for type_, relation, kind in await self.store.find_kinds(organization)
                if not _is_allowed(model, type_, relation, kind)
            ]
            if strangers:
                raise AccessModelInUse(sorted(strangers))
            changed = await self.store.advance(organization, text)
            revisions = {"before": str(state.model_revision), "revision": str(changed.model_revision)}
            await self.audit.record(by.entry("access_model.replaced", organization, "accessModel", **revisions))
            return changed

    async def write(self, organization: str, change: Change, by: Doer = NOBODY) -> State:
        """Write and delete relations, all or none. Writing one again replaces its condition, context and end.

        Raises:
            AccessModelMissing: there is no model.
            RelationInvalid: the model does not allow one of them, or one is named twice.
            RelationPreconditionFailed: a precondition does not hold.
            ContextInvalid: a fixed context does not fit its condition.
        """
        async with self.changes.open(organization):
            model, now = await self.models.read(organization, self.store.now(organization)), self.clock()
            self._judge(model, change, now)
            for place, condition in enumerate(change.preconditions):
                if await self.store.is_any(organization, condition.filter, now) is not condition.exists:
                    raise RelationPreconditionFailed(place)
            await self.store.delete(organization, change.deletes)
            await self.store.write(organization, change.writes)
            await self.audit.record(
                *(_told(by, "relation.deleted", organization, one) for one in change.deletes),
                *(_told(by, "relation.written", organization, one) for one in change.writes),
            )
            return await self.store.advance(organization)

    async def delete_some(
        self, organization: str, chosen: Filter, limit: int, by: Doer = NOBODY
    ) -> tuple[int, bool, State]:
        """Delete up to `limit` relations. Return how many they were, whether all are gone, and the new state."""
        async with self.changes.open(organization):
            deleted = await self.store.delete_some(organization, chosen, limit)
            # Those that have expired are in nobody's way, but `all` means all.
            ever = datetime.min.replace(tzinfo=UTC)
            complete = deleted < limit or not await self.store.is_any(organization, chosen, ever)
            named = {name: value for name, value in asdict(chosen).items() if value is not None}
            await self.audit.record(
                by.entry("relations.deleted", organization, "", deleted=str(deleted), **named),
            )
            return deleted, complete, await self.store.advance(organization)

    def _judge(self, model: Model, change: Change, now: datetime) -> None:
        seen = set[tuple[str, ...]]()
        for field_, relations in (("writes", change.writes), ("deletes", change.deletes)):
            for place, one in enumerate(relations):
                if one.key in seen:
                    raise RelationInvalid(f"{field_}[{place}]", f"`{one}` is named twice.")
                seen.add(one.key)
        for place, one in enumerate(change.writes):
            _judge_relation(model, one, f"writes[{place}]", now)


def _told(by: Doer, kind: str, organization: str, one: Relation) -> AuditEntry:
    """Return the entry of one relation: who gains or loses by it is whom it is done to."""
    ends = one.expire_time.isoformat() if one.expire_time else ""
    subject = f"{one.subject}#{one.subject_relation}" if one.subject_relation else str(one.subject)
    return by.entry(
        kind,
        organization,
        subject,
        resource=str(one.resource),
        relation=one.relation,
        condition=one.condition,
        expire_time=ends,
    )


def _judge_relation(model: Model, one: Relation, path: str, now: datetime) -> None:
    kind = SubjectKind(one.subject_type, one.subject_relation, one.is_for_everybody, one.condition)
    if not _is_allowed(model, one.resource_type, one.relation, kind):
        rule = model.rules.get((one.resource_type, one.relation))
        subjects = ", ".join(sorted(str(kind) for kind in rule.subjects)) if rule else ""
        known = f"its subjects may be: {subjects}" if subjects else "there is no such relation"
        raise RelationInvalid(path, f"The access model does not allow `{one.resource}#{one.relation}@{kind}`; {known}.")
    if one.context:
        condition = model.conditions.get(one.condition)
        type_context(json.loads(one.context), condition.parameters if condition else {}, f"{path}.context")
    if one.expire_time is not None and one.expire_time <= now:
        raise RelationInvalid(f"{path}.expire_time", "It has passed.")


def _is_allowed(model: Model, type_: str, relation: str, kind: SubjectKind) -> bool:
    rule = model.rules.get((type_, relation))
    return rule is not None and kind in rule.subjects
