"""Who acts in an organization without living there, what groups give, and how both end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.field_mask_pb2 import FieldMask
from tenon.auth.v1 import (
    group_pb2,
    group_service_pb2,
    invitation_pb2,
    invitation_service_pb2,
    membership_pb2,
    membership_service_pb2,
    role_pb2,
    role_service_pb2,
    user_pb2,
    user_service_pb2,
)
from tenon.auth.v1.session_service_pb2 import RefreshSessionRequest, SwitchOrganizationRequest

from tests.integration.auth.people.conftest import OWN, bearer
from tests.integration.auth.test_auth_service import claims_of, reason_of

if TYPE_CHECKING:
    from tests.integration.auth.people.conftest import Tenants


async def make_member(tenants: Tenants, ann: dict[str, Any], address: str, *roles: str) -> str:
    """Have somebody who lives in another organization invited by one's administrator, and join. Return their name."""
    invitation = invitation_pb2.Invitation(email=address, roles=roles)
    await tenants.invitations.CreateInvitation(
        invitation_service_pb2.CreateInvitationRequest(invitation=invitation), **ann
    )
    home = address.partition("@")[2].removesuffix(".test")
    opened = await tenants.sign_in(address, organization=home)
    join = invitation_service_pb2.JoinOrganizationRequest(secret=await tenants.secret(address))
    await tenants.invitations.JoinOrganization(join, **bearer(opened.access_token))
    return str(opened.user)


async def test_a_member_signs_in_by_the_password_of_home_and_holds_the_roles_of_here(tenants: Tenants) -> None:
    ann = await tenants.found("acme", "ann@acme.test")
    await tenants.found("beta", "bob@beta.test")
    clerk = await tenants.role(ann, "shop.orders.*")
    bob = await make_member(tenants, ann, "bob@beta.test", clerk)
    opened = await tenants.sign_in("bob@beta.test", organization="acme")
    claims = claims_of(opened.access_token)
    assert (claims["sub"], claims["org"], claims["permissions"]) == (bob, "acme", ["shop.orders.*"])
    at_home = await tenants.sign_in("bob@beta.test", organization="beta")
    assert claims_of(at_home.access_token)["permissions"] == ["*"]
    # Statement 36: a wrong password, a member elsewhere and nobody at all fail alike.
    wrong = [
        await reason_of(tenants.sign_in("bob@beta.test", "wrong password of bob", "acme")),
        await reason_of(tenants.sign_in("ann@acme.test", OWN, "beta")),
        await reason_of(tenants.sign_in("eve@evil.test", OWN, "acme")),
    ]
    assert wrong == ["UNAUTHENTICATED SIGN_IN_FAILED"] * 3


async def test_the_end_of_a_membership_ends_what_was_held_by_it_and_nothing_else(tenants: Tenants) -> None:
    """Auth statements 41 and 47: a membership that ends takes sessions, refresh tokens and access tokens along."""
    ann = await tenants.found("acme", "ann@acme.test")
    await tenants.found("beta", "bob@beta.test")
    await make_member(tenants, ann, "bob@beta.test", await tenants.role(ann, "shop.orders.*"))
    home = await tenants.sign_in("bob@beta.test", organization="beta")
    request = SwitchOrganizationRequest(organization="acme")
    away = await tenants.sessions.SwitchOrganization(request, **bearer(home.access_token))
    assert await tenants.is_good(away.access_token)
    [kept] = (
        await tenants.memberships.ListMemberships(membership_service_pb2.ListMembershipsRequest(), **ann)
    ).memberships
    await tenants.memberships.DeleteMembership(membership_service_pb2.DeleteMembershipRequest(name=kept.name), **ann)
    assert not await tenants.is_good(away.access_token)
    refresh = tenants.sessions.RefreshSession(RefreshSessionRequest(refresh_token=away.refresh_token))
    assert await reason_of(refresh) == "UNAUTHENTICATED REFRESH_TOKEN_INVALID"
    again = await tenants.sessions.RefreshSession(RefreshSessionRequest(refresh_token=home.refresh_token))
    assert await tenants.is_good(again.access_token)
    switch = tenants.sessions.SwitchOrganization(request, **bearer(again.access_token))
    assert await reason_of(switch) == "NOT_FOUND ORGANIZATION_UNKNOWN"


