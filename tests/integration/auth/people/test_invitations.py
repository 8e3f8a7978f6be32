"""How people are invited, and how they answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from tenon.auth.v1 import invitation_pb2 as pb
from tenon.auth.v1 import invitation_service_pb2 as service_pb2
from tenon.auth.v1 import profile_service_pb2, role_service_pb2, user_pb2, user_service_pb2

from tests.integration.auth.people.conftest import OWN, bearer
from tests.integration.auth.test_auth_service import claims_of, reason_of

if TYPE_CHECKING:
    from tests.integration.auth.people.conftest import Tenants

INVALID = "UNAUTHENTICATED INVITATION_INVALID"


async def invite(tenants: Tenants, caller: dict[str, Any], address: str, *roles: str) -> pb.Invitation:
    invitation = pb.Invitation(email=address, roles=roles)
    made = await tenants.invitations.CreateInvitation(
        service_pb2.CreateInvitationRequest(invitation=invitation), **caller
    )
    assert isinstance(made, pb.Invitation)
    return made


async def find(tenants: Tenants, caller: dict[str, Any], name: str) -> Any:
    return await tenants.invitations.GetInvitation(service_pb2.GetInvitationRequest(name=name), **caller)


def accepting(secret: str, **fields: str) -> service_pb2.AcceptInvitationRequest:
    return service_pb2.AcceptInvitationRequest(secret=secret, **fields)


async def test_somebody_new_accepts_and_signs_in_with_a_verified_address(tenants: Tenants) -> None:
    admin = await tenants.admin()
    clerk = await tenants.role(admin, "shop.orders.*")
    made = await invite(tenants, admin, "Ann@X.test", clerk)
    assert (made.email, made.state, made.user) == ("ann@x.test", pb.INVITATION_STATE_PENDING, "")
    assert made.inviter.startswith("users/")
    assert made.expire_time.seconds - made.create_time.seconds in {604799, 604800}
    secret = await tenants.secret("ann@x.test")
    answer = await tenants.invitations.AcceptInvitation(accepting(secret, display_name="Ann", password=OWN))
    opened = await tenants.sign_in("ann@x.test")
    assert (opened.user, answer.organization) == (answer.user, "default")
    assert claims_of(opened.access_token)["permissions"] == ["shop.orders.*"]
    me = await tenants.profiles.GetMe(profile_service_pb2.GetMeRequest(), **bearer(opened.access_token))
    assert (me.user.display_name, me.email_verified) == ("Ann", True)
    kept = await find(tenants, admin, made.name)
    assert (kept.state, kept.user) == (pb.INVITATION_STATE_ACCEPTED, answer.user)


async def test_a_secret_works_once_however_many_use_it_at_once(tenants: Tenants) -> None:
    admin = await tenants.admin()
    await invite(tenants, admin, "ann@x.test")
    secret = await tenants.secret("ann@x.test")
    answers = await asyncio.gather(
        *(tenants.invitations.AcceptInvitation(accepting(secret)) for _ in range(5)), return_exceptions=True
    )
    assert sum(not isinstance(answer, grpc.aio.AioRpcError) for answer in answers) == 1
    assert await reason_of(tenants.invitations.AcceptInvitation(accepting(secret))) == INVALID
    decline = tenants.invitations.DeclineInvitation(service_pb2.DeclineInvitationRequest(secret=secret))
    assert await reason_of(decline) == INVALID


async def test_a_secret_that_opens_nothing_says_nothing_else(tenants: Tenants) -> None:
    """Auth statement 36: unknown, declined, taken back, replaced and expired secrets answer alike."""
    admin = await tenants.admin()
    declined, deleted, resent, expired = [
        (await invite(tenants, admin, f"{name}@x.test"), await tenants.secret(f"{name}@x.test"))
        for name in ("declined", "deleted", "resent", "expired")
    ]
    await tenants.invitations.DeclineInvitation(service_pb2.DeclineInvitationRequest(secret=declined[1]))
    await tenants.invitations.DeleteInvitation(service_pb2.DeleteInvitationRequest(name=deleted[0].name), **admin)
    await tenants.invitations.ResendInvitation(service_pb2.ResendInvitationRequest(name=resent[0].name), **admin)
    await tenants.database.fetch(
        "UPDATE auth.invitations SET expire_time = now() - interval '1 second' WHERE name = $1", [expired[0].name]
    )
    for secret in ("unknown", declined[1], deleted[1], resent[1], expired[1]):
        answer = tenants.invitations.AcceptInvitation(accepting(secret, password=OWN))
        assert await reason_of(answer) == INVALID
    assert (await find(tenants, admin, declined[0].name)).state == pb.INVITATION_STATE_DECLINED
    again = tenants.invitations.ResendInvitation(service_pb2.ResendInvitationRequest(name=declined[0].name), **admin)
    assert await reason_of(again) == "FAILED_PRECONDITION INVITATION_ANSWERED"
    assert await tenants.accept("resent@x.test")


async def test_no_secret_is_in_the_database_as_it_is(tenants: Tenants) -> None:
    await invite(tenants, await tenants.admin(), "ann@x.test")
    secret = await tenants.secret("ann@x.test")
    for table in ("invitations", "invitation_secrets", "outbox", "mails"):
        rows = await tenants.database.fetch(f"SELECT * FROM auth.{table}")
        assert rows
        assert secret not in str([tuple(row) for row in rows])
        assert secret.encode() not in b"".join(v for row in rows for v in row.values() if isinstance(v, bytes))


async def test_what_an_inviter_may_no_longer_give_is_not_accepted(tenants: Tenants) -> None:
    """Auth statement 47: it counts what the inviter holds when it is accepted."""
    admin = await tenants.admin()
    keeper = await tenants.role(admin, "auth.*")
    await invite(tenants, admin, "kim@x.test", keeper)
    await tenants.accept("kim@x.test")
    opened = await tenants.sign_in("kim@x.test")
    await invite(tenants, bearer(opened.access_token), "ann@x.test", keeper)
    kim = user_pb2.User(name=opened.user, disabled=True)
    request = user_service_pb2.UpdateUserRequest(user=kim, update_mask=FieldMask(paths=["disabled"]))
    await tenants.users.UpdateUser(request, **admin)
    answer = tenants.invitations.AcceptInvitation(accepting(await tenants.secret("ann@x.test")))
    assert await reason_of(answer) == INVALID


async def test_whoever_has_a_user_already_gets_the_roles_and_keeps_the_password(tenants: Tenants) -> None:
    admin = await tenants.admin()
    await invite(tenants, admin, "ann@x.test")
    first = await tenants.accept("ann@x.test")
    await invite(tenants, admin, "ann@x.test", await tenants.role(admin, "shop.orders.*"))
    request = accepting(await tenants.secret("ann@x.test"), password="quite another password of hers")
    assert (await tenants.invitations.AcceptInvitation(request)).user == first.user
    opened = await tenants.sign_in("ann@x.test")
    assert claims_of(opened.access_token)["permissions"] == ["shop.orders.*"]


async def test_an_invitation_to_somebody_else_cannot_be_joined_by(tenants: Tenants) -> None:
    ann = await tenants.found("acme", "ann@acme.test")
    await tenants.found("beta", "bob@beta.test")
    await invite(tenants, ann, "carl@beta.test", "roles/administrator")
    bob = bearer((await tenants.sign_in("bob@beta.test", organization="beta")).access_token)
    secret = await tenants.secret("carl@beta.test")
    join = tenants.invitations.JoinOrganization(service_pb2.JoinOrganizationRequest(secret=secret), **bob)
    assert await reason_of(join) == INVALID


async def test_a_role_that_is_offered_is_not_deleted_meanwhile(tenants: Tenants) -> None:
    admin = await tenants.admin()
    clerk = await tenants.role(admin, "shop.orders.*")
    made = await invite(tenants, admin, "ann@x.test", clerk)
    delete = role_service_pb2.DeleteRoleRequest(name=clerk)
    assert await reason_of(tenants.roles.DeleteRole(delete, **admin)) == "FAILED_PRECONDITION ROLE_IN_USE"
    await tenants.invitations.DeleteInvitation(service_pb2.DeleteInvitationRequest(name=made.name), **admin)
    await tenants.roles.DeleteRole(delete, **admin)


@pytest.mark.parametrize("password", ["short", "passwordpassword"])
async def test_a_first_password_that_would_be_guessed_is_refused_and_the_secret_stays_good(
    tenants: Tenants, password: str
) -> None:
    await invite(tenants, await tenants.admin(), "ann@x.test")
    secret = await tenants.secret("ann@x.test")
    answer = tenants.invitations.AcceptInvitation(accepting(secret, password=password))
    assert (await reason_of(answer)).startswith("INVALID_ARGUMENT")
    assert await tenants.invitations.AcceptInvitation(accepting(secret, password=OWN))
