"""Serves ServiceAccountService: the record engine's methods, guarded as those of users are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.servicer.caller import granter_of

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from tenon.auth.v1 import service_account_service_pb2 as pb

    from services.auth.domain.grants import Grants
    from services.auth.servicer.records import Records
    from services.chassis.call import Call


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceAccountServicer:
    """Keeps service accounts."""

    records: Records
    """Serves the standard methods."""
    grants: Grants
    """Guards them."""

    async def GetServiceAccount(self, request: pb.GetServiceAccountRequest, call: Call) -> Message | bytes:
        """Return one service account."""
        return await self.records.serve(request, call)

    async def ListServiceAccounts(self, request: pb.ListServiceAccountsRequest, call: Call) -> Message | bytes:
        """Return a page of service accounts."""
        return await self.records.serve(request, call)

    async def CreateServiceAccount(self, request: pb.CreateServiceAccountRequest, call: Call) -> Message | bytes:
        """Make a service account."""
        async with self.grants.creating_user(granter_of(call), request.service_account.roles):
            return await self.records.serve(request, call)

    async def UpdateServiceAccount(self, request: pb.UpdateServiceAccountRequest, call: Call) -> Message | bytes:
        """Change a service account. One that is disabled thereby loses all tokens."""
        async with self.grants.changing_user(granter_of(call), request.service_account.name):
            return await self.records.serve(request, call)

    async def DeleteServiceAccount(self, request: pb.DeleteServiceAccountRequest, call: Call) -> Message | bytes:
        """Delete a service account with all its keys."""
        async with self.grants.changing_user(granter_of(call), request.name):
            return await self.records.serve(request, call)
