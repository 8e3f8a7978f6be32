"""Serves ProfileService: what auth holds about the caller, wherever they act."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from google.protobuf import json_format, struct_pb2
from google.protobuf.field_mask_pb2 import FieldMask
from tenon.auth.v1 import profile_pb2, user_pb2, user_service_pb2
from tenon.auth.v1 import profile_service_pb2 as pb

from services.auth.domain.accounts import find_home
from services.auth.domain.errors import UserUnknown
from services.auth.domain.notices import Change
from services.auth.servicer.caller import granter_of, origin_of
from services.auth.servicer.records import in_organization
from services.chassis.contract import StepUp
from services.chassis.errors import InvalidArgument, Violation
from services.chassis.interceptors.rule import StepUpRequired

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.auth.domain.accounts import Account, Changes, Directory
    from services.auth.domain.addresses import VerifiedAddresses
    from services.auth.domain.notices import Notices
    from services.auth.domain.personal_data import Leaving, PersonalData, Rows
    from services.auth.servicer.records import Records
    from services.chassis.call import Call

RECENT = 900.0
"""Seconds for which a sign-in is recent enough for what others must not do at an open screen (ASVS 5.0 7.5.1)."""

_FIELDS = tuple(field.name for field in profile_pb2.Profile.DESCRIPTOR.fields)
_GET = "/tenon.auth.v1.UserService/GetUser"
_UPDATE = "/tenon.auth.v1.UserService/UpdateUser"


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileServicer:
    """Shows, changes, exports and deletes the caller."""

    records: Records
    """Serves the standard methods of users."""
    directory: Directory
    """Finds the caller."""
    addresses: VerifiedAddresses
    """Says whether the address is verified."""
    personal: PersonalData
    """Finds what is kept of them."""
    leaving: Leaving
    """Deletes them."""
    changes: Changes
    """Makes change and notice one."""
    notices: Notices
    """Tells them of changes."""
    trust_headers: bool = False
    """Whether headers about the client are believed without a certificate, for tests."""
    clock: Callable[[], float] = field(default=time.time)
    """Seconds of the Unix epoch."""

    async def GetMe(self, request: pb.GetMeRequest, call: Call) -> pb.GetMeResponse:
        """Return the caller."""
        del request
        account = await self._account(call)
        return pb.GetMeResponse(
            user=await self._user(account, call),
            home=account.organization,
            organization=call.caller.organization,
            email_verified=await self.addresses.is_verified(account.organization, account.name),
        )

    async def UpdateMe(self, request: pb.UpdateMeRequest, call: Call) -> pb.UpdateMeResponse:
        """Change what the caller says of themselves."""
        account = await self._account(call)
        paths = _paths(request)
        wanted = user_pb2.User(name=account.name, **{path: getattr(request.profile, path) for path in paths})
        home = in_organization(call, account.organization)
        async with self.changes.open(account.organization):
            before = await self._user(account, call)
            phone = "phone_number" in paths and before.phone_number != wanted.phone_number
            if phone:
                self._check_recent(call)
            update = user_service_pb2.UpdateUserRequest(user=wanted, update_mask=FieldMask(paths=paths))
            user = await self.records.ask(_UPDATE, update, home, user_pb2.User) if paths else before
            if phone:
                change = Change(kind="phone_number.changed", sentence="your phone number was changed")
                await self.notices.tell(account, change, origin_of(call, trust_headers=self.trust_headers))
        return pb.UpdateMeResponse(user=user)

    async def DeleteMe(self, request: pb.DeleteMeRequest, call: Call) -> pb.DeleteMeResponse:
        """Delete the caller for good."""
        del request
        account = await self._account(call)
        origin = origin_of(call, trust_headers=self.trust_headers)
        async with self.changes.open(account.organization):
            await self.leaving.leave(granter_of(call))
            change = Change(kind="user.left", sentence="your account was deleted, as you have asked")
            await self.notices.tell(account, change, origin)
        return pb.DeleteMeResponse()

    async def ExportMe(self, request: pb.ExportMeRequest, call: Call) -> pb.ExportMeResponse:
        """Return all that auth holds about the caller."""
        del request
        account = await self._account(call)
        call.set_header("cache-control", "no-store")
        return pb.ExportMeResponse(data=to_struct(await self.personal.collect(account.organization, account.name)))

    async def _account(self, call: Call) -> Account:
        account = await find_home(self.directory, granter_of(call))
        if account is None:
            raise UserUnknown(call.caller.organization)
        return account

    async def _user(self, account: Account, call: Call) -> user_pb2.User:
        request = user_service_pb2.GetUserRequest(name=account.name)
        return await self.records.ask(_GET, request, in_organization(call, account.organization), user_pb2.User)

    def _check_recent(self, call: Call) -> None:
        if self.clock() - call.caller.authenticated > RECENT:
            raise StepUpRequired(StepUp(max_age=RECENT))


def to_struct(found: Mapping[str, Rows]) -> struct_pb2.Struct:
    """Return what is kept of a person as JSON."""
    made: struct_pb2.Struct = json_format.ParseDict(dict(found), struct_pb2.Struct())
    return made


def _paths(request: pb.UpdateMeRequest) -> list[str]:
    """Return the fields that are to change. Raises `InvalidArgument` where the mask names others."""
    paths = list(request.update_mask.paths)
    if not paths:
        return [field.name for field, _ in request.profile.ListFields()]
    if paths == ["*"]:
        return list(_FIELDS)
    if others := sorted(set(paths) - set(_FIELDS)):
        violations = [
            Violation(field="update_mask", description=f"`{path}` is no field of a profile.") for path in others
        ]
        raise InvalidArgument(f"You may change {', '.join(_FIELDS)} alone.", violations=violations)
    return paths
