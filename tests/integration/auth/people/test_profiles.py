"""What people see, change, take along and delete of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.json_format import MessageToDict, MessageToJson
from tenon.auth.v1 import group_pb2, group_service_pb2, profile_pb2, user_pb2, user_service_pb2
from tenon.auth.v1 import profile_service_pb2 as pb
from tenon.auth.v1.session_service_pb2 import RefreshSessionRequest, SwitchOrganizationRequest

from services.auth.storage.personal_data import tables
from tests.integration.auth.people.conftest import bearer
from tests.integration.auth.people.test_invitations import invite
from tests.integration.auth.people.test_memberships import make_member
from tests.integration.auth.test_auth_service import reason_of

if TYPE_CHECKING:
    from tests.integration.auth.people.conftest import Tenants


def updating(*paths: str, **fields: str) -> pb.UpdateMeRequest:
    return pb.UpdateMeRequest(profile=profile_pb2.Profile(**fields), update_mask=FieldMask(paths=paths))


async def add_person(tenants: Tenants, address: str = "ann@x.test", *roles: str) -> Any:
    """Have somebody accept an invitation to `default`, and return their sign-in."""
    await invite(tenants, await tenants.admin(), address, *roles)
    await tenants.accept(address)
    return await tenants.sign_in(address)


async def grow_old(tenants: Tenants, opened: Any) -> dict[str, Any]:
    """Return the metadata of somebody whose sign-in is an hour ago."""
    for table in ("sessions", "refresh_sessions"):
        await tenants.database.fetch(
            f"UPDATE auth.{table} SET auth_time = auth_time - interval '1 hour' WHERE user_name = $1", [opened.user]
        )
    renewed = await tenants.sessions.RefreshSession(RefreshSessionRequest(refresh_token=opened.refresh_token))
    return bearer(renewed.access_token)


async def test_people_change_their_profile_and_nothing_else(tenants: Tenants) -> None:
    """Auth statements 42 and 46: roles, address, metadata and `verified` are not theirs to set."""
    opened = await add_person(tenants)
    own = bearer(opened.access_token)
    changed = await tenants.profiles.UpdateMe(
        updating(display_name="Ann", given_name="Ann", locale="de-CH", zone="Europe/Zurich"), **own
    )
    assert (changed.user.display_name, changed.user.locale, changed.user.zone) == ("Ann", "de-CH", "Europe/Zurich")
    for path in ("roles", "email", "disabled", "metadata", "email_verified", "name"):
        answer = tenants.profiles.UpdateMe(updating(path), **own)
        assert (await reason_of(answer)).startswith("INVALID_ARGUMENT")
    user = user_pb2.User(name=opened.user, roles=["roles/administrator"])
    request = user_service_pb2.UpdateUserRequest(user=user, update_mask=FieldMask(paths=["roles"]))
    assert (await reason_of(tenants.users.UpdateUser(request, **own))).startswith("PERMISSION_DENIED")
    cleared = await tenants.profiles.UpdateMe(updating("*", family_name="Bell"), **own)
    assert (cleared.user.family_name, cleared.user.given_name, cleared.user.email) == ("Bell", "", "ann@x.test")


async def test_nobody_sets_that_an_address_is_verified(tenants: Tenants) -> None:
    """Auth statement 42: what says `verified` is set by proof alone (the class of CVE-2026-27946)."""
    admin = await tenants.admin()
    user = user_pb2.User(email="ann@x.test", email_verified=True)
    made = await tenants.users.CreateUser(user_service_pb2.CreateUserRequest(user=user), **admin)
    assert not made.email_verified
    made.email_verified = True
    update = user_service_pb2.UpdateUserRequest(user=made, update_mask=FieldMask(paths=["*"]))
    changed = await tenants.users.UpdateUser(update, **admin)
    assert not changed.email_verified


async def test_a_phone_number_changes_after_a_recent_sign_in_alone_and_its_owner_is_told(tenants: Tenants) -> None:
    """Auth statement 42: showing anew who one is before the change, and a notice after it."""
    opened = await add_person(tenants)
    old = await grow_old(tenants, opened)
    answer = tenants.profiles.UpdateMe(updating(phone_number="+41441234567"), **old)
    assert await reason_of(answer) == "UNAUTHENTICATED STEP_UP_REQUIRED"
    await tenants.profiles.UpdateMe(updating(display_name="Ann"), **old)
    await tenants.letters()
    fresh = bearer((await tenants.sign_in("ann@x.test")).access_token)
    changed = await tenants.profiles.UpdateMe(updating(phone_number="+41441234567"), **fresh)
    assert changed.user.phone_number == "+41441234567"
    [letter] = await tenants.letters()
    assert (letter.to, letter.kind) == ("ann@x.test", "change")
    await tenants.profiles.UpdateMe(updating(phone_number="+41441234567"), **old)
    assert await tenants.letters() == []


async def test_a_member_who_acts_elsewhere_is_still_who_they_are_at_home(tenants: Tenants) -> None:
    ann = await tenants.found("acme", "ann@acme.test")
    await tenants.found("beta", "bob@beta.test")
    await make_member(tenants, ann, "bob@beta.test")
    away = bearer((await tenants.sign_in("bob@beta.test", organization="acme")).access_token)
    me = await tenants.profiles.GetMe(pb.GetMeRequest(), **away)
    assert (me.home, me.organization, me.user.email) == ("beta", "acme", "bob@beta.test")
    changed = await tenants.profiles.UpdateMe(updating(display_name="Bob"), **away)
    assert changed.user.display_name == "Bob"


async def test_an_export_holds_what_is_kept_and_no_secret(tenants: Tenants) -> None:
    ann = await tenants.found("acme", "ann@acme.test")
    await tenants.found("beta", "bob@beta.test")
    bob = await make_member(tenants, ann, "bob@beta.test")
    opened = await tenants.sign_in("bob@beta.test", organization="beta")
    own = bearer(opened.access_token)
    away = await tenants.sessions.SwitchOrganization(SwitchOrganizationRequest(organization="acme"), **own)
    found = MessageToDict((await tenants.profiles.ExportMe(pb.ExportMeRequest(), **own)).data)
    assert found["user"][0]["email"] == "bob@beta.test"
    assert found["memberships"][0]["organization"] == "acme"
    assert {row["organization"] for row in found["refresh_sessions"]} == {"acme", "beta"}
    assert {"sessions", "credentials", "invitations"} - {"invitations"} <= found.keys()
    text = str(found)
    kept = await tenants.database.fetch("SELECT password_hash FROM auth.credentials")
    secrets = [row["password_hash"] for row in kept] + [away.refresh_token, opened.refresh_token, opened.access_token]
    assert all(secret not in text for secret in secrets)
    assert "ann@acme.test" not in text
    old = await grow_old(tenants, opened)
    assert await reason_of(tenants.profiles.ExportMe(pb.ExportMeRequest(), **old)) == "UNAUTHENTICATED STEP_UP_REQUIRED"
    request = user_service_pb2.ExportUserDataRequest(name=bob)
    chief = await tenants.sign_in("bob@beta.test", organization="beta")
    by_chief = await tenants.users.ExportUserData(request, **bearer(chief.access_token))
    assert MessageToDict(by_chief.data)["user"] == found["user"]


async def assert_nothing_is_left(tenants: Tenants, user: str, address: str) -> None:
    for table in tables():
        rows = await tenants.database.fetch(f"SELECT 1 FROM auth.{table.name} WHERE user_name = $1", [user])
        assert rows == [], table.name
    for statement in (
        "SELECT 1 FROM auth.users WHERE name = $1",
        'SELECT 1 FROM auth.memberships WHERE "user" = $1',
        "SELECT 1 FROM auth.groups WHERE members @> ARRAY[$1::text]",
    ):
        assert await tenants.database.fetch(statement, [user]) == []
    rows = await tenants.database.fetch("SELECT * FROM auth.audit_events")
    assert address not in str([tuple(row) for row in rows])
    rows = await tenants.database.fetch("SELECT before, after FROM auth.outbox WHERE subject = $1", [user])
    assert all(address.encode() not in part for row in rows for part in (row["before"], row["after"]) if part)


@pytest.mark.parametrize("themselves", [True, False])
async def test_whoever_is_deleted_leaves_nothing_but_the_name_that_nobody_gets_again(
    tenants: Tenants, themselves: bool
) -> None:
    """Auth statements 41 and 50: sessions, tokens, password, memberships and groups go; the name is used up."""
    ann = await tenants.found("acme", "ann@acme.test")
    admin = await tenants.admin()
    opened = await add_person(tenants, "cid@default.test")
    cid, own = opened.user, bearer(opened.access_token)
    await invite(tenants, ann, "cid@default.test", await tenants.role(ann, "shop.orders.*"))
    from tenon.auth.v1.invitation_service_pb2 import JoinOrganizationRequest  # noqa: PLC0415

    await tenants.invitations.JoinOrganization(
        JoinOrganizationRequest(secret=await tenants.secret("cid@default.test")), **own
    )
    group = group_pb2.Group(display_name="Clerks", members=[cid])
    await tenants.groups.CreateGroup(group_service_pb2.CreateGroupRequest(group=group), **admin)
    await tenants.groups.CreateGroup(group_service_pb2.CreateGroupRequest(group=group), **ann)
    away = await tenants.sessions.SwitchOrganization(SwitchOrganizationRequest(organization="acme"), **own)
    if themselves:
        await tenants.profiles.DeleteMe(pb.DeleteMeRequest(), **own)
    else:
        await tenants.users.DeleteUser(user_service_pb2.DeleteUserRequest(name=cid), **admin)
    assert not await tenants.is_good(opened.access_token)
    assert not await tenants.is_good(away.access_token)
    for token in (opened.refresh_token, away.refresh_token):
        refresh = tenants.sessions.RefreshSession(RefreshSessionRequest(refresh_token=token))
        assert await reason_of(refresh) == "UNAUTHENTICATED REFRESH_TOKEN_INVALID"
    assert await reason_of(tenants.sign_in("cid@default.test")) == "UNAUTHENTICATED SIGN_IN_FAILED"
    await assert_nothing_is_left(tenants, cid, "cid@default.test")
    again = user_service_pb2.CreateUserRequest(user=user_pb2.User(email="cid@default.test"))
    assert (await tenants.users.CreateUser(again, **admin)).name != cid


async def test_the_last_administrator_of_any_organization_hands_it_over_before_leaving(tenants: Tenants) -> None:
    opened = await tenants.sign_in()
    leave = tenants.profiles.DeleteMe(pb.DeleteMeRequest(), **bearer(opened.access_token))
    assert await reason_of(leave) == "FAILED_PRECONDITION LAST_ADMINISTRATOR"
    assert await tenants.is_good(opened.access_token)
    ann = await tenants.found("acme", "ann@acme.test")
    leave = tenants.profiles.DeleteMe(pb.DeleteMeRequest(), **ann)
    assert await reason_of(leave) == "FAILED_PRECONDITION LAST_ADMINISTRATOR"


async def test_a_client_with_a_part_of_the_rights_does_nothing_with_the_account(tenants: Tenants) -> None:
    """Auth statement 46: consent to a client's `openid` is none to leave, to export or to act elsewhere."""
    opened = await add_person(tenants)
    await tenants.database.fetch(
        "UPDATE auth.refresh_sessions SET scope = 'openid profile' WHERE user_name = $1", [opened.user]
    )
    renewed = await tenants.sessions.RefreshSession(RefreshSessionRequest(refresh_token=opened.refresh_token))
    client = bearer(renewed.access_token)
    for answer in (
        tenants.profiles.UpdateMe(updating(display_name="Eve"), **client),
        tenants.profiles.ExportMe(pb.ExportMeRequest(), **client),
        tenants.profiles.DeleteMe(pb.DeleteMeRequest(), **client),
        tenants.sessions.SwitchOrganization(SwitchOrganizationRequest(organization="default"), **client),
    ):
        assert await reason_of(answer) == "PERMISSION_DENIED SESSION_NEEDED"