async def test_other_roles_hold_at_once(tenants: Tenants) -> None:
    """Auth statement 47: a change of what a member, a group or a role gives takes tokens back that say otherwise."""
    ann = await tenants.found("acme", "ann@acme.test")
    await tenants.found("beta", "bob@beta.test")
    clerk, keeper = await tenants.role(ann, "shop.orders.*"), await tenants.role(ann, "shop.items.*")
    bob = await make_member(tenants, ann, "bob@beta.test", clerk)
    [kept] = (
        await tenants.memberships.ListMemberships(membership_service_pb2.ListMembershipsRequest(), **ann)
    ).memberships

    async def permissions() -> tuple[str, list[str]]:
        token = (await tenants.sign_in("bob@beta.test", organization="acme")).access_token
        return token, claims_of(token)["permissions"]

    token, held = await permissions()
    assert held == ["shop.orders.*"]
    kept.roles[:] = [keeper]
    await tenants.memberships.UpdateMembership(
        membership_service_pb2.UpdateMembershipRequest(membership=kept, update_mask=FieldMask(paths=["roles"])), **ann
    )
    assert not await tenants.is_good(token)
    group = await tenants.groups.CreateGroup(
        group_service_pb2.CreateGroupRequest(
            group=group_pb2.Group(display_name="Clerks", members=[bob], roles=[clerk])
        ),
        **ann,
    )
    token, held = await permissions()
    assert held == ["shop.items.*", "shop.orders.*"]
    role = role_pb2.Role(name=clerk, permissions=["shop.orders.get"])
    await tenants.roles.UpdateRole(
        role_service_pb2.UpdateRoleRequest(role=role, update_mask=FieldMask(paths=["permissions"])), **ann
    )
    assert not await tenants.is_good(token)
    token, held = await permissions()
    assert held == ["shop.items.*", "shop.orders.get"]
    assert await reason_of(tenants.roles.DeleteRole(role_service_pb2.DeleteRoleRequest(name=clerk), **ann)) == (
        "FAILED_PRECONDITION ROLE_IN_USE"
    )
    await tenants.groups.DeleteGroup(group_service_pb2.DeleteGroupRequest(name=group.name), **ann)
    assert not await tenants.is_good(token)
    assert (await permissions())[1] == ["shop.items.*"]


async def test_nobody_gives_more_than_they_hold(tenants: Tenants) -> None:
    """Auth statement 46: neither by membership nor by group nor by invitation, whoever's record it is."""
    ann = await tenants.found("acme", "ann@acme.test")
    await tenants.found("beta", "bob@beta.test")
    keeper = await tenants.role(ann, "auth.*")
    bob = await make_member(tenants, ann, "bob@beta.test", keeper)
    away = bearer((await tenants.sign_in("bob@beta.test", organization="acme")).access_token)
    mighty = group_pb2.Group(display_name="Mighty", members=[bob], roles=["roles/administrator"])
    made = await tenants.groups.CreateGroup(
        group_service_pb2.CreateGroupRequest(group=group_pb2.Group(display_name="Weak", members=[bob])), **ann
    )
    strong = await tenants.groups.CreateGroup(
        group_service_pb2.CreateGroupRequest(
            group=group_pb2.Group(display_name="Strong", roles=["roles/administrator"])
        ),
        **ann,
    )
    away = bearer((await tenants.sign_in("bob@beta.test", organization="acme")).access_token)
    [kept] = (
        await tenants.memberships.ListMemberships(membership_service_pb2.ListMembershipsRequest(), **ann)
    ).memberships
    kept.roles[:] = ["roles/administrator"]
    joined = group_pb2.Group(name=strong.name, members=[bob])
    raised = group_pb2.Group(name=made.name, roles=["roles/administrator"])
    mask = {"update_mask": FieldMask(paths=["roles"])}
    tries = (
        tenants.groups.CreateGroup(group_service_pb2.CreateGroupRequest(group=mighty), **away),
        tenants.groups.UpdateGroup(group_service_pb2.UpdateGroupRequest(group=raised, **mask), **away),
        tenants.groups.UpdateGroup(
            group_service_pb2.UpdateGroupRequest(group=joined, update_mask=FieldMask(paths=["members"])), **away
        ),
        tenants.groups.DeleteGroup(group_service_pb2.DeleteGroupRequest(name=strong.name), **away),
        tenants.memberships.UpdateMembership(
            membership_service_pb2.UpdateMembershipRequest(membership=kept, **mask), **away
        ),
        tenants.invitations.CreateInvitation(
            invitation_service_pb2.CreateInvitationRequest(
                invitation=invitation_pb2.Invitation(email="x@x.test", roles=["roles/administrator"])
            ),
            **away,
        ),
    )
    for answer in tries:
        assert await reason_of(answer) == "PERMISSION_DENIED GRANT_EXCEEDS_OWN"


async def test_a_user_who_is_mighty_by_a_group_is_not_edited_by_the_weak(tenants: Tenants) -> None:
    ann = await tenants.found("acme", "ann@acme.test")
    user = user_pb2.User(email="cid@acme.test")
    cid = await tenants.users.CreateUser(user_service_pb2.CreateUserRequest(user=user), **ann)
    group = group_pb2.Group(display_name="Mighty", members=[cid.name], roles=["roles/administrator"])
    await tenants.groups.CreateGroup(group_service_pb2.CreateGroupRequest(group=group), **ann)
    await tenants.found("beta", "bob@beta.test")
    await make_member(tenants, ann, "bob@beta.test", await tenants.role(ann, "auth.*"))
    away = bearer((await tenants.sign_in("bob@beta.test", organization="acme")).access_token)
    cid.email = "bob2@acme.test"
    update = user_service_pb2.UpdateUserRequest(user=cid, update_mask=FieldMask(paths=["email"]))
    assert await reason_of(tenants.users.UpdateUser(update, **away)) == "PERMISSION_DENIED GRANT_EXCEEDS_OWN"
    reset = tenants.users.ResetPassword(user_service_pb2.ResetPasswordRequest(name=cid.name), **away)
    assert await reason_of(reset) == "PERMISSION_DENIED GRANT_EXCEEDS_OWN"


