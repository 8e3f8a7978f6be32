"""Auth as administrators and people of several organizations see it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tenon.auth.v1 import (
    group_service_pb2_grpc,
    invitation_service_pb2,
    invitation_service_pb2_grpc,
    membership_service_pb2_grpc,
    organization_pb2,
    organization_service_pb2,
    organization_service_pb2_grpc,
    profile_service_pb2_grpc,
    role_pb2,
    role_service_pb2,
    role_service_pb2_grpc,
    session_service_pb2,
    session_service_pb2_grpc,
    token_service_pb2,
    token_service_pb2_grpc,
    user_service_pb2_grpc,
)

from services.auth.__main__ import wire
from services.auth.storage.database import Database
from services.auth.storage.mail import SqlMail
from services.chassis.audit import AuditTrail
from services.chassis.frame import Frame
from services.chassis.interceptors import standard_chain
from services.chassis.settings import Settings
from services.chassis.tokens import TokenRevoked
from tests.fakes.chassis_channel import MemoryChannel
from tests.fakes.chassis_frame import fake_telemetry
from tests.integration.auth.test_auth_service import EMAIL, PASSWORD, environ, own_contract

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from services.auth.domain.mail import Message
    from services.chassis.tokens import TokenVerifier

__all__ = ["environ"]

OWN = "a password that nobody else would choose"
"""The password of everybody but the bootstrap administrator."""


def bearer(token: str) -> dict[str, Any]:
    return {"metadata": [("authorization", f"Bearer {token}")]}


@dataclass
class Tenants:
    """Auth with everything that its callers need, and what its mails said."""

    edge: Any
    cli: Any
    database: Database
    mail: SqlMail
    verifier: TokenVerifier

    def __post_init__(self) -> None:
        edge: Any = self.edge
        self.organizations: Any = organization_service_pb2_grpc.OrganizationServiceStub(edge)
        self.memberships: Any = membership_service_pb2_grpc.MembershipServiceStub(edge)
        self.groups: Any = group_service_pb2_grpc.GroupServiceStub(edge)
        self.invitations: Any = invitation_service_pb2_grpc.InvitationServiceStub(edge)
        self.profiles: Any = profile_service_pb2_grpc.ProfileServiceStub(edge)
        self.users: Any = user_service_pb2_grpc.UserServiceStub(edge)
        self.roles: Any = role_service_pb2_grpc.RoleServiceStub(edge)
        self.sessions: Any = session_service_pb2_grpc.SessionServiceStub(edge)
        self.tokens: Any = token_service_pb2_grpc.TokenServiceStub(self.cli)

    async def sign_in(self, email: str = EMAIL, password: str = "", organization: str = "") -> Any:
        request = session_service_pb2.SignInRequest(
            email=email, password=password or (PASSWORD if email == EMAIL else OWN), organization=organization
        )
        return await self.sessions.SignIn(request)

    async def admin(self) -> dict[str, Any]:
        """Return the metadata of the bootstrap administrator."""
        return bearer((await self.sign_in()).access_token)

    async def minted(self, organization: str) -> dict[str, Any]:
        """Return the metadata of the bootstrap administrator who acts elsewhere."""
        made = await self.tokens.MintToken(token_service_pb2.MintTokenRequest(organization=organization))
        return bearer(made.access_token)

    async def letters(self) -> list[Message]:
        """Return the mails that wait."""
        now = datetime.now(UTC) + timedelta(seconds=1)
        return [kept.message for kept in await self.mail.lend(now=now, lease=timedelta(hours=1), limit=100)]

    async def secret(self, address: str) -> str:
        """Return the secret of the last invitation to an address."""
        text = [letter for letter in await self.letters() if letter.to == address][-1].text
        return text.split("?link=")[1].split()[0]

    async def found(self, organization: str, administrator: str, **fields: Any) -> dict[str, Any]:
        """Make an organization whose administrator accepts at once, and return their metadata."""
        made = organization_pb2.Organization(administrator_email=administrator, **fields)
        request = organization_service_pb2.CreateOrganizationRequest(organization=made, organization_id=organization)
        await self.organizations.CreateOrganization(request, **await self.admin())
        await self.accept(administrator)
        return bearer((await self.sign_in(administrator, organization=organization)).access_token)

    async def accept(self, address: str) -> Any:
        """Accept the last invitation to an address, as somebody new."""
        request = invitation_service_pb2.AcceptInvitationRequest(secret=await self.secret(address), password=OWN)
        return await self.invitations.AcceptInvitation(request)

    async def role(self, caller: Mapping[str, Any], *permissions: str, name: str = "") -> str:
        """Make a role and return its name."""
        request = role_service_pb2.CreateRoleRequest(role=role_pb2.Role(permissions=permissions), role_id=name)
        return str((await self.roles.CreateRole(request, **caller)).name)

    async def is_good(self, token: str) -> bool:
        """Whether an access token opens anything, as every service knows it a second later."""
        await self.verifier._revoked.look()  # type: ignore[attr-defined]  # noqa: SLF001 - runs in the background otherwise
        try:
            await self.verifier.verify(token)
        except TokenRevoked:
            return False
        return True


@asynccontextmanager
async def started(environ: Mapping[str, str]) -> AsyncIterator[Tenants]:
    """Start auth as a process would."""
    clients: Any = None
    frame = Frame(
        name="auth",
        settings=Settings.from_environ(environ),
        environ=environ,
        contract=own_contract(),
        clients=clients,
        telemetry=fake_telemetry(),
        publish=lambda _contract, _handlers: None,
        audit=AuditTrail(None),
    )
    database = Database(frame.settings.database_url)
    async with wire(frame) as wiring:
        verifier: Any = wiring.verifier
        chain = standard_chain(
            telemetry=frame.telemetry, verifier=verifier, audit=frame.audit, trust_domain="tenon.local"
        )
        channels: Any = {
            name: MemoryChannel(wiring.handlers, chain.bind, peer=f"spiffe://tenon.local/ns/tenon/sa/{name}")
            for name in ("edge", "cli")
        }
        mail = SqlMail(database, frame.keyring.sealer("auth mail"))
        yield Tenants(edge=channels["edge"], cli=channels["cli"], database=database, mail=mail, verifier=verifier)
    await database.close()


@pytest.fixture
async def tenants(environ: dict[str, str]) -> AsyncIterator[Tenants]:
    async with started(environ) as running:
        yield running
