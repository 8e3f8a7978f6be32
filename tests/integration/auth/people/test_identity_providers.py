"""Who says by which providers people sign in, and that nobody gains by it; whose linked identities are."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from tenon.auth.v1 import (
    identity_provider_pb2,
    identity_provider_service_pb2,
    identity_provider_service_pb2_grpc,
    invitation_pb2,
    invitation_service_pb2,
    linked_identity_service_pb2,
    linked_identity_service_pb2_grpc,
    role_service_pb2,
    user_service_pb2,
)

from services.auth.domain.federation.identities import LinkedIdentity
from services.auth.domain.federation.waiting import Purpose, Stage, Waiting
from services.auth.storage.federation.identities import SqlLinkedIdentities
from services.auth.storage.federation.saml_requests import make_key
from services.auth.storage.federation.waiting import SqlUsedAssertions, SqlWaitingRoom
from services.chassis.keyring import Keyring, create_root_key
from tests.integration.auth.people.conftest import bearer
from tests.integration.auth.test_auth_service import reason_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.auth.people.conftest import Tenants

OIDC = {"display_name": "Abroad", "kind": "KIND_OIDC", "issuer": "https://op.test", "client_id": "tenon"}


class Abroad:
    """The stubs, and what is asked of them."""

    def __init__(self, tenants: Tenants) -> None:
        self.stub: Any = identity_provider_service_pb2_grpc.IdentityProviderServiceStub(tenants.edge)
        self.linked: Any = linked_identity_service_pb2_grpc.LinkedIdentityServiceStub(tenants.edge)

    def create(self, caller: dict[str, Any], **fields: Any) -> Any:
        made = identity_provider_pb2.IdentityProvider(**{**OIDC, **fields})
        request = identity_provider_service_pb2.CreateIdentityProviderRequest(identity_provider=made)
        return self.stub.CreateIdentityProvider(request, **caller)

    def update(self, caller: dict[str, Any], name: str, **fields: Any) -> Any:
        request = identity_provider_service_pb2.UpdateIdentityProviderRequest(
            identity_provider=identity_provider_pb2.IdentityProvider(name=name, **fields),
            update_mask=FieldMask(paths=list(fields)),
        )
        return self.stub.UpdateIdentityProvider(request, **caller)

    def set_secret(self, caller: dict[str, Any], name: str) -> Any:
        request = identity_provider_service_pb2.SetIdentityProviderSecretRequest(name=name, client_secret="s3cret")
        return self.stub.SetIdentityProviderSecret(request, **caller)

    def delete(self, caller: dict[str, Any], name: str) -> Any:
        request = identity_provider_service_pb2.DeleteIdentityProviderRequest(name=name)
        return self.stub.DeleteIdentityProvider(request, **caller)


async def clerk_of(tenants: Tenants, ann: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Have somebody join who may change providers and nothing else, and return their metadata and their name."""
    role = await tenants.role(ann, "auth.identityProviders.*")
    invitation = invitation_pb2.Invitation(email="clerk@acme.test", roles=[role])
    await tenants.invitations.CreateInvitation(
        invitation_service_pb2.CreateInvitationRequest(invitation=invitation), **ann
    )
    await tenants.accept("clerk@acme.test")
    opened = await tenants.sign_in("clerk@acme.test", organization="acme")
    return bearer(opened.access_token), str(opened.user)


async def link(tenants: Tenants, user: str, provider: str, subject: str = "ada") -> LinkedIdentity:
    """Link an identity as a sign-in would."""
    identity = LinkedIdentity(
        id=uuid.uuid4().hex,
        organization="acme",
        user=user,
        provider=provider,
        subject=subject,
        created=datetime.now(UTC),
    )
    assert await SqlLinkedIdentities(tenants.database).add(identity)
    return identity


