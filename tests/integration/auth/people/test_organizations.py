"""Organizations from their making to their end, and who sees and changes which."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from tenon.auth.v1 import invitation_pb2, invitation_service_pb2, user_pb2, user_service_pb2
from tenon.auth.v1 import organization_pb2 as pb
from tenon.auth.v1 import organization_service_pb2 as service_pb2
from tenon.auth.v1.session_service_pb2 import (
    ListMyOrganizationsRequest,
    RefreshSessionRequest,
    SwitchOrganizationRequest,
)

from services.auth.storage.organizations import KEPT, SqlOrganizations
from tests.integration.auth.people.conftest import bearer
from tests.integration.auth.people.test_memberships import make_member
from tests.integration.auth.test_auth_service import claims_of, reason_of

if TYPE_CHECKING:
    from tests.integration.auth.people.conftest import Tenants


def creating(organization: str, **fields: Any) -> service_pb2.CreateOrganizationRequest:
    return service_pb2.CreateOrganizationRequest(organization=pb.Organization(**fields), organization_id=organization)


def updating(organization: str, *paths: str, **fields: Any) -> service_pb2.UpdateOrganizationRequest:
    return service_pb2.UpdateOrganizationRequest(
        organization=pb.Organization(name=f"organizations/{organization}", **fields),
        update_mask=FieldMask(paths=paths),
    )


def deleting(organization: str) -> service_pb2.DeleteOrganizationRequest:
    return service_pb2.DeleteOrganizationRequest(name=f"organizations/{organization}")


async def test_default_is_there_from_the_start_and_is_neither_disabled_nor_deleted(tenants: Tenants) -> None:
    admin = await tenants.admin()
    found = await tenants.organizations.ListOrganizations(service_pb2.ListOrganizationsRequest(), **admin)
    assert [one.name for one in found.organizations] == ["organizations/default"]
    update = tenants.organizations.UpdateOrganization(updating("default", "disabled", disabled=True), **admin)
    assert await reason_of(update) == "FAILED_PRECONDITION ORGANIZATION_PROTECTED"
    delete = tenants.organizations.DeleteOrganization(deleting("default"), **admin)
    assert await reason_of(delete) == "FAILED_PRECONDITION ORGANIZATION_PROTECTED"
    assert await tenants.sign_in()


async def test_whoever_makes_an_organization_administers_it_and_switches_to_it(tenants: Tenants) -> None:
    opened = await tenants.sign_in()
    admin = bearer(opened.access_token)
    await tenants.organizations.CreateOrganization(creating("acme", display_name="Acme Ltd"), **admin)
    mine = await tenants.sessions.ListMyOrganizations(ListMyOrganizationsRequest(), **admin)
    assert [(one.organization, one.display_name) for one in mine.organizations] == [
        ("default", "Default"),
        ("acme", "Acme Ltd"),
    ]
    switched = await tenants.sessions.SwitchOrganization(SwitchOrganizationRequest(organization="acme"), **admin)
    claims, before = claims_of(switched.access_token), claims_of(opened.access_token)
    assert (claims["org"], claims["sub"], claims["permissions"]) == ("acme", opened.user, ["*"])
    assert claims["sid"] == before["sid"]
    assert claims["grant"] != before["grant"]
    renewed = await tenants.sessions.RefreshSession(RefreshSessionRequest(refresh_token=switched.refresh_token))
    assert claims_of(renewed.access_token)["org"] == "acme"


async def test_the_first_administrator_is_invited_and_lives_there(tenants: Tenants) -> None:
    ann = await tenants.found("acme", "ann@acme.test")
    mine = await tenants.sessions.ListMyOrganizations(ListMyOrganizationsRequest(), **ann)
    assert [one.organization for one in mine.organizations] == ["acme"]
    shown = await tenants.organizations.GetOrganization(
        service_pb2.GetOrganizationRequest(name="organizations/acme"), **ann
    )
    assert shown.administrator_email == ""


async def test_an_administrator_sees_and_changes_their_own_organization_alone(tenants: Tenants) -> None:
    """Auth statement 46: other organizations are as if they did not exist, whatever the request says."""
    ann = await tenants.found("acme", "ann@acme.test")
    await tenants.found("beta", "bob@beta.test")
    listed = await tenants.organizations.ListOrganizations(service_pb2.ListOrganizationsRequest(), **ann)
    assert [one.name for one in listed.organizations] == ["organizations/acme"]
    for text in ('name = "organizations/beta"', 'name != "a" OR name = "organizations/beta"', "NOT disabled = true"):
        found = await tenants.organizations.ListOrganizations(service_pb2.ListOrganizationsRequest(filter=text), **ann)
        assert {one.name for one in found.organizations} <= {"organizations/acme"}
    for text in ("disabled = false) OR (disabled = false", 'disabled = false) OR name != ("a"'):
        answer = tenants.organizations.ListOrganizations(service_pb2.ListOrganizationsRequest(filter=text), **ann)
        assert await reason_of(answer) == "INVALID_ARGUMENT FILTER_INVALID"
    get = service_pb2.GetOrganizationRequest(name="organizations/beta")
    assert (await reason_of(tenants.organizations.GetOrganization(get, **ann))).startswith("NOT_FOUND")
    update = tenants.organizations.UpdateOrganization(updating("beta", "display_name", display_name="Mine"), **ann)
    assert (await reason_of(update)).startswith("NOT_FOUND")
    for answer in (
        tenants.organizations.DeleteOrganization(deleting("beta"), **ann),
        tenants.organizations.DeleteOrganization(deleting("acme"), **ann),
        tenants.organizations.CreateOrganization(creating("gamma"), **ann),
        tenants.organizations.UpdateOrganization(updating("acme", "disabled", disabled=True), **ann),
    ):
        assert await reason_of(answer) == "PERMISSION_DENIED ORGANIZATION_FORBIDDEN"
    changed = await tenants.organizations.UpdateOrganization(
        updating("acme", "display_name", display_name="Acme & Co"), **ann
    )
    assert changed.display_name == "Acme & Co"


async def test_whoever_acts_in_system_sees_all(tenants: Tenants) -> None:
    await tenants.found("acme", "ann@acme.test")
    system = await tenants.minted("system")
    listed = await tenants.organizations.ListOrganizations(service_pb2.ListOrganizationsRequest(), **system)
    assert [one.name for one in listed.organizations] == ["organizations/acme", "organizations/default"]


async def test_nobody_acts_in_a_disabled_organization_until_it_is_enabled(tenants: Tenants) -> None:
    """Auth statement 41: disabling ends sessions, refresh tokens and access tokens at once."""
    await tenants.found("acme", "ann@acme.test")
    opened, admin = await tenants.sign_in("ann@acme.test", organization="acme"), await tenants.admin()
    assert await tenants.is_good(opened.access_token)
    await tenants.organizations.UpdateOrganization(updating("acme", "disabled", disabled=True), **admin)
    assert not await tenants.is_good(opened.access_token)
    refresh = tenants.sessions.RefreshSession(RefreshSessionRequest(refresh_token=opened.refresh_token))
    assert await reason_of(refresh) == "UNAUTHENTICATED REFRESH_TOKEN_INVALID"
    failed = await reason_of(tenants.sign_in("ann@acme.test", organization="acme"))
    assert failed == await reason_of(tenants.sign_in("nobody@acme.test", organization="acme"))
    assert await reason_of(tenants.minted("acme")) == "NOT_FOUND ORGANIZATION_UNKNOWN"
    await tenants.organizations.UpdateOrganization(updating("acme", "disabled"), **admin)
    again = await tenants.sign_in("ann@acme.test", organization="acme")
    assert await tenants.is_good(again.access_token)


async def test_a_deleted_organization_is_gone_and_its_id_is_never_given_again(tenants: Tenants) -> None:
    """Auth statement 50: identifiers are never used again."""
    await tenants.found("acme", "ann@acme.test")
    opened, admin = await tenants.sign_in("ann@acme.test", organization="acme"), await tenants.admin()
    await tenants.organizations.DeleteOrganization(deleting("acme"), **admin)
    assert not await tenants.is_good(opened.access_token)
    assert await reason_of(tenants.sign_in("ann@acme.test", organization="acme")) == "UNAUTHENTICATED SIGN_IN_FAILED"
    for organization in ("acme", "system"):
        again = tenants.organizations.CreateOrganization(creating(organization), **admin)
        assert await reason_of(again) == "ALREADY_EXISTS ORGANIZATION_ID_TAKEN"
    assert (await reason_of(tenants.organizations.DeleteOrganization(deleting("acme"), **admin))).startswith(
        "NOT_FOUND"
    )


async def test_what_was_kept_of_a_deleted_organization_is_erased_and_nothing_else(tenants: Tenants) -> None:
    """Auth statement 50: the id stays used up when nothing else is left."""
    ann = await tenants.found("acme", "ann@acme.test")
    await tenants.found("acme-two", "bob@acme-two.test")
    await tenants.role(ann, "shop.orders.*")
    await make_member(tenants, ann, "bob@acme-two.test")
    others = """
        SELECT (SELECT count(*) FROM auth.users WHERE organization <> 'acme') AS users,
               (SELECT count(*) FROM auth.roles WHERE organization <> 'acme') AS roles
    """
    [before] = await tenants.database.fetch(others)
    await tenants.organizations.DeleteOrganization(deleting("acme"), **await tenants.admin())
    kept = SqlOrganizations(tenants.database)
    await kept.purge(now=datetime.now(UTC), batch=1)
    await kept.purge(now=datetime.now(UTC))
    rows = await tenants.database.fetch(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = 'auth' AND column_name = 'organization'"
    )
    for table in {row["table_name"] for row in rows} - set(KEPT):
        left = await tenants.database.fetch(f"SELECT 1 FROM auth.{table} WHERE organization = 'acme'")
        assert left == [], table
    assert await tenants.database.fetch(others) == [before]
    again = tenants.organizations.CreateOrganization(creating("acme"), **await tenants.admin())
    assert await reason_of(again) == "ALREADY_EXISTS ORGANIZATION_ID_TAKEN"


async def test_making_one_again_with_the_same_request_makes_nothing_twice(tenants: Tenants) -> None:
    admin = await tenants.admin()
    request = creating("acme", administrator_email="ann@acme.test")
    request.request_id = "7b2c1f34-7a43-4e0d-9d5e-1d0b1a2c3d4e"
    first = await tenants.organizations.CreateOrganization(request, **admin)
    request.organization.administrator_email = "ann@acme.test"
    second = await tenants.organizations.CreateOrganization(request, **admin)
    assert first == second
    assert len(await tenants.letters()) == 1


async def test_an_organization_takes_addresses_of_its_domains_alone(tenants: Tenants) -> None:
    ann = await tenants.found("acme", "ann@acme.test", allowed_email_domains=["acme.test"])
    refused = "PERMISSION_DENIED EMAIL_DOMAIN_NOT_ALLOWED"
    user = user_pb2.User(email="eve@evil.test")
    assert await reason_of(tenants.users.CreateUser(user_service_pb2.CreateUserRequest(user=user), **ann)) == refused
    made = await tenants.users.CreateUser(
        user_service_pb2.CreateUserRequest(user=user_pb2.User(email="BOB@Acme.test")), **ann
    )
    made.email = "bob@evil.test"
    update = user_service_pb2.UpdateUserRequest(user=made, update_mask=FieldMask(paths=["email"]))
    assert await reason_of(tenants.users.UpdateUser(update, **ann)) == refused
    invitation = invitation_service_pb2.CreateInvitationRequest(
        invitation=invitation_pb2.Invitation(email="eve@evil.test")
    )
    assert await reason_of(tenants.invitations.CreateInvitation(invitation, **ann)) == refused


async def test_sessions_end_as_their_organization_says(tenants: Tenants) -> None:
    await tenants.found(
        "acme", "ann@acme.test", session_lifetime=Duration(seconds=600), session_idle=Duration(seconds=300)
    )
    opened = await tenants.sign_in("ann@acme.test", organization="acme")
    issued = claims_of(opened.access_token)["iat"]
    assert opened.refresh_token_expire_time.seconds - issued <= 301
    renewed = await tenants.sessions.RefreshSession(RefreshSessionRequest(refresh_token=opened.refresh_token))
    assert renewed.refresh_token_expire_time.seconds - issued <= 302
    [row] = await tenants.database.fetch(
        "SELECT expire_time - create_time AS life, idle FROM auth.sessions WHERE organization = 'acme' "
        "ORDER BY create_time DESC LIMIT 1"
    )
    assert (row["life"].total_seconds(), row["idle"].total_seconds()) == (600, 300)


@pytest.mark.parametrize("organization", ["Acme", "9acme", "acme-", "a" * 64, "acme/beta", ""])
async def test_an_id_that_no_sign_in_could_name_is_refused(tenants: Tenants, organization: str) -> None:
    answer = tenants.organizations.CreateOrganization(creating(organization), **await tenants.admin())
    assert (await reason_of(answer)).startswith("INVALID_ARGUMENT")


async def test_an_organization_may_ask_for_a_second_factor(tenants: Tenants) -> None:
    ann = await tenants.found("acme", "ann@acme.test")
    opened = await tenants.sign_in("ann@acme.test", organization="acme")
    await tenants.organizations.UpdateOrganization(
        updating("acme", "require_second_factor", require_second_factor=True), **ann
    )
    refresh = tenants.sessions.RefreshSession(RefreshSessionRequest(refresh_token=opened.refresh_token))
    assert await reason_of(refresh) == "UNAUTHENTICATED REFRESH_TOKEN_INVALID"