async def test_the_last_administrator_may_be_a_member_or_in_a_group_and_stays(tenants: Tenants) -> None:
    ann = await tenants.found("acme", "ann@acme.test")
    await tenants.found("beta", "bob@beta.test")
    bob = await make_member(tenants, ann, "bob@beta.test")
    group = await tenants.groups.CreateGroup(
        group_service_pb2.CreateGroupRequest(
            group=group_pb2.Group(display_name="Chiefs", members=[bob], roles=["roles/administrator"])
        ),
        **ann,
    )
    me = claims_of(ann["metadata"][0][1].removeprefix("Bearer "))["sub"]
    ann = bearer((await tenants.sign_in("ann@acme.test", organization="acme")).access_token)
    away = bearer((await tenants.sign_in("bob@beta.test", organization="acme")).access_token)
    await tenants.users.DeleteUser(user_service_pb2.DeleteUserRequest(name=me), **away)
    for answer in (
        tenants.groups.DeleteGroup(group_service_pb2.DeleteGroupRequest(name=group.name), **away),
        tenants.groups.UpdateGroup(
            group_service_pb2.UpdateGroupRequest(
                group=group_pb2.Group(name=group.name), update_mask=FieldMask(paths=["members"])
            ),
            **away,
        ),
    ):
        assert await reason_of(answer) == "FAILED_PRECONDITION LAST_ADMINISTRATOR"


async def test_a_group_holds_those_alone_who_act_in_the_organization(tenants: Tenants) -> None:
    ann = await tenants.found("acme", "ann@acme.test")
    await tenants.found("beta", "bob@beta.test")
    bob = (await tenants.sign_in("bob@beta.test", organization="beta")).user
    for stranger in (bob, "users/nobody", "serviceAccounts/nobody"):
        group = group_pb2.Group(display_name="Strangers", members=[stranger])
        answer = tenants.groups.CreateGroup(group_service_pb2.CreateGroupRequest(group=group), **ann)
        assert await reason_of(answer) == "NOT_FOUND MEMBER_UNKNOWN"


async def test_who_may_not_see_a_user_at_home_cannot_make_them_a_member(tenants: Tenants) -> None:
    """Auth statement 46: the name of somebody else's user tells nothing."""
    ann = await tenants.found("acme", "ann@acme.test")
    await tenants.found("beta", "bob@beta.test")
    bob = (await tenants.sign_in("bob@beta.test", organization="beta")).user

    def adding(user: str, home: str, caller: dict[str, Any]) -> Any:
        membership = membership_pb2.Membership(user=user, home=home)
        request = membership_service_pb2.CreateMembershipRequest(membership=membership)
        return tenants.memberships.CreateMembership(request, **caller)

    unknown = await reason_of(adding("users/nobody", "beta", ann))
    assert unknown == await reason_of(adding(bob, "beta", ann)) == "NOT_FOUND MEMBER_UNKNOWN"
    admin = await tenants.admin()
    made = await adding(bob, "beta", admin)
    assert (made.user, made.home) == (bob, "beta")
    assert await reason_of(adding(bob, "beta", admin)) == "ALREADY_EXISTS RECORD_ALREADY_EXISTS"


async def test_an_administrator_of_one_organization_never_sets_a_password_of_another(tenants: Tenants) -> None:
    ann = await tenants.found("acme", "ann@acme.test")
    await tenants.found("beta", "bob@beta.test")
    bob = await make_member(tenants, ann, "bob@beta.test", await tenants.role(ann, "shop.orders.*"))
    for answer in (
        tenants.users.ResetPassword(user_service_pb2.ResetPasswordRequest(name=bob), **ann),
        tenants.users.GetUser(user_service_pb2.GetUserRequest(name=bob), **ann),
        tenants.users.DeleteUser(user_service_pb2.DeleteUserRequest(name=bob), **ann),
        tenants.users.ExportUserData(user_service_pb2.ExportUserDataRequest(name=bob), **ann),
        tenants.users.UpdateUser(
            user_service_pb2.UpdateUserRequest(user=user_pb2.User(name=bob, disabled=True)), **ann
        ),
    ):
        assert (await reason_of(answer)).startswith("NOT_FOUND")
    assert await tenants.sign_in("bob@beta.test", organization="beta")
