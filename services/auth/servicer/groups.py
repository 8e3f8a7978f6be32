"""Serves GroupService: the record engine's methods, guarded where they change who may do what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.servicer.caller import granter_of

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from tenon.auth.v1 import group_service_pb2 as pb

    from services.auth.domain.memberships import Groups
    from services.auth.servicer.records import Records
    from services.chassis.call import Call


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupServicer:
    """Keeps groups."""

    records: Records
    """Serves the standard methods."""
    groups: Groups
    """Guards them."""

    async def GetGroup(self, request: pb.GetGroupRequest, call: Call) -> Message | bytes:
        """Return one group."""
        return await self.records.serve(request, call)

    async def ListGroups(self, request: pb.ListGroupsRequest, call: Call) -> Message | bytes:
        """Return a page of groups."""
        return await self.records.serve(request, call)

    async def CreateGroup(self, request: pb.CreateGroupRequest, call: Call) -> Message | bytes:
        """Make a group."""
        made = request.group
        async with self.groups.creating(granter_of(call), members=made.members, roles=made.roles):
            return await self.records.serve(request, call)

    async def UpdateGroup(self, request: pb.UpdateGroupRequest, call: Call) -> Message | bytes:
        """Change a group, and so what everybody in it holds."""
        async with self.groups.changing(granter_of(call), request.group.name):
            return await self.records.serve(request, call)

    async def DeleteGroup(self, request: pb.DeleteGroupRequest, call: Call) -> Message | bytes:
        """Delete a group."""
        async with self.groups.changing(granter_of(call), request.name):
            return await self.records.serve(request, call)
