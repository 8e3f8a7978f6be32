"""Serves LinkedIdentityService."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tenon.auth.v1 import linked_identity_pb2
from tenon.auth.v1 import linked_identity_service_pb2 as pb

from services.auth.domain.accounts import find_home
from services.auth.domain.errors import UserUnknown
from services.auth.domain.factors.setup import Owner
from services.auth.domain.federation.linking import NAME
from services.auth.servicer.caller import granter_of, origin_of

if TYPE_CHECKING:
    from services.auth.domain.accounts import Account, Directory
    from services.auth.domain.federation.identities import LinkedIdentity
    from services.auth.domain.federation.linking import Linking
    from services.chassis.call import Call


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkedIdentityServicer:
    """Lists and unlinks the caller's own."""

    linking: Linking
    """Keeps them."""
    directory: Directory
    """Finds the caller."""
    trust_headers: bool = False
    """Whether headers about the client are believed without a certificate, for tests."""

    async def ListLinkedIdentities(
        self, request: pb.ListLinkedIdentitiesRequest, call: Call
    ) -> pb.ListLinkedIdentitiesResponse:
        """Return the caller's linked identities."""
        del request
        found = await self.linking.list_of(await self._account(call))
        return pb.ListLinkedIdentitiesResponse(linked_identities=[_message(one) for one in found])

    async def UnlinkIdentity(self, request: pb.UnlinkIdentityRequest, call: Call) -> pb.UnlinkIdentityResponse:
        """Unlink one."""
        owner = Owner(
            account=await self._account(call),
            authenticated=datetime.fromtimestamp(call.caller.authenticated, UTC),
            session=call.caller.session,
            origin=origin_of(call, trust_headers=self.trust_headers),
        )
        await self.linking.unlink(owner, request.name)
        return pb.UnlinkIdentityResponse()

    async def _account(self, call: Call) -> Account:
        account = await find_home(self.directory, granter_of(call))
        if account is None:
            raise UserUnknown(call.caller.organization)
        return account


def _message(identity: LinkedIdentity) -> linked_identity_pb2.LinkedIdentity:
    made = linked_identity_pb2.LinkedIdentity(
        name=f"{NAME}{identity.id}",
        identity_provider=identity.provider,
        subject=identity.subject,
        email=identity.email,
    )
    made.create_time.FromDatetime(identity.created)
    if identity.used is not None:
        made.use_time.FromDatetime(identity.used)
    return made
