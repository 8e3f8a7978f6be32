"""Serves InvitationService."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenon.auth.v1 import invitation_pb2
from tenon.auth.v1 import invitation_service_pb2 as pb

from services.auth.domain.accounts import find_home, find_self, normalize_email
from services.auth.domain.errors import UserUnknown
from services.auth.servicer.caller import granter_of

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from services.auth.domain.accounts import Directory, Granter
    from services.auth.domain.assignments import Assignment, Assignments
    from services.auth.domain.grants import Grants
    from services.auth.domain.invitations import Accepting, Inviting
    from services.auth.domain.password_policy import PasswordPolicy
    from services.auth.domain.passwords import Hasher
    from services.auth.servicer.records import Records
    from services.chassis.call import Call

_GET = "/tenon.auth.v1.InvitationService/GetInvitation"


@dataclass(frozen=True, kw_only=True, slots=True)
class InvitationServicer:
    """Invites people, and takes their answers."""

    records: Records
    """Serves the standard methods."""
    grants: Grants
    """Holds granters to what they hold."""
    assignments: Assignments
    """Reads what an invitation gives."""
    inviting: Inviting
    """Makes invitations and sends them."""
    accepting: Accepting
    """Answers them."""
    directory: Directory
    """Finds people."""
    policy: PasswordPolicy
    """Says which passwords may be chosen."""
    hasher: Hasher
    """Hashes a first password."""

    async def GetInvitation(self, request: pb.GetInvitationRequest, call: Call) -> Message | bytes:
        """Return one invitation."""
        return await self.records.serve(request, call)

    async def ListInvitations(self, request: pb.ListInvitationsRequest, call: Call) -> Message | bytes:
        """Return a page of invitations."""
        return await self.records.serve(request, call)

    async def CreateInvitation(self, request: pb.CreateInvitationRequest, call: Call) -> Message | bytes:
        """Invite the owner of an address."""
        granter, wanted = granter_of(call), request.invitation
        shown = await self._shown(granter)
        async with self.grants.giving(granter, wanted.roles):
            made = await self.inviting.invite(
                granter.organization,
                normalize_email(wanted.email),
                tuple(wanted.roles),
                inviter=granter.subject,
                shown=shown,
            )
            return await self._get(made.name, call)

    async def DeleteInvitation(self, request: pb.DeleteInvitationRequest, call: Call) -> Message | bytes:
        """Take an invitation back."""
        granter = granter_of(call)
        async with self.grants.changing_assignment(granter, lambda: self._find(granter, request.name)):
            answer = await self.records.serve(request, call)
            await self.inviting.kept.remove_secret(granter.organization, request.name)
            return answer

    async def ResendInvitation(self, request: pb.ResendInvitationRequest, call: Call) -> pb.ResendInvitationResponse:
        """Send an invitation again, with another secret."""
        granter = granter_of(call)
        shown = await self._shown(granter)
        async with self.grants.changing_assignment(granter, lambda: self._find(granter, request.name)):
            # Where there is none, the engine says so in its own words.
            await self._get(request.name, call)
            await self.inviting.resend(granter.organization, request.name, actor=granter.subject, shown=shown)
            return pb.ResendInvitationResponse(invitation=await self._get(request.name, call))

    async def AcceptInvitation(self, request: pb.AcceptInvitationRequest, call: Call) -> pb.AcceptInvitationResponse:
        """Accept an invitation as somebody new."""
        password_hash = ""
        if request.password:
            # Hashing costs much, and is done for those alone who have a secret.
            await self.accepting.check(request.secret)
            self.policy.check(request.password)
            password_hash = await self.hasher.hash(request.password)
        organization, user = await self.accepting.accept(
            request.secret, display_name=request.display_name, password_hash=password_hash
        )
        call.set_header("cache-control", "no-store")
        return pb.AcceptInvitationResponse(user=user, organization=organization)

    async def JoinOrganization(self, request: pb.JoinOrganizationRequest, call: Call) -> pb.JoinOrganizationResponse:
        """Accept an invitation as the caller."""
        account = await find_home(self.directory, granter_of(call))
        if account is None:
            raise UserUnknown(call.caller.organization)
        return pb.JoinOrganizationResponse(organization=await self.accepting.join(request.secret, account))

    async def DeclineInvitation(self, request: pb.DeclineInvitationRequest, call: Call) -> pb.DeclineInvitationResponse:
        """Decline an invitation."""
        del call
        await self.accepting.decline(request.secret)
        return pb.DeclineInvitationResponse()

    async def _find(self, granter: Granter, name: str) -> Assignment | None:
        return await self.assignments.find(granter.organization, name)

    async def _get(self, name: str, call: Call) -> invitation_pb2.Invitation:
        return await self.records.ask(_GET, pb.GetInvitationRequest(name=name), call, invitation_pb2.Invitation)

    async def _shown(self, granter: Granter) -> str:
        account = await find_self(self.directory, granter)
        return account.email if account else ""
