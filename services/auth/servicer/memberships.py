"""Serves MembershipService: the record engine's methods, guarded where they change who may do what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.servicer.caller import granter_of

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from tenon.auth.v1 import membership_service_pb2 as pb

    from services.auth.domain.memberships import Memberships
    from services.auth.servicer.records import Records
    from services.chassis.call import Call


@dataclass(frozen=True, kw_only=True, slots=True)
class MembershipServicer:
    """Keeps memberships."""

    records: Records
    """Serves the standard methods."""
    memberships: Memberships
    """Guards them."""

    async def GetMembership(self, request: pb.GetMembershipRequest, call: Call) -> Message | bytes:
        """Return one membership."""
        return await self.records.serve(request, call)

    async def ListMemberships(self, request: pb.ListMembershipsRequest, call: Call) -> Message | bytes:
        """Return a page of memberships."""
        return await self.records.serve(request, call)

    async def CreateMembership(self, request: pb.CreateMembershipRequest, call: Call) -> Message | bytes:
        """Make a user of another organization a member."""
        made = request.membership
        async with self.memberships.creating(granter_of(call), user=made.user, home=made.home, roles=made.roles):
            return await self.records.serve(request, call)

    async def UpdateMembership(self, request: pb.UpdateMembershipRequest, call: Call) -> Message | bytes:
        """Change what a member holds."""
        async with self.memberships.changing(granter_of(call), request.membership.name):
            return await self.records.serve(request, call)

    async def DeleteMembership(self, request: pb.DeleteMembershipRequest, call: Call) -> Message | bytes:
        """End a membership."""
        async with self.memberships.changing(granter_of(call), request.name):
            return await self.records.serve(request, call)
