"""Serves OrganizationService: the record engine's methods on the records in `system`, guarded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.accounts import SYSTEM_ORGANIZATION
from services.auth.servicer.caller import granter_of
from services.auth.servicer.records import in_organization

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from tenon.auth.v1 import organization_service_pb2 as pb

    from services.auth.domain.organizations import Organizations
    from services.auth.servicer.records import Records
    from services.chassis.call import Call

PREFIX = "organizations/"


@dataclass(frozen=True, kw_only=True, slots=True)
class OrganizationServicer:
    """Keeps organizations.

    Who does not see all of them sees the one that they act in: for any other, the engine looks among the records of
    the caller's own organization, where there are none, and says what it says of what does not exist.
    """

    records: Records
    """Serves the standard methods."""
    organizations: Organizations
    """Guards them."""

    async def GetOrganization(self, request: pb.GetOrganizationRequest, call: Call) -> Message | bytes:
        """Return one organization."""
        return await self.records.serve(request, await self._reaching(call, request.name))

    async def ListOrganizations(self, request: pb.ListOrganizationsRequest, call: Call) -> Message | bytes:
        """Return a page of the organizations that the caller sees."""
        if not await self.organizations.sees_all(granter_of(call)):
            # The filter has to be whole by itself, or its brackets could reach around what is added to it.
            await self.records.serve(request, call)
            own = f'name = "{PREFIX}{call.caller.organization}"'
            request.filter = f"({request.filter}) AND {own}" if request.filter.strip() else own
        return await self.records.serve(request, in_organization(call, SYSTEM_ORGANIZATION))

    async def CreateOrganization(self, request: pb.CreateOrganizationRequest, call: Call) -> Message | bytes:
        """Make an organization with its first administrator."""
        administrator = request.organization.administrator_email
        request.organization.ClearField("administrator_email")
        async with self.organizations.creating(granter_of(call), request.organization_id, administrator):
            return await self.records.serve(request, in_organization(call, SYSTEM_ORGANIZATION))

    async def UpdateOrganization(self, request: pb.UpdateOrganizationRequest, call: Call) -> Message | bytes:
        """Change an organization."""
        request.organization.ClearField("administrator_email")
        name = request.organization.name
        reaching = await self._reaching(call, name)
        async with self.organizations.changing(granter_of(call), name.removeprefix(PREFIX)):
            return await self.records.serve(request, reaching)

    async def DeleteOrganization(self, request: pb.DeleteOrganizationRequest, call: Call) -> Message | bytes:
        """Delete an organization for good."""
        async with self.organizations.deleting(granter_of(call), request.name.removeprefix(PREFIX)):
            return await self.records.serve(request, in_organization(call, SYSTEM_ORGANIZATION))

    async def _reaching(self, call: Call, name: str) -> Call:
        if name == f"{PREFIX}{call.caller.organization}" or await self.organizations.sees_all(granter_of(call)):
            return in_organization(call, SYSTEM_ORGANIZATION)
        return call
