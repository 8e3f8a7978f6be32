"""That no administrator reads or changes anything of another organization, whatever stands in whichever field."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.message_factory import GetMessageClass
from tenon.auth.v1 import (
    group_pb2,
    group_service_pb2,
    invitation_pb2,
    invitation_service_pb2,
    organization_pb2,
    organization_service_pb2,
    user_pb2,
    user_service_pb2,
)

from services.auth.storage.schema import SCHEMA
from tests.integration.auth.people.test_memberships import make_member
from tests.integration.auth.test_auth_service import own_contract

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from services.chassis.contract import Method
    from tests.integration.auth.people.conftest import Tenants

MARK = "what only Beta knows"
"""Stands in everything that Beta keeps, and in no request."""

SERVICES = ("Organization", "Membership", "Group", "Invitation", "User", "Role", "Profile")
LEFT_OUT = {"DeleteMe", "ChangePassword"}
"""Methods that concern the caller alone, who is needed to the end."""
ROUNDS = 12
RECORDS = ("users", "roles", "groups", "memberships", "invitations")


@dataclass
class Beta:
    """What there is to be reached for."""

    names: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)

    def values(self, name: str, draw: random.Random) -> str:
        """Return something of Beta's for a field of that name, or something that leads to it."""
        choices: dict[str, list[str]] = {
            "name": self.names,
            "user": self.users,
            "members": self.users,
            "home": ["beta"],
            "display_name": ["Acme's own"],
            "organization": ["beta"],
            "organization_id": ["beta"],
            "email": ["bob@beta.test", "carl@beta.test", "new@acme.test"],
            "administrator_email": ["bob@beta.test"],
            "roles": ["roles/of-beta", "roles/administrator"],
            "role_id": ["of-beta", "new"],
            "permissions": ["shop.orders.get"],
            "secret": ["unknown", *self.names],
            "filter": ["", *(f'name = "{name}"' for name in self.names), 'name != "a"'],
            "order_by": ["", "name desc"],
            "paths": ["*", "display_name", "roles", "members", "disabled", "email"],
        }
        return draw.choice(choices.get(name, [""]))


async def make_beta(tenants: Tenants) -> Beta:
    """Make an organization with one of everything, and return their names."""
    bob = await tenants.found("beta", "bob@beta.test", display_name=MARK)
    role = await tenants.role(bob, "shop.orders.get", name="of-beta")
    user = user_pb2.User(email="carl@beta.test", display_name=MARK, roles=[role], metadata={"mark": MARK})
    carl = await tenants.users.CreateUser(user_service_pb2.CreateUserRequest(user=user), **bob)
    made = group_pb2.Group(display_name=MARK, members=[carl.name], roles=[role])
    group = await tenants.groups.CreateGroup(group_service_pb2.CreateGroupRequest(group=made), **bob)
    await tenants.found("gamma", "guest@gamma.test")
    guest = await make_member(tenants, bob, "guest@gamma.test", role)
    invited = invitation_pb2.Invitation(email="dora@beta.test", roles=[role])
    await tenants.invitations.CreateInvitation(
        invitation_service_pb2.CreateInvitationRequest(invitation=invited), **bob
    )
    rows = await tenants.database.fetch(
        f"SELECT name FROM {SCHEMA}.memberships WHERE organization = 'beta' "
        f"UNION ALL SELECT name FROM {SCHEMA}.invitations WHERE organization = 'beta'"
    )
    names = [role, carl.name, guest, group.name, "organizations/beta", *(row["name"] for row in rows)]
    return Beta(names=names, users=[carl.name, guest])


async def snapshot(tenants: Tenants) -> list[Any]:
    """Return everything that is kept of Beta."""
    kept: list[Any] = []
    for table in RECORDS:
        rows = await tenants.database.fetch(f"SELECT * FROM {SCHEMA}.{table} WHERE organization = 'beta' ORDER BY name")
        assert rows, table
        kept += [(table, tuple(row)) for row in rows]
    rows = await tenants.database.fetch(f"SELECT * FROM {SCHEMA}.organizations WHERE name = 'organizations/beta'")
    sessions = await tenants.database.fetch(
        f"SELECT id, end_time FROM {SCHEMA}.sessions WHERE organization = 'beta' ORDER BY id"
    )
    return [*kept, [tuple(row) for row in rows], [tuple(row) for row in sessions]]


def fill(message: Message, beta: Beta, draw: random.Random, depth: int = 0) -> None:
    """Put something into most fields of a request."""
    for described in message.DESCRIPTOR.fields:
        if draw.random() < 0.9 and depth < 3:
            fill_field(message, described, beta, draw, depth)


def fill_field(message: Message, described: Any, beta: Beta, draw: random.Random, depth: int) -> None:
    target: Any = getattr(message, described.name)
    if described.message_type is not None:
        if described.message_type.GetOptions().map_entry or described.message_type.file.package == "google.protobuf":
            if described.message_type.name == "FieldMask":
                target.paths.append(beta.values("paths", draw))
            return
        if not described.is_repeated:
            fill(target, beta, draw, depth + 1)
        return
    if described.type != described.TYPE_STRING:
        return
    value = beta.values(described.name, draw)
    if described.is_repeated:
        if value:
            target.append(value)
    else:
        setattr(message, described.name, value)


def methods() -> list[Method]:
    found = [
        method
        for path, method in own_contract().methods.items()
        if path.startswith(tuple(f"/tenon.auth.v1.{name}Service/" for name in SERVICES))
        and path.rpartition("/")[2] not in LEFT_OUT
    ]
    assert len(found) > 35
    return found


@pytest.mark.parametrize("seed", [1, 2])
async def test_no_field_of_any_request_reaches_another_organization(tenants: Tenants, seed: int) -> None:
    """Auth statement 46: an identifier of another organization gives PERMISSION_DENIED or NOT_FOUND, never data."""
    draw = random.Random(seed)  # noqa: S311 - the same requests each time
    beta = await make_beta(tenants)
    ann = await tenants.found("acme", "ann@acme.test")
    before = await snapshot(tenants)
    assert MARK in str(before)
    pool, answered = own_contract().pool, set()
    for method in methods() * ROUNDS:
        request = GetMessageClass(pool.FindMessageTypeByName(method.input))()
        fill(request, beta, draw)
        call = tenants.edge.unary_unary(
            method.path,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=lambda data: data,
        )
        answers: Any = await asyncio.gather(call(request, **ann), return_exceptions=True)
        for found in answers:
            if isinstance(found, grpc.aio.AioRpcError):
                assert MARK not in str(found.details()), (method.path, request)
                assert found.code() is not grpc.StatusCode.INTERNAL, (method.path, request, found.details())
            else:
                answered.add(method.path)
                assert MARK.encode() not in found, (method.path, request)
    assert await snapshot(tenants) == before
    assert len(answered) > 10, "most requests have to be good ones, or nothing was tried"
    shown = organization_service_pb2.GetOrganizationRequest(name="organizations/acme")
    assert isinstance(await tenants.organizations.GetOrganization(shown, **ann), organization_pb2.Organization)