async def test_a_provider_gives_no_role_that_its_maker_does_not_hold(tenants: Tenants) -> None:
    ann = await tenants.found("acme", "ann@acme.test")
    abroad = Abroad(tenants)
    clerk, _ = await clerk_of(tenants, ann)
    shop = await tenants.role(ann, "shop.orders.*")
    exceeds = "PERMISSION_DENIED GRANT_EXCEEDS_OWN"
    assert await reason_of(abroad.create(clerk, provisioning=True, default_roles=[shop])) == exceeds
    made = await abroad.create(clerk, provisioning=True)
    assert await reason_of(abroad.update(clerk, made.name, default_roles=[shop])) == exceeds
    await abroad.update(ann, made.name, default_roles=[shop])
    assert await reason_of(abroad.update(clerk, made.name, display_name="Mine")) == exceeds
    gone = tenants.roles.DeleteRole(role_service_pb2.DeleteRoleRequest(name=shop), **ann)
    assert await reason_of(gone) == "FAILED_PRECONDITION ROLE_IN_USE"


async def test_whoever_changes_a_provider_holds_what_those_hold_who_sign_in_by_it(tenants: Tenants) -> None:
    """Whoever says what a provider's word is may speak it."""
    ann = await tenants.found("acme", "ann@acme.test")
    abroad = Abroad(tenants)
    clerk, name = await clerk_of(tenants, ann)
    made = await abroad.create(clerk)
    await link(tenants, name, made.name)
    await abroad.update(clerk, made.name, issuer="https://other.test")
    administrator = (await tenants.sign_in("ann@acme.test", organization="acme")).user
    await link(tenants, administrator, made.name, "ann")
    exceeds = "PERMISSION_DENIED GRANT_EXCEEDS_OWN"
    assert await reason_of(abroad.update(clerk, made.name, issuer="https://evil.test")) == exceeds
    assert await reason_of(abroad.set_secret(clerk, made.name)) == exceeds
    assert await reason_of(abroad.delete(clerk, made.name)) == exceeds
    await abroad.update(ann, made.name, issuer="https://third.test")


async def test_a_provider_that_could_not_be_believed_is_not_made(tenants: Tenants) -> None:
    ann = await tenants.found("acme", "ann@acme.test")
    abroad = Abroad(tenants)
    good = make_key("https://idp.test")[1]
    saml = {"kind": "KIND_SAML", "client_id": "", "sign_in_url": "https://idp.test/sso", "certificates": [good]}
    for fields in (
        {"issuer": "http://op.test"},
        {"issuer": "http://127.0.0.1:8080"},
        {"issuer": "https://op.test/?a=b"},
        {"issuer": "https://user:password@op.test"},
        {"issuer": "op.test"},
        {"client_id": ""},
        {"claims": {"roles": "groups"}},
        {"email_domains": ["@acme.test"]},
        {"sign_requests": True},
        {**saml, "certificates": []},
        {**saml, "certificates": ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]},
        {**saml, "sign_in_url": "javascript:alert(1)"},
        {**saml, "client_id": "tenon"},
    ):
        assert await reason_of(abroad.create(ann, **fields)) == "INVALID_ARGUMENT IDENTITY_PROVIDER_INVALID", fields
    for fields in ({"levels": {"mfa": "aal3"}}, {"kind": "KIND_UNSPECIFIED"}, {"display_name": ""}):
        assert (await reason_of(abroad.create(ann, **fields))).startswith("INVALID_ARGUMENT"), fields
    made = await abroad.create(ann, **saml)
    assert await reason_of(abroad.set_secret(ann, made.name)) == "INVALID_ARGUMENT IDENTITY_PROVIDER_INVALID"


async def test_a_secret_is_sealed_and_nobody_reads_it_again(tenants: Tenants) -> None:
    ann = await tenants.found("acme", "ann@acme.test")
    abroad = Abroad(tenants)
    made = await abroad.create(ann)
    await abroad.set_secret(ann, made.name)
    get = identity_provider_service_pb2.GetIdentityProviderRequest(name=made.name)
    assert "s3cret" not in str(await abroad.stub.GetIdentityProvider(get, **ann))
    rows = await tenants.database.fetch("SELECT * FROM auth.provider_secrets")
    assert [row["provider"] for row in rows] == [made.name]
    assert b"s3cret" not in rows[0]["client_secret"]
    outbox = await tenants.database.fetch("SELECT to_jsonb(o)::text AS row FROM auth.outbox o")
    assert not any("s3cret" in row["row"] for row in outbox)
    await abroad.delete(ann, made.name)
    assert await tenants.database.fetch("SELECT * FROM auth.provider_secrets") == []


