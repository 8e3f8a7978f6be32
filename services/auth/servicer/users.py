"""Serves UserService: the record engine's methods, guarded where they change who may do what, and passwords."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenon.auth.v1 import user_pb2
from tenon.auth.v1 import user_service_pb2 as pb

from services.auth.domain.accounts import normalize_email
from services.auth.servicer.caller import granter_of, origin_of, source_address
from services.auth.servicer.profiles import to_struct

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from services.auth.domain.address_changes import AddressChanges
    from services.auth.domain.grants import Grants
    from services.auth.domain.organizations import AddressRules
    from services.auth.domain.passwords import Passwords
    from services.auth.domain.personal_data import PersonalData
    from services.auth.servicer.records import Records
    from services.chassis.call import Call

_GET = "/tenon.auth.v1.UserService/GetUser"


@dataclass(frozen=True, kw_only=True, slots=True)
class UserServicer:
    """Keeps users and their passwords."""

    records: Records
    """Serves the standard methods."""
    grants: Grants
    """Guards them."""
    passwords: Passwords
    """Changes and resets passwords."""
    addresses: AddressRules
    """Says which addresses an organization takes."""
    moves: AddressChanges
    """Tells users of changes of their addresses."""
    personal: PersonalData
    """Finds what is kept of users."""
    trust_headers: bool = False
    """Whether headers about the client are believed without a certificate, for tests."""

    async def GetUser(self, request: pb.GetUserRequest, call: Call) -> Message | bytes:
        """Return one user."""
        return await self.records.serve(request, call)

    async def ListUsers(self, request: pb.ListUsersRequest, call: Call) -> Message | bytes:
        """Return a page of users."""
        return await self.records.serve(request, call)

    async def CreateUser(self, request: pb.CreateUserRequest, call: Call) -> Message | bytes:
        """Make a user."""
        request.user.email = normalize_email(request.user.email)
        await self.addresses.check(call.caller.organization, request.user.email)
        async with self.grants.creating_user(granter_of(call), request.user.roles):
            return await self.records.serve(request, call)

    async def UpdateUser(self, request: pb.UpdateUserRequest, call: Call) -> Message | bytes:
        """Change a user. A user who is disabled thereby loses all sessions."""
        request.user.email = normalize_email(request.user.email)
        granter, name = granter_of(call), request.user.name
        origin = origin_of(call, trust_headers=self.trust_headers)
        async with (
            self.grants.changing_user(granter, name),
            self.addresses.changing(granter.organization, name),
            self.moves.watching(granter.organization, name, actor=granter.subject, origin=origin) as watched,
        ):
            answer = await self.records.serve(request, call)
        return (
            await self.records.ask(_GET, pb.GetUserRequest(name=name), call, user_pb2.User)
            if watched.changed
            else answer
        )

    async def DeleteUser(self, request: pb.DeleteUserRequest, call: Call) -> Message | bytes:
        """Delete a user with all sessions and the password."""
        async with self.grants.changing_user(granter_of(call), request.name):
            return await self.records.serve(request, call)

    async def ExportUserData(self, request: pb.ExportUserDataRequest, call: Call) -> pb.ExportUserDataResponse:
        """Return all that is kept of a user."""
        # Where there is none, the engine says so in its own words.
        await self.records.ask(_GET, pb.GetUserRequest(name=request.name), call, user_pb2.User)
        call.set_header("cache-control", "no-store")
        found = await self.personal.collect(call.caller.organization, request.name)
        return pb.ExportUserDataResponse(data=to_struct(found))

    async def ResetPassword(self, request: pb.ResetPasswordRequest, call: Call) -> pb.ResetPasswordResponse:
        """Give a user a new random password."""
        password = await self.passwords.reset(granter_of(call), request.name)
        call.set_header("cache-control", "no-store")
        return pb.ResetPasswordResponse(password=password)

    async def ChangePassword(self, request: pb.ChangePasswordRequest, call: Call) -> pb.ChangePasswordResponse:
        """Change the caller's own password; the session that the call came with lives on."""
        await self.passwords.change(
            call.caller.organization,
            call.caller.subject,
            current=request.current_password,
            new=request.new_password,
            address=source_address(call, trust_headers=self.trust_headers),
            keep_session=call.caller.session,
        )
        return pb.ChangePasswordResponse()