async def test_leaving_needs_a_recent_sign_in(tenants: Tenants) -> None:
    old = await grow_old(tenants, await add_person(tenants))
    assert await reason_of(tenants.profiles.DeleteMe(pb.DeleteMeRequest(), **old)) == "UNAUTHENTICATED STEP_UP_REQUIRED"


async def test_metadata_is_bounded_and_shown_to_the_user(tenants: Tenants) -> None:
    admin, opened = await tenants.admin(), await add_person(tenants)
    user = user_pb2.User(name=opened.user, metadata={"plan": "gold"})
    mask = FieldMask(paths=["metadata"])
    await tenants.users.UpdateUser(user_service_pb2.UpdateUserRequest(user=user, update_mask=mask), **admin)
    me = await tenants.profiles.GetMe(pb.GetMeRequest(), **bearer(opened.access_token))
    assert dict(me.user.metadata) == {"plan": "gold"}
    for metadata in ({f"k{n}": "" for n in range(51)}, {"k" * 65: ""}, {"k": "v" * 501}):
        user = user_pb2.User(name=opened.user, metadata=metadata)
        update = tenants.users.UpdateUser(user_service_pb2.UpdateUserRequest(user=user, update_mask=mask), **admin)
        assert (await reason_of(update)).startswith("INVALID_ARGUMENT")
    assert "gold" in MessageToJson(me)
