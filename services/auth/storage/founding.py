"""Makes the first role and user through the record engine, so that they are like any other, events included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenon.auth.v1 import (
    organization_pb2,
    organization_service_pb2,
    role_pb2,
    role_service_pb2,
    user_pb2,
    user_service_pb2,
)

from services.auth.domain.accounts import SYSTEM_ORGANIZATION
from services.auth.domain.permissions import EVERYTHING
from services.chassis.call import Call, Caller, CallerKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

    from services.auth.servicer.records import Records
    from services.chassis.contract import Contract

_CREATE_ORGANIZATION = "/tenon.auth.v1.OrganizationService/CreateOrganization"
_CREATE_ROLE = "/tenon.auth.v1.RoleService/CreateRole"
_CREATE_USER = "/tenon.auth.v1.UserService/CreateUser"


class _NoTransport:
    """Stands where nobody called."""

    def send_initial_metadata(self, name: str, value: str) -> None:
        """Drop it."""

    def send_trailer(self, name: str, value: str | bytes) -> None:
        """Drop it."""

    def is_cancelled(self) -> bool:
        """Say that nobody goes away."""
        return False

    def on_done(self, callback: Callable[[], None]) -> None:
        """Drop it."""


class RecordFounding:
    """Makes records as the workload `auth` (port `Founding`)."""

    def __init__(self, records: Records, contract: Contract, messages: Callable[[str], type[Message]]) -> None:
        """Take the engine, the contract, and the classes of its messages by full name."""
        self._records = records
        self._contract = contract
        self._messages = messages

    async def create_role(self, organization: str, role: str) -> None:
        """Make a role that grants everything."""
        made = role_pb2.Role(display_name="Administrator", description="May do everything.", permissions=[EVERYTHING])
        request = role_service_pb2.CreateRoleRequest(role=made, role_id=role.removeprefix("roles/"))
        await self._serve(_CREATE_ROLE, organization, request)

    async def create_organization(self, organization: str) -> None:
        """Make the record of an organization."""
        made = organization_pb2.Organization(display_name=organization.capitalize())
        request = organization_service_pb2.CreateOrganizationRequest(organization=made, organization_id=organization)
        await self._serve(_CREATE_ORGANIZATION, SYSTEM_ORGANIZATION, request)

    async def create_user(self, organization: str, email: str, role: str) -> str:
        """Make a user with the role, and return the user's name."""
        made = user_pb2.User(email=email, display_name="Administrator", roles=[role])
        answer = await self._serve(_CREATE_USER, organization, user_service_pb2.CreateUserRequest(user=made))
        return user_pb2.User.FromString(answer).name

    async def _serve(self, path: str, organization: str, request: Message) -> bytes:
        method = self._contract.methods[path]
        call = Call(method=method, metadata={}, transport=_NoTransport())
        call.caller = Caller(
            kind=CallerKind.WORKLOAD,
            organization=organization,
            permissions=frozenset({EVERYTHING}),
            workload="auth",
        )
        message = self._messages(method.input).FromString(request.SerializeToString())
        answer = await self._records.serve(message, call)
        return answer if isinstance(answer, bytes) else answer.SerializeToString()
