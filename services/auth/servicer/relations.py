"""Serves RelationService."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from google.protobuf.json_format import ParseDict
from tenon.auth.v1 import relation_pb2
from tenon.auth.v1 import relation_service_pb2 as pb

from services.auth.domain.access.names import parse_object, parse_subject
from services.auth.domain.access.relations import Change, Filter, Precondition, Relation
from services.auth.domain.errors.access import AccessQueryInvalid, RelationInvalid
from services.auth.servicer.access import read_context
from services.auth.servicer.caller import doer_of
from services.records.reading.pages import fingerprint, page_size

if TYPE_CHECKING:
    from services.auth.domain.access.relations import RelationStore
    from services.auth.domain.access.writing import AccessWriting
    from services.auth.servicer.access_stamps import Stamps
    from services.chassis.call import Call
    from services.records.reading.pages import PageTokens

DELETED_AT_ONCE = 1000
"""Relations that are deleted at once where the request names no limit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RelationServicer:
    """Keeps relations."""

    writing: AccessWriting
    """Writes them."""
    store: RelationStore
    """Lists them."""
    stamps: Stamps
    """Makes the tokens of states."""
    tokens: PageTokens
    """Makes the tokens of pages."""

    async def WriteRelations(self, request: pb.WriteRelationsRequest, call: Call) -> pb.WriteRelationsResponse:
        """Write and delete relations."""
        change = Change(
            writes=[read_relation(one, f"writes[{place}]") for place, one in enumerate(request.writes)],
            deletes=[_read_key(one, f"deletes[{place}]") for place, one in enumerate(request.deletes)],
            preconditions=[
                Precondition(filter=read_filter(one.filter), exists=one.existence == pb.RELATION_EXISTENCE_SOME)
                for one in request.preconditions
            ],
        )
        organization = call.caller.organization
        state = await self.writing.write(organization, change, doer_of(call))
        return pb.WriteRelationsResponse(written_at=self.stamps.make(organization, state.revision))

    async def ListRelations(self, request: pb.ListRelationsRequest, call: Call) -> pb.ListRelationsResponse:
        """Return a page of relations."""
        organization, count = call.caller.organization, page_size(request.page_size)
        bound = fingerprint(call.method.path, organization, request)
        after = self.tokens.open(request.page_token, bound) if request.page_token else ()
        _, found = await self.store.list(
            organization,
            read_filter(request.filter),
            after=tuple(str(part) for part in after),
            count=count + 1,
            now=self.writing.clock(),
        )
        response = pb.ListRelationsResponse(relations=[_show(one) for one in found[:count]])
        if len(found) > count:
            response.next_page_token = self.tokens.seal(found[count - 1].key, bound)
        return response

    async def DeleteRelations(self, request: pb.DeleteRelationsRequest, call: Call) -> pb.DeleteRelationsResponse:
        """Delete relations by a filter."""
        chosen, organization = read_filter(request.filter), call.caller.organization
        if chosen.resource_type is None and chosen.subject_id is None:
            raise AccessQueryInvalid("filter", "Name the type of the objects, or a subject.")
        limit = request.limit or DELETED_AT_ONCE
        deleted, complete, state = await self.writing.delete_some(organization, chosen, limit, doer_of(call))
        written_at = self.stamps.make(organization, state.revision)
        return pb.DeleteRelationsResponse(deleted_count=deleted, complete=complete, written_at=written_at)


def read_relation(message: relation_pb2.Relation, field: str) -> Relation:
    """Return the relation of a message. Raises `AccessQueryInvalid` with the field's path."""
    resource = parse_object(message.resource, f"{field}.resource")
    subject, subject_relation = parse_subject(message.subject, f"{field}.subject")
    context = read_context(message.context)
    return Relation(
        *resource,
        message.relation,
        *subject,
        subject_relation,
        condition=message.condition,
        context=json.dumps(context, sort_keys=True, separators=(",", ":")) if context else "",
        expire_time=message.expire_time.ToDatetime(UTC) if message.HasField("expire_time") else None,
    )


def read_filter(message: relation_pb2.RelationFilter) -> Filter:
    """Return the filter of a message."""
    return Filter(
        resource_type=message.resource_type or None,
        resource_id=message.resource_id or None,
        relation=message.relation or None,
        subject_type=message.subject_type or None,
        subject_id=message.subject_id or None,
        subject_relation=message.subject_relation if message.HasField("subject_relation") else None,
    )


def _read_key(message: relation_pb2.Relation, field: str) -> Relation:
    if message.condition or message.HasField("context") or message.HasField("expire_time"):
        raise RelationInvalid(field, "Condition, context and end count for nothing here: leave them out.")
    return read_relation(message, field)


def _show(one: Relation) -> relation_pb2.Relation:
    tail = f"#{one.subject_relation}" if one.subject_relation else ""
    message = relation_pb2.Relation(
        resource=str(one.resource), relation=one.relation, subject=f"{one.subject}{tail}", condition=one.condition
    )
    if one.context:
        ParseDict(json.loads(one.context), message.context)
    if one.expire_time is not None:
        message.expire_time.FromDatetime(one.expire_time)
    return message
