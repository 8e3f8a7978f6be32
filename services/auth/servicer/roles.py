"""Serves RoleService: the record engine's methods, guarded where they change who may do what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.servicer.caller import granter_of

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from tenon.auth.v1 import role_service_pb2 as pb

    from services.auth.domain.grants import Grants
    from services.auth.servicer.records import Records
    from services.chassis.call import Call


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleServicer:
    """Keeps roles."""

    records: Records
    """Serves the standard methods."""
    grants: Grants
    """Guards them."""

    async def GetRole(self, request: pb.GetRoleRequest, call: Call) -> Message | bytes:
        """Return one role."""
        return await self.records.serve(request, call)

    async def ListRoles(self, request: pb.ListRolesRequest, call: Call) -> Message | bytes:
        """Return a page of roles."""
        return await self.records.serve(request, call)

    async def CreateRole(self, request: pb.CreateRoleRequest, call: Call) -> Message | bytes:
        """Make a role."""
        async with self.grants.creating_role(granter_of(call), request.role.permissions):
            return await self.records.serve(request, call)

    async def UpdateRole(self, request: pb.UpdateRoleRequest, call: Call) -> Message | bytes:
        """Change a role."""
        async with self.grants.changing_role(granter_of(call), request.role.name):
            return await self.records.serve(request, call)

    async def DeleteRole(self, request: pb.DeleteRoleRequest, call: Call) -> Message | bytes:
        """Delete a role that nobody has."""
        async with self.grants.deleting_role(granter_of(call), request.name):
            return await self.records.serve(request, call)