async def test_another_organization_s_provider_is_nobody_s(tenants: Tenants) -> None:
    """Auth statement 46."""
    ann = await tenants.found("acme", "ann@acme.test")
    bob = await tenants.found("beta", "bob@beta.test")
    abroad = Abroad(tenants)
    made = await abroad.create(ann)
    unknown = "NOT_FOUND IDENTITY_PROVIDER_UNKNOWN"
    assert await reason_of(abroad.set_secret(bob, made.name)) == unknown
    for call in (abroad.update(bob, made.name, issuer="https://evil.test"), abroad.delete(bob, made.name)):
        assert (await reason_of(call)).startswith("NOT_FOUND")


async def test_people_see_and_unlink_their_own_identities_and_no_others(tenants: Tenants) -> None:
    """Auth statement 42: with a proof that is fresh, and a mail."""
    ann = await tenants.found("acme", "ann@acme.test")
    abroad = Abroad(tenants)
    clerk, name = await clerk_of(tenants, ann)
    made = await abroad.create(ann)
    identity = await link(tenants, name, made.name)
    listing = linked_identity_service_pb2.ListLinkedIdentitiesRequest()
    seen = (await abroad.linked.ListLinkedIdentities(listing, **clerk)).linked_identities
    assert [(one.identity_provider, one.subject) for one in seen] == [(made.name, "ada")]
    assert not (await abroad.linked.ListLinkedIdentities(listing, **ann)).linked_identities
    request = linked_identity_service_pb2.UnlinkIdentityRequest(name=f"linkedIdentities/{identity.id}")
    unknown = "NOT_FOUND LINKED_IDENTITY_UNKNOWN"
    assert await reason_of(abroad.linked.UnlinkIdentity(request, **ann)) == unknown
    await abroad.linked.UnlinkIdentity(request, **clerk)
    assert await reason_of(abroad.linked.UnlinkIdentity(request, **clerk)) == unknown
    assert any("linked to your account no more" in letter.text for letter in await tenants.letters())


async def test_an_identity_belongs_to_one_user_and_goes_with_them(tenants: Tenants) -> None:
    """Auth statements 22 and 50."""
    ann = await tenants.found("acme", "ann@acme.test")
    abroad = Abroad(tenants)
    _, name = await clerk_of(tenants, ann)
    made = await abroad.create(ann)
    await link(tenants, name, made.name)
    with pytest.raises(AssertionError):
        await link(tenants, "users/another", made.name)
    kept = SqlLinkedIdentities(tenants.database)
    assert await kept.find(made.name, "ada") is not None
    await tenants.users.DeleteUser(user_service_pb2.DeleteUserRequest(name=name), **ann)
    assert await kept.find(made.name, "ada") is None


async def test_what_waits_is_taken_once_for_what_it_waits_until_it_expires(tenants: Tenants, tmp_path: Path) -> None:
    """Auth statement 43: the token of a callback is good once."""
    create_root_key(tmp_path / "key")
    room = SqlWaitingRoom(tenants.database, Keyring.from_file(tmp_path / "key").sealer("test"))
    now = datetime.now(UTC)
    waiting = Waiting(
        id=b"i" * 32,
        stage=Stage.ASKED,
        organization="acme",
        provider="identityProviders/1",
        browser=b"b" * 32,
        purpose=Purpose(flow="f", to="/account", user="users/1"),
        kept={"nonce": "n"},
        expires=now + timedelta(minutes=1),
    )
    await room.keep(waiting)
    assert await room.find(waiting.id, Stage.OFFERED, now=now) is None
    assert await room.take(waiting.id, Stage.HEARD, now=now) is None
    assert await room.take(waiting.id, Stage.ASKED, now=now + timedelta(minutes=2)) is None
    found = await room.find(waiting.id, Stage.ASKED, now=now)
    assert found is not None
    assert (found.purpose, found.kept, found.browser) == (waiting.purpose, waiting.kept, waiting.browser)
    assert await room.take(waiting.id, Stage.ASKED, now=now) is not None
    assert await room.take(waiting.id, Stage.ASKED, now=now) is None
    used = SqlUsedAssertions(tenants.database)
    assert await used.is_first("identityProviders/1", b"d" * 32, until=now)
    assert not await used.is_first("identityProviders/1", b"d" * 32, until=now)
    await room.prune(now=now + timedelta(minutes=2))
    assert await used.is_first("identityProviders/1", b"d" * 32, until=now)
