"""Serves RoleService: the record engine's methods, guarded where they change who may do what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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

    async def GetRole(self, request: pb.GetRoleRequest, call: Call) -> Message | bytes:  # noqa: N802
        """Return one role."""
        return await self.records.serve(request, call)

    async def ListRoles(self, request: pb.ListRolesRequest, call: Call) -> Message | bytes:  # noqa: N802
        """Return a page of roles."""
        return await self.records.serve(request, call)

    async def CreateRole(self, request: pb.CreateRoleRequest, call: Call) -> Message | bytes:  # noqa: N802
        """Make a role."""
        caller = call.caller
        async with self.grants.creating_role(caller.organization, request.role.permissions, held=caller.permissions):
            return await self.records.serve(request, call)

    async def UpdateRole(self, request: pb.UpdateRoleRequest, call: Call) -> Message | bytes:  # noqa: N802
        """Change a role."""
        caller = call.caller
        async with self.grants.changing_role(caller.organization, request.role.name, held=caller.permissions):
            return await self.records.serve(request, call)

    async def DeleteRole(self, request: pb.DeleteRoleRequest, call: Call) -> Message | bytes:  # noqa: N802
        """Delete a role that nobody has."""
        caller = call.caller
        async with self.grants.deleting_role(caller.organization, request.name, held=caller.permissions):
            return await self.records.serve(request, call)
